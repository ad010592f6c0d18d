"""Write the document of the rules from their register: `python -m infra.rules`.

A test holds `chalicelib/supervision/rules/README.md` to it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.programs.model import Policy
from chalicelib.supervision.rules.register import CLASS_RULES, VOUCHER_RULES
from chalicelib.supervision.rules.rule import Rule

PLACE = Path(__file__).parents[1] / "chalicelib/supervision/rules/README.md"
_OF_POLICY = "policy."
_HEAD = """# Rules of supervision

Written by `python -m infra.rules` from `register.py`; a test holds it true.

A rule reads one dossier (`dossier.py`), the policy of the class's program and the moment asked, and gives
findings. `warn` is told to people, `hold` is grave. What is grave stops the lines it names (all of the class
where it names none) until a supervisor has decided. A policy may wait with what only looks like cheating
until it is confirmed (`patterns_stop_payment` off). Whatever is confirmed is stopped, a warning too. Rules
see keys of persons, devices, phones and accounts, never what these stand for. Position and burst rules read
no offline and no made-up check-in. Classes in draft, returned or cancelled have no findings, and nothing
collides with them.

Thresholds are fields of `supervision` in a program's policy (`chalicelib/programs/thresholds.py` says why
each is what it is), those with `policy.` of the policy itself; the newest version counts.
"""


def document() -> str:
    """Write the document."""
    rules: list[Rule[Any]] = [*CLASS_RULES, *VOUCHER_RULES]
    names = list(dict.fromkeys(rule.name for rule in rules))
    parts = [_HEAD, "| rule | pattern | stops payment |\n|---|---|---|\n" + "".join(_rows(rules))]
    for name in names:
        parts.append(f"## `{name}`\n")
        parts += ["\n".join(_told(rule)) for rule in rules if rule.name == name]
    return "\n".join(parts)


def _rows(rules: list[Rule[Any]]) -> Iterator[str]:
    for rule in rules:
        yield f"| `{rule.name}` | {rule.pattern} | {'once confirmed' if rule.only_alike else 'at once'} |\n"


def _told(rule: Rule[Any]) -> Iterator[str]:
    yield f"- **Pattern**: {rule.pattern}."
    yield f"- **Source**: {rule.source}."
    yield f"- **Thresholds**: {', '.join(f'`{name}` = {_value(name)}' for name in rule.thresholds)}."
    yield "- **Spares**:"
    yield from (f"  - {spared}" for spared in rule.spares)
    if rule.weak:
        yield f"- **Weak**: {rule.weak}."
    yield ""


def _value(name: str) -> object:
    policy = Policy()
    if name.startswith(_OF_POLICY):
        return getattr(policy, name.removeprefix(_OF_POLICY))
    value = getattr(policy.supervision, name)
    return value if value != [] else "none"


if __name__ == "__main__":
    PLACE.write_text(document())
    sys.stdout.write(f"{PLACE}\n")
