"""Sheets changed at the level of their XML and of their text, as many as `SHEETS_FUZZED` says.

Whatever comes in is read or refused with a reason: nothing fails, no row is lost unseen, and nothing is kept that
its own parser would write otherwise. A part goes through the endpoints, the mass through the readers.
"""

import io
import os
import random
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from chalicelib.kernel.errors import Impossible
from chalicelib.people.lists.kinds import KINDS
from chalicelib.people.lists.model import ImportKind
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.forms import Column, write_form
from chalicelib.sheets.reading import SheetRow, read_lines
from chalicelib.sheets.writing import write_csv, write_xlsx
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.support.depth import size_of
from tests.vouchers.batches.test_issuance_from_a_list import NOW

SHEETS = size_of("SHEETS_FUZZED", usual=400, full=10_000)
THROUGH_HTTP = max(20, SHEETS // 200)
SEED = int(os.environ.get("SHEETS_SEED", "18"))
ROWS = 6
GRADUATES: Any = KINDS[ImportKind.GRADUATES]
LISTED: list[list[Any]] = [list(graduate_row(make_person(n, today=NOW.date()))) for n in range(ROWS)]
NUMBERS = {str(row[1]) for row in LISTED}
ALIEN = "\u3000 \u200b\u00a0\t\r\n'\u2019=+-@\"，,;；、。·•．０１２ＡＸx\ufeff\u202e㐂𠮷〇\x00\x1f0123456789年/-.:TZ"
PARTS_OF_XML = (
    b"<c/>", b'<c t="s"><v>0</v></c>', b'<c t="e"><v>#N/A</v></c>', b"<c><f>A1</f></c>", b'<c t="b"><v>1</v></c>',
    b'<c t="d"><v>2024-06-30T16:00:00.000Z</v></c>', b"<c><v>45473.9995</v></c>", b"<c><v>1e308</v></c>", b"<row/>",
    b'<row r="3">', b"</row>", b"</c>", b"<!-- x -->", b"<![CDATA[x]]>", b"&lt;", b"&#x202e;", b'r="B2"', b'r="ZZ99"',
    b' t="inlineStr"', b'xml:space="preserve"', b'<mergeCell ref="A2:B3"/>', b"<is><t>x</t></is>", b"x:",
)  # fmt: skip


def originals() -> Iterator[tuple[bytes, str]]:
    """Give the same list as three programs would write it."""
    columns = [Column(header=header, open=True) for header in GRADUATE_HEADERS]
    yield write_xlsx("名单", GRADUATE_HEADERS, LISTED), XLSX
    yield write_form("名单", columns, LISTED), XLSX
    yield write_csv(GRADUATE_HEADERS, LISTED), CSV


def mutated(raw: bytes, kind: str, chance: random.Random) -> bytes:
    if kind == CSV:
        text = raw.decode("utf-8-sig")
        for _ in range(chance.randint(1, 6)):
            text = _text_changed(text, chance)
        encoding = chance.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"))
        return text.encode(encoding, "replace")
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            if "sheet1" in entry.filename or chance.random() < 0.05:
                for _ in range(chance.randint(1, 4)):
                    part = _part_changed(part, chance)
            if chance.random() > 0.005:
                new.writestr(entry.filename, part)
    return target.getvalue()


def _text_changed(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    match chance.randrange(6):
        case 0:
            return text[:at] + chance.choice(ALIEN) + text[at:]
        case 1:
            return text[:at] + text[at + chance.randint(1, 3) :]
        case 2:
            return text[:at] + chance.choice(("\r\n", "\n", ",", '"', "\t", ";", "，")) + text[at:]
        case 3:
            lines = text.splitlines(keepends=True)
            chance.shuffle(lines)
            return "".join(lines)
        case 4:
            return text.replace(chance.choice(",\n-0"), chance.choice(ALIEN), chance.randint(1, 5))
        case _:
            return "".join(
                chr(ord(s) + 0xFEE0) if "0" <= s <= "z" and chance.random() < 0.1 else s for s in text
            )


def _part_changed(part: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(part) + 1)
    match chance.randrange(7):
        case 0:
            return part[:at] + chance.choice(PARTS_OF_XML) + part[at:]
        case 1:
            return part[:at] + part[at + chance.randint(1, 12) :]
        case 2:
            marks = [match.start() for match in re.finditer(rb"<c[ />]", part)]
            place = chance.choice(marks) if marks else at
            return part[:place] + chance.choice(PARTS_OF_XML) + part[place:]
        case 3:
            texts = list(re.finditer(rb"<t[^>]*>([^<]*)</t>", part))
            if not texts:
                return part
            text = chance.choice(texts)
            alien = chance.choice(ALIEN).encode("utf-8", "replace")
            return part[: text.start(1)] + alien + text[1] + part[text.end(1) :]
        case 4:
            return part.replace(
                b"<row>", chance.choice((b'<row r="9">', b"<row hidden='1'>", b"<row><c/>")), 1
            )
        case 5:
            rows = re.findall(rb"<row.*?</row>", part, re.DOTALL)
            return part.replace(chance.choice(rows), b"", 1) if rows else part
        case _:
            return part[:at] + bytes([chance.randrange(256)]) + part[at + 1 :]


def people_written(raw: bytes, kind: str) -> set[str]:
    """Give whose numbers stand whole in a cell of the file, by the eyes of other programs; none if unreadable."""
    texts: list[str] = []
    if kind == CSV:
        for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
            try:
                texts = re.split(r"[,;\t\r\n|，]", raw.decode(encoding))
            except UnicodeDecodeError:
                continue
            break
    else:
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                texts = list(_texts_in(packed))
        except (zipfile.BadZipFile, StopIteration, ET.ParseError, KeyError, ValueError, IndexError):
            return set()
    return {text.strip(" \t'\"") for text in texts} & NUMBERS


def _texts_in(packed: zipfile.ZipFile) -> Iterator[str]:
    strings: list[str] = []
    if "xl/sharedStrings.xml" in packed.namelist():
        strings = ["".join(item.itertext()) for item in ET.fromstring(packed.read("xl/sharedStrings.xml"))]
    name = next(name for name in packed.namelist() if name.endswith("sheet1.xml"))
    for cell in ET.fromstring(packed.read(name)).iter():
        if cell.tag.endswith("}c"):
            text = "".join(cell.itertext())
            yield strings[int(text)] if cell.get("t") == "s" else text


def require_one_spelling(kept: Any) -> None:
    """Read what is kept once more: it comes out as it went in."""
    cells = dict(GRADUATES.as_written(kept))
    again = GRADUATES.read_row(kept.row, cells, {})
    assert not isinstance(again, list), again
    assert dict(GRADUATES.as_written(again)) == cells


def judged(raw: bytes, kind: str) -> tuple[list[SheetRow], list[Any]] | str:
    try:
        rows = list(read_lines(raw, kind, GRADUATES.layout))
    except Impossible as refusal:
        return refusal.code
    return rows, [GRADUATES.read_row(row.row, row.cells, row.headers) for row in rows]


def test_no_changed_sheet_fails_loses_a_row_or_keeps_two_spellings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = list(originals())
    refused = kept = wrong = compared = 0
    for number in range(SHEETS):
        chance = random.Random(f"{SEED} {number}")
        raw, kind = chance.choice(sources)
        changed = mutated(raw, kind, chance)
        try:
            outcome = judged(changed, kind)
        except Exception as failure:
            raise AssertionError(f"SHEETS_SEED={SEED}, sheet {number}") from failure
        if isinstance(outcome, str):
            refused += 1
            continue
        rows, read = outcome
        for row, result in zip(rows, read, strict=True):
            if isinstance(result, list):
                assert result, f"SHEETS_SEED={SEED}, sheet {number}, row {row.row}: refused without a reason"
                wrong += 1
            elif not row.faults:
                kept += 1
                require_one_spelling(result)
        written = people_written(changed, kind)
        told = "\n".join(text for row in rows for text in row.cells.values())
        lost = (
            {text for text in written if text not in told} if not any(row.faults for row in rows) else set()
        )
        assert not lost, f"SHEETS_SEED={SEED}, sheet {number}: {lost} stand in the file and in no row"
        compared += len(written)
    with capsys.disabled():
        print(  # noqa: T201 - the figures of a run
            f"sheets: {SHEETS} with seed {SEED}: {refused} refused as a whole, {kept} rows kept, {wrong} told, "
            f"{compared} people looked for in the files themselves"
        )


def test_no_changed_sheet_is_a_failure_of_ours_at_the_endpoints(world: Any, api: Any) -> None:
    sources = list(originals())
    for number in range(THROUGH_HTTP):
        chance = random.Random(f"http {SEED} {number}")
        raw, kind = chance.choice(sources)
        path = "/v1/catalogue/imports?kind=institutions&dry_run=true"
        answer = api("province").send("POST", path, None, raw=mutated(raw, kind, chance), content_type=kind)
        assert answer.status in (200, 400, 415, 422), (SEED, number, answer.text)
        assert answer.json["detail"] if answer.status != 200 else answer.json["total"] >= 0
