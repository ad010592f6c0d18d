"""What documents, docstrings and comments name is there: files, folders and modules that have moved are found."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "chalicelib/kernel/GLOSSARY.md",
    ROOT / "infra/UPGRADING.md",
    *sorted((ROOT / "infra/decisions").glob("*.md")),
]
PROGRAM = [ROOT / "app.py", *sorted(ROOT.glob("chalicelib/**/*.py")), *sorted(ROOT.glob("infra/**/*.py"))]
FILE = re.compile(r"(?<![\w/.*-])(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml|ini|cfg)\b(?!/)")
FOLDER = re.compile(r"(?<![\w/.*-])(?:chalicelib|infra|tests)/(?:[\w-]+/)*(?![\w*<{])")
MODULE = re.compile(r"(?<![\w/.-])(?:chalicelib|infra|tests)(?:\.\w+)+")
ROOMS = {f"{room}.py" for room in ("model", "store", "service", "routes", "jobs")}
"""Named without a folder they mean the room of that name in every folder."""
FOREIGN = {"chalice/app.py", "pynamodb/models.py"}


def is_there(name: str, bases: list[Path]) -> bool:
    """Tell whether a path is one of the tree, seen from one of these folders."""
    return name in ROOMS | FOREIGN or any((base / name).exists() for base in bases)


def is_module(name: str) -> bool:
    """Tell whether a dotted name is a module, or a name that one defines."""
    for dotted in (name, name.rpartition(".")[0], name.rpartition(".")[0].rpartition(".")[0]):
        try:
            if dotted and find_spec(dotted) is not None:
                rest = name.removeprefix(dotted).strip(".").split(".")[0]
                return not rest or re.search(rf"\b{rest}\b", source_of(dotted)) is not None
        except (ModuleNotFoundError, ValueError):
            continue
    return False


def source_of(module: str) -> str:
    spec = find_spec(module)
    return Path(spec.origin).read_text() if spec is not None and spec.origin is not None else ""


def prose_of(path: Path) -> str:
    """Give the docstrings and comments of a Python file, the whole of any other."""
    text = path.read_text()
    return text if path.suffix != ".py" else "\n".join([*docstrings_of(text), *comments_of(text)])


def docstrings_of(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value


def comments_of(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def missing_in(path: Path) -> list[str]:
    """List what a file names that is not there: from the root, `chalicelib/`, its own folder, or one named beside it."""
    missing: set[str] = set()
    for line in prose_of(path).splitlines():
        folders = FOLDER.findall(line)
        bases = [ROOT, ROOT / "chalicelib", path.parent, *(ROOT / folder for folder in folders)]
        missing |= {name for name in [*FILE.findall(line), *folders] if not is_there(name, bases)}
        missing |= {
            name for name in MODULE.findall(line) if not name.endswith((".py", ".md")) and not is_module(name)
        }
    return sorted(missing)


def test_documents_name_what_is_there() -> None:
    assert {str(path.relative_to(ROOT)): missing for path in DOCUMENTS if (missing := missing_in(path))} == {}


def test_docstrings_and_comments_name_what_is_there() -> None:
    assert {str(path.relative_to(ROOT)): missing for path in PROGRAM if (missing := missing_in(path))} == {}


@pytest.mark.parametrize("name", ["vouchers/expired.py", "chalicelib/aws/http.py", "infra/nowhere/"])
def test_what_has_moved_is_found(name: str, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(
        f"See `{name}` and `chalicelib.aws.nothing_of_this`, beside `app.py` and `infra/local/`."
    )

    assert missing_in(document) == sorted([name, "chalicelib.aws.nothing_of_this"])
