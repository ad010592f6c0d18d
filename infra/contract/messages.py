"""Publish the forms of the messages to and from the national platform, as JSON Schemas.

`python -m infra.contract.messages` writes `infra/contract/messages/FORM.json`. What was handed out stands in
`released.json` beside them, once `--release` was given; a test holds the forms against it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from chalicelib.exchange.messages.model import BODIES, FORMS, schema_of
from infra.deployment.package import ROOT

Json = dict[str, Any]
FOLDER: Final = ROOT / "infra/contract/messages"
RELEASED: Final = FOLDER / "released.json"
WRITTEN_BY_US: Final = frozenset({"message.1", *BODIES})
"""Forms that others read; the rest they write."""


def path_of(form: str) -> Path:
    """Tell where a form is published."""
    return FOLDER / f"{form}.json"


def text_of(form: str) -> str:
    """Give the file of a form."""
    return json.dumps(schema_of(form), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def breaks(form: str, before: Json, now: Json) -> list[str]:
    """Name what somebody who reads, or writes, a form as it was handed out would stumble over."""
    ours = form in WRITTEN_BY_US
    old, new = dict(_fields(before)), dict(_fields(now))
    found = []
    for name, facts in old.items():
        if name not in new:
            found.append(f"{form}: {name} is gone")
            continue
        found += [f"{form}: {name} {fault}" for fault in _apart(facts, new[name], ours=ours)]
    found += [
        f"{form}: {name} is required now"
        for name, facts in new.items()
        if name not in old and facts["required"] and not ours
    ]
    return found


def _apart(old: Json, new: Json, *, ours: bool) -> Iterator[str]:
    if old["type"] != new["type"]:
        yield f"is {new['type']}, not {old['type']}"
    if ours and old["required"] and not new["required"]:
        yield "may be left out"
    if not ours and new["required"] and not old["required"]:
        yield "is required now"
    if ours and (fresh := set(new["members"]) - set(old["members"])):
        yield f"may be {', '.join(sorted(fresh))}"
    if not ours and (gone := set(old["members"]) - set(new["members"])):
        yield f"may not be {', '.join(sorted(gone))} any more"


def _fields(schema: Json, name: str = "", *, required: bool = True) -> Iterator[tuple[str, Json]]:
    kinds = schema.get("anyOf", [schema])
    if name:
        members = sorted(str(member) for kind in kinds for member in kind.get("enum", []))
        types = sorted(str(kind.get("type", "object")) for kind in kinds)
        yield name, {"type": "|".join(types), "required": required, "members": members}
    for kind in kinds:
        if "items" in kind:
            yield from _fields(kind["items"], f"{name}[]")
        for field, part in kind.get("properties", {}).items():
            needed = field in kind.get("required", [])
            yield from _fields(part, f"{name}.{field}" if name else field, required=needed)


def released() -> dict[str, Json]:
    """Give the forms as they were handed out last."""
    told: dict[str, Json] = json.loads(RELEASED.read_text(encoding="utf-8")) if RELEASED.exists() else {}
    return told


def main() -> None:
    """Write the forms as they are now; tell what they break of what was handed out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", action="store_true", help="they are handed out like this")
    release = parser.parse_args().release
    FOLDER.mkdir(exist_ok=True)
    for form in FORMS:
        path_of(form).write_text(text_of(form), encoding="utf-8")
    before = released()
    for form, schema in before.items():
        if form not in FORMS:
            print(f"{form}: the form is gone")
            continue
        print("\n".join(breaks(form, schema, schema_of(form))) or f"{form}: nothing is broken")
    if release:
        told = {form: schema_of(form) for form in sorted(FORMS)}
        RELEASED.write_text(json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
