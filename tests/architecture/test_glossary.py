"""Every term of the glossary is defined where the glossary says, and stands there once."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
GLOSSARY = ROOT / "chalicelib/kernel/GLOSSARY.md"
PLACE = re.compile(r"`(\w+)` in `([\w/]+\.py)`")
HEADS = ("term", "---")


def rows() -> list[list[str]]:
    lines = [line for line in GLOSSARY.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not row[0].startswith(HEADS)]


def defined_in(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_each_term_tells_its_chinese_its_meaning_and_its_place() -> None:
    assert [row for row in rows() if len(row) != 4 or not all(row)] == []
    assert [row[0] for row in rows() if not re.search("[\u4e00-\u9fff]", row[1])] == []
    assert [row[0] for row in rows() if PLACE.fullmatch(row[3]) is None] == []


def test_each_term_is_defined_where_the_glossary_says() -> None:
    places = [(row[0], *match.groups()) for row in rows() if (match := PLACE.fullmatch(row[3]))]

    assert [
        f"{term}: no {name} in {file}"
        for term, name, file in places
        if not (ROOT / file).exists() or name not in defined_in(ROOT / file)
    ] == []


def test_no_term_stands_twice_in_one_part() -> None:
    parts = GLOSSARY.read_text().split("\n## ")
    for part in parts:
        terms = Counter(line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| "))
        assert [term for term, count in terms.items() if count > 1] == []
