"""The import rules name files one by one: none may be forgotten."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def modules(pattern: str) -> set[str]:
    return {
        ".".join(path.with_suffix("").relative_to(ROOT).parts) for path in (ROOT / "chalicelib").glob(pattern)
    }


def test_every_model_is_held_to_be_pure() -> None:
    (pure,) = (one for one in CONTRACTS if one["name"].startswith("Models are pure"))
    assert modules("*/*_model.py") <= set(pure["source_modules"])


def test_only_stores_are_let_through_to_pynamodb() -> None:
    (ways,) = (one for one in CONTRACTS if one["name"].startswith("Only stores"))
    let_through = {rule.partition(" -> ")[0] for rule in ways["ignore_imports"]}
    assert all(name.endswith("store") for name in let_through), let_through
