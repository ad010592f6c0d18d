"""Look-alikes of what every field can hold: each is read as the plain one, or its refusal is told.

Fields are those of the layouts of every endpoint that reads sheets; a field without a sample here fails.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib.catalogue.imports.layouts import LAYOUTS
from chalicelib.catalogue.imports.model import in_one_form, institution_entry_of, project_of
from chalicelib.catalogue.model import CatalogueKind
from chalicelib.classes.trainee_sheets.rows import ROSTER, SCORES
from chalicelib.classes.trainee_sheets.rows import in_one_form as trainee_form
from chalicelib.kernel.errors import DomainError
from chalicelib.people.lists.kinds import KINDS
from chalicelib.people.lists.model import ImportKind
from chalicelib.settlement.results.bank_sheet import RESULTS, read_results
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.reading import SheetRow, read_lines
from chalicelib.sheets.writing import write_csv, write_xlsx

NUMBER, USCC = "340102200301010003", "91340111MX0000027D"
SAMPLES: Mapping[str, Mapping[str, str]] = {
    "graduates": {
        "name": "买买提·艾力", "id_number": NUMBER, "school": "安徽大学", "degree": "本科", "graduated_on": "2024-06-30",
        "left_school_on": "2024-07-01", "employment_status": "未就业", "phone": "15400000000", "division": "340102",
    },
    "ineligible_people": {
        "name": "欧阳-小明", "id_number": NUMBER, "situation": "就业", "from": "2024-06-30", "until": "2025-06-30",
        "as_of": "2024-07-01",
    },
    "roster": {"name": "买买提·艾力", "id_number": NUMBER, "enrolment_id": "", "joins": "是"},
    "scores": {"name": "买买提·艾力", "id_number": NUMBER, "enrolment_id": "", "theory": "85", "practice": "90"},
    "results": {
        "line_id": "lin_abc-01", "status": "paid", "amount_fen": "180000", "paid_on": "2024-06-30",
        "bank_reference": "TK-2024/01", "reason": "",
    },
    "institutions": {
        "name": "合肥职业学校", "uscc": USCC, "division": "340111", "address": "蜀山区1号", "phone": "0551-62345678-801",
        "lng": "117.2272", "lat": "31.8206", "coord_system": "gcj02", "programs": "prg_world",
        "projects": "prj_internetmarketing-5", "bank_holder": "合肥职业学校", "bank": "徽商银行", "bank_account": "1023701021000123456", "rooms": "6",
        "division_name": "", "status": "",
    },
    "projects": {
        "id": "prj_internetmarketing-5", "name": "互联网营销师", "occupation_code": "4-01-06-02", "edition": "2022", "level": "5",
        "hours": "40", "fee_yuan": "1800.00", "programs": "prg_world",
    },
}  # fmt: skip
FREE = {"school", "address", "bank_holder", "bank", "reason"} | {
    ("institutions", "name"),
    ("projects", "name"),
}
"""Words without an alphabet: only what nobody sees is taken away from them."""
OTHERS_OWN = {"line_id", "bank_reference"}
"""What others numbered, and is looked up or kept as it is: only its width means nothing."""
Twist = Callable[[str], str]
UNSEEN: Mapping[str, Twist] = {
    "blanks around": lambda text: f"  {text} ",
    "ideographic blanks": lambda text: f"\u3000{text}\u3000",
    "no-break blanks": lambda text: f"\u00a0{text}\u00a0",
    "a tab behind": lambda text: f"{text}\t",
    "no width": lambda text: f"\u200b{text[:1]}\u200d{text[1:]}\ufeff",
    "an apostrophe before": lambda text: f"'{text}",
    "a curly apostrophe": lambda text: f"\u2019{text}",
    "marks of direction": lambda text: f"\u202d{text}\u202c",
}
LIKE: Mapping[str, Twist] = {
    "full width": lambda text: "".join(chr(ord(s) + 0xFEE0) if "!" <= s <= "~" else s for s in text),
    "lower case": str.lower,
    "upper case": str.upper,
    "blanks within": lambda text: " ".join((text[:3], text[3:])),
    "no-break blank within": lambda text: "\u00a0".join((text[:3], text[3:])),
    "en dashes": lambda text: text.replace("-", "\u2013"),
    "long dashes": lambda text: text.replace("-", "\u2014\u2014"),
    "minus signs": lambda text: text.replace("-", "\u2212"),
    "slashes": lambda text: text.replace("-", "/"),
    "bullet": lambda text: text.replace("·", "\u2022"),
    "katakana dot": lambda text: text.replace("·", "\u30fb"),
    "full stop": lambda text: text.replace("·", "."),
    "full-width stop": lambda text: text.replace("·", "\uff0e"),
    "dot operator": lambda text: text.replace("·", "\u22c5"),
    "a point behind": lambda text: f"{text}.0",
    "commas": lambda text: text.replace("、", "，"),
    "quotes": lambda text: f'"{text}"',
}  # fmt: skip


def layouts() -> dict[str, Layout]:
    import app  # noqa: F401 - declares every endpoint
    from chalicelib.edge.endpoints import ENDPOINTS

    declared = [layout for endpoint in ENDPOINTS for layout in endpoint.layouts]
    return {str(layout.name): layout for layout in declared}


def kept(name: str, row: SheetRow) -> Mapping[str, Any] | list[str]:
    """Give what is kept of a row, or the codes of its refusal."""
    if name in KINDS:
        kind: Any = KINDS[ImportKind(name)]
        read = kind.read_row(row.row, row.cells, row.headers)
        return [fault.code for fault in read] if isinstance(read, list) else dict(kind.as_written(read))
    if name in ("roster", "scores"):
        return trainee_form(row).cells
    kind = CatalogueKind(name)
    from chalicelib.catalogue.institutions.service import _faults_of
    from chalicelib.catalogue.projects.reading import program_exists

    try:
        cells = in_one_form(kind, row.cells)
        entry: Any = project_of(cells) if kind is CatalogueKind.PROJECTS else institution_entry_of(cells)
    except DomainError as refusal:
        return [fault.code for fault in refusal.faults]
    if kind is CatalogueKind.INSTITUTIONS:
        faults, number = _faults_of(cells["uscc"], entry)
        told = [fault.code for fault in faults]
        return told or {"entry": entry, "uscc": cells["uscc"], "account": number}
    unlisted = [program for program in entry.programs if not program_exists(program)]
    return ["unknown_program"] if unlisted else {"entry": entry}


def read(name: str, layout: Layout, cells: Mapping[str, str], kind: str) -> Any:
    headers = [headers[0] for headers in layout.columns.values()]
    write = write_csv if kind == CSV else lambda heads, rows: write_xlsx("x", heads, rows)
    raw = write(headers, [[cells[column] for column in layout.columns]])
    if layout is RESULTS:
        results, refused, _ = read_results(raw, kind)
        return results or [row.code for row in refused]
    (row,) = read_lines(raw, kind, layout)
    return kept(name, row)


def fields() -> Iterator[tuple[str, str]]:
    return ((name, column) for name, cells in SAMPLES.items() for column, text in cells.items() if text)


def is_free(name: str, column: str) -> bool:
    return column in FREE or (name, column) in FREE


def test_every_field_of_every_sheet_has_a_sample() -> None:
    declared = layouts()
    assert set(declared) == set(SAMPLES)
    assert {name: set(layout.columns) for name, layout in declared.items()} == {
        name: set(cells) for name, cells in SAMPLES.items()
    }
    assert {ROSTER, SCORES, RESULTS, *LAYOUTS.values()} <= set(declared.values())


@pytest.mark.parametrize(("name", "column"), list(fields()))
def test_a_look_alike_is_kept_as_the_plain_one_or_its_refusal_is_told(
    name: str, column: str, request: pytest.FixtureRequest
) -> None:
    if name in ("institutions", "projects"):
        request.getfixturevalue("world")  # its program and its project have to be there
    layout, cells = layouts()[name], SAMPLES[name]
    plain = read(name, layout, cells, CSV)
    assert read(name, layout, cells, XLSX) == plain
    assert not isinstance(plain, list) or layout is RESULTS, plain
    alike = {} if is_free(name, column) else LIKE
    if column in OTHERS_OWN:
        alike = {"full width": LIKE["full width"]}
    twists = {**UNSEEN, **alike}
    for what, twist in twists.items():
        text = twist(cells[column])
        twisted = read(name, layout, {**cells, column: text}, XLSX)
        assert read(name, layout, {**cells, column: text}, CSV) == twisted, what
        if name in ("roster", "scores") and twisted != plain:
            assert column in ("joins", "theory", "practice") or refused_later(column, twisted[column]), what
            continue
        told = isinstance(twisted, list) and twisted and all(isinstance(code, str) for code in twisted)
        assert twisted == plain or told, (what, twisted)
        if what in UNSEEN:
            assert twisted == plain, what


def refused_later(column: str, text: str) -> bool:
    """Tell whether a cell of a roster is one that is refused: its column's parser does not take it."""
    from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
    from chalicelib.kernel.names import InvalidName, parse_name

    try:
        (parse_name if column == "name" else parse_id_number)(text)
    except (InvalidName, InvalidIdentity):
        return True
    return column == "name"  # another name, which is compared folded
