"""What a sheet has that an endpoint reads: its columns, told once to reader, template and documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.sheets.headers import IGNORED, synonyms_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The columns of one kind of sheet.

    `columns` gives each canonical column its accepted headers, the one of the template first. `optional` may
    be missing and may be empty; `instead` are those of which a row needs only some (`rule` says which). Cells
    of `dates` hold days, of these `timed` may have a time of day besides. `untold` stand in sheets that the
    service gives, and nobody has to fill them in.
    """

    name: str
    title: str
    columns: Mapping[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()
    instead: frozenset[str] = frozenset()
    dates: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    untold: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rule: str = ""
    english: str = ""
    """What `rule` says, for who reads no Chinese; the columns themselves are Chinese."""

    @property
    def required(self) -> frozenset[str]:
        """The columns without which a sheet is not read."""
        return frozenset(self.columns) - self.optional - self.instead

    @property
    def template(self) -> list[str]:
        """The headers of an empty sheet, in order."""
        return [headers[0] for name, headers in self.columns.items() if name not in self.untold]


_EVERY_SHEET = (
    (
        "xlsx 或 csv（UTF-8、UTF-16、GB18030）；列可为任意顺序，表头上方可有标题行。"
        f"不读取的列：{'、'.join(sorted(IGNORED))}，其余不认识的列有内容即拒绝。"
        "日期列可为日期单元格、序列值或文本；23:54 及以后的时刻按次日零点读取"
        "（JavaScript 组件会把上海的零点写早 43 秒至 5 分 43 秒），"
        "不带时间的列中 16:00 整按次日读取（exceljs 以 UTC 写零点）；带时区的时刻取上海的日期。"
    ),
    (
        "xlsx or csv (UTF-8, UTF-16, GB18030). Columns stand in any order; titles may stand above them. "
        f"Not read are {', '.join(sorted(IGNORED))}; any other unknown column is refused unless it is empty. "
        "Days are date cells, serial numbers or text. A moment of 23:54 or later is read as the next day's "
        "midnight, which programs in JavaScript miss by 43 s to 5 min 43 s; in columns of days without a "
        "time 16:00 is Shanghai's next midnight in UTC, as exceljs writes it. A moment with a zone is "
        "the day it is in Shanghai."
    ),
)
"""Chinese, English."""


def described(layouts: tuple[Layout, ...], *, english: bool | None = None) -> str:
    """Describe sheets for people who make them: a table of columns each, as Markdown, and what all share.

    In Chinese or English, by default in both.
    """
    wanted = [is_english for is_english in (False, True) if english in (None, is_english)]
    shared = [_EVERY_SHEET[is_english] for is_english in wanted]
    return "\n\n".join([*(_table(layout, wanted) for layout in layouts), *shared])


def _table(layout: Layout, wanted: Sequence[bool]) -> str:
    rules = [rule for is_english in wanted if (rule := (layout.rule, layout.english)[is_english])]

    def said(chinese: str, english: str) -> str:
        return " ".join((chinese, english)[is_english] for is_english in wanted)

    lines = [
        f"**{layout.title}** (`{layout.name}`){'：' if rules else ''}{' '.join(rules)}",
        "",
        f"| {said('列', 'column')} | {said('必填', 'required')} | {said('也可写作', 'also')} |",
        "|---|---|---|",
    ]
    for name, headers in layout.columns.items():
        others = [*headers[1:], name, *synonyms_of(headers)]
        need = _need(layout, name)
        lines.append(f"| {headers[0]} | {said(*need)} | {'、'.join(dict.fromkeys(others))} |")
    return "\n".join(lines)


def _need(layout: Layout, name: str) -> tuple[str, str]:
    if name in layout.required:
        return ("是", "yes")
    return ("见说明", "see above") if name in layout.instead else ("", "")
