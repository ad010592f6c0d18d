"""The house: rooms have the same names on every floor, and none is too large to be read."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "chalicelib").rglob("*.py"))
ROOMS = ("model", "store", "service", "routes", "jobs")
LINES_MAX = 500
TABLE_OF_REASONS = "chalicelib/kernel/reasons.py"
NOT_MIRRORED = {"architecture", "costs", "e2e", "faults", "proof", "infra", "stateful", "support"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def singular(word: str) -> str:
    return word.removesuffix("s") if not word.endswith("ies") else word.removesuffix("ies") + "y"


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in FILES}
    assert {name for name, lines in lengths.items() if lines > LINES_MAX} == {TABLE_OF_REASONS}


def test_no_file_carries_a_room_or_its_folder_in_its_name() -> None:
    """A second store of a step is a folder with a store, not a `footage_store`."""
    for path in FILES:
        name, folder = path.stem, path.parent.name
        assert not name.endswith(tuple(f"_{room}" for room in ROOMS)), name_of(path)
        assert not name.startswith((f"{folder}_", f"{singular(folder)}_")), name_of(path)


def test_every_folder_says_what_it_is() -> None:
    for path in FILES:
        assert (path.parent / "__init__.py").exists(), name_of(path)
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), name_of(path)


def test_tables_stand_in_stores_and_nowhere_else() -> None:
    """Whoever looks for a table finds it in a `store.py`; `aws/` has those that belong to no step.

    The indexes of a large one may stand in `indexes.py` beside it.
    """
    for path in FILES:
        classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        tables = [
            one.name
            for one in classes
            if any(isinstance(part, ast.ClassDef) and part.name == "Meta" for part in one.body)
        ]
        beside = path.stem == "indexes" and path.with_name("store.py").exists()
        inside = path.stem == "store" or beside or path.is_relative_to(ROOT / "chalicelib/aws")
        assert inside or not tables, (name_of(path), tables)


def test_the_tests_mirror_the_house() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        parts = path.relative_to(ROOT / "tests").parts[:-1]
        if not parts or parts[0] in NOT_MIRRORED:
            continue
        assert (ROOT / "chalicelib").joinpath(*parts).is_dir(), name_of(path)


def test_the_readme_names_every_folder_of_a_step() -> None:
    """A newcomer finds each concept in the row of its step."""
    rows = {
        line.split("|")[1].strip(" `"): line
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith("| `chalicelib/")
    }
    missing = [
        name_of(folder)
        for step in (ROOT / "chalicelib").iterdir()
        if step.is_dir() and step.name not in ("__pycache__", "console")
        for folder in step.iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
        if f"`{folder.name}/`" not in rows[f"chalicelib/{step.name}/"]
    ]
    assert missing == []
