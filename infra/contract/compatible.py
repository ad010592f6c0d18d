"""What a change of the API's document would break for those who integrated with the released one.

`infra/contract/released.json` outlines the released document: for each operation what it asks for and what
it answers, field by field. `make release` writes it anew, when a version is handed out and the breaks in
it are meant and stand in the changelog of /docs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.contract.openapi import PUBLISHED
from infra.deployment.package import ROOT

Json = dict[str, Any]
RELEASED: Final = ROOT / "infra/contract/released.json"
_DEPTH_MAX: Final = 6


def outline(document: Json) -> Json:
    """Lay out each operation: its address, the fields it takes and requires, the fields it answers.

    An event that programs are told of stands beside them: what it sends is what it answers.
    """
    told: Json = {}
    for name in sorted(document.get("webhooks", {})):
        item = document["components"]["pathItems"][name]
        body = item["post"]["requestBody"]["content"]["application/json"]["schema"]
        sent = {f"sends {field}": facts for field, facts in _fields(body, document, required=True)}
        told[item["post"]["operationId"]] = {"place": f"webhook {name}", "asks": {}, "answers": sent}
    for path, item in sorted(document["paths"].items()):
        for method, operation in sorted(item.items()):
            asked = {
                f"{part['in']} {part['name']}": _facts(part["schema"], document, required=part["required"])
                for part in operation["parameters"]
                if "name" in part
            }
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                asked |= dict(_fields(body["schema"], document, required=True))
            answers = {
                f"{status} {name}": facts
                for status, response in sorted(operation["responses"].items())
                if status < "3"
                for kind, media in sorted(response.get("content", {}).items())
                if kind.endswith("json")
                for name, facts in _fields(media["schema"], document, required=True)
            }
            told[operation["operationId"]] = {
                "place": f"{method.upper()} {path}",
                "asks": asked,
                "answers": answers,
            }
    return told


def breaks(before: Json, now: Json) -> list[str]:
    """Name what somebody who integrated with `before` would stumble over."""
    found: list[str] = []
    for name, old in before.items():
        new = now.get(name)
        if new is None:
            found.append(f"{name}: the operation is gone")
            continue
        if old["place"] != new["place"]:
            found.append(f"{name}: moved from {old['place']} to {new['place']}")
        found += [f"{name}: {fault}" for fault in _asks_more(old["asks"], new["asks"])]
        found += [f"{name}: {fault}" for fault in _answers_less(old["answers"], new["answers"])]
    return found


def _asks_more(old: Json, new: Json) -> Iterator[str]:
    """Name what was accepted and is no longer: a field, its type, some of its values, its absence."""
    for field, facts in old.items():
        if field not in new:
            yield f"no longer takes {field}"
            continue
        if facts["type"] != new[field]["type"]:
            yield f"takes {field} as {new[field]['type']}, not {facts['type']}"
        gone = set(facts.get("members", ())) - set(new[field].get("members", ()))
        if gone:
            yield f"no longer takes {', '.join(sorted(gone))} as {field}"
    for field, facts in new.items():
        if facts["required"] and not old.get(field, {"required": False})["required"]:
            yield f"now requires {field}"


def _answers_less(old: Json, new: Json) -> Iterator[str]:
    """Name what was answered and is no longer: a field gone, of another type, or perhaps absent."""
    for field, facts in old.items():
        if field not in new:
            yield f"no longer answers {field}"
        elif facts["type"] != new[field]["type"]:
            yield f"answers {field} as {new[field]['type']}, not {facts['type']}"
        elif facts["required"] and not new[field]["required"]:
            yield f"may leave out {field}"


def _fields(schema: Json, document: Json, *, required: bool, name: str = "") -> Iterator[tuple[str, Json]]:
    plain = _resolved(schema, document)
    for kind in plain.get("anyOf", []):
        yield from _fields(kind, document, required=False, name=name)
    if name:
        yield name, _facts(schema, document, required=required)
    if name.count(".") >= _DEPTH_MAX:
        return
    if "items" in plain:
        yield from _fields(plain["items"], document, required=required, name=f"{name}[]")
    for field, part in plain.get("properties", {}).items():
        needed = required and field in plain.get("required", [])
        yield from _fields(part, document, required=needed, name=f"{name}.{field}")


def _facts(schema: Json, document: Json, *, required: bool) -> Json:
    plain = _resolved(schema, document)
    kinds = [_resolved(kind, document) for kind in plain.get("anyOf", [plain])]
    members = sorted(str(member) for kind in kinds for member in kind.get("enum", []))
    told = {"type": "|".join(sorted({_type(kind) for kind in kinds})), "required": required}
    return {**told, "members": members} if members else told


def _type(schema: Json) -> str:
    kind = schema.get("type", "object")
    return "|".join(sorted(kind)) if isinstance(kind, list) else str(kind)


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def text_of(told: Mapping[str, Any]) -> str:
    """Give the file, one operation a line."""
    rows = [
        f" {json.dumps(name)}: {json.dumps(facts, sort_keys=True)}" for name, facts in sorted(told.items())
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> None:
    """Write the outline of the document as it is now; tell what it breaks."""
    now = outline(json.loads(PUBLISHED.read_text(encoding="utf-8")))
    before = json.loads(RELEASED.read_text(encoding="utf-8")) if RELEASED.exists() else {}
    print("\n".join(breaks(before, now)) or "nothing that was released is broken")
    RELEASED.write_text(text_of(now), encoding="utf-8")


if __name__ == "__main__":
    main()
