"""Where an answer leads: which operations can be called with an id that stands in it.

Read off the declarations. What is read at `…/classes/{class_id}` is known by `class_id`, and so is what is
listed or made at `…/classes`; a verb (`POST …/{class_id}/submit`) answers what it changed; a field `class_id`
names one wherever it stands. Tools that test the service go these ways, and a person sees what comes next.
"""

import re
import typing
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from chalicelib.edge.describing.schemas import members_of
from chalicelib.edge.endpoints import PUBLIC, Endpoint, Listing

Json = dict[str, Any]
Known = tuple[str, str]
"""Of which collection, by which placeholder: two have `batch_id`."""
_PLACEHOLDER: Final = re.compile(r"([a-z-]+)/{(\w+)}")
_OK: Final = 200
_VERSION: Final = "version"


class Links:
    """What leads where, of all operations together."""

    def __init__(self, endpoints: Iterable[Endpoint], roles: Mapping[str, Iterable[str]]) -> None:
        """Find what each type of answer is known by; `roles` are those of each operation, by its name."""
        self._endpoints = list(endpoints)
        self._roles = {name: set(of) for name, of in roles.items()}
        self._collections = defaultdict(set)
        self._places: list[tuple[str, Known]] = []
        for endpoint in self._endpoints:
            for place in _PLACEHOLDER.finditer(endpoint.path):
                collection, name = place.groups()
                self._collections[name].add(collection)
                self._places.append((endpoint.path[: place.start(2) - 1], (collection, name)))
        self._known_by = self._identities()
        self.components: Json = {}

    def of(self, endpoint: Endpoint, answer: Any) -> Json:
        """Give the links of one kind of answer, each by the operation it leads to."""
        values: dict[Known, str] = {}
        versions: dict[Known, str] = {}
        for kind, place in _structs_of(answer):
            for name in (field.encode_name for field in msgspec.structs.fields(kind)):
                value, known = f"$response.body#{place}/{name}", self._meaning(kind, name)
                if known is not None:
                    values.setdefault(known, value)
                elif name == _VERSION and kind in self._known_by:
                    versions.setdefault(self._known_by[kind], value)
        return {
            target.name: self._component(target, given, versions)
            for target in self._endpoints
            if target is not endpoint and self._is_for(endpoint, target)
            if (given := _given(target, values))
        }

    def _component(self, target: Endpoint, given: Mapping[str, str], versions: Mapping[Known, str]) -> Json:
        """Refer to a link, which is told once: many answers lead to an operation in the same way."""
        whole = "_".join(
            re.sub(r"\W+", ".", value).removeprefix(".response.body.") for value in given.values()
        )
        link: Json = {"operationId": target.name, "parameters": dict(given)}
        version = versions.get(_last(target.path) or ("", ""))
        if version is not None and _needs_version_alone(target.body):
            # not `requestBody`: OpenAPI Generator takes one that is an object for a fault of the document
            link["x-request-body"] = {_VERSION: version}
            whole += f"_{_VERSION}"
        name = f"{target.name}.{whole}"
        self.components[name] = link
        return {"$ref": f"#/components/links/{name}"}

    def _is_for(self, endpoint: Endpoint, target: Endpoint) -> bool:
        """Tell whether somebody who got the one answer may ask for the other."""
        if PUBLIC in (endpoint.action, target.action):
            return True
        return bool(self._roles[endpoint.name] & self._roles[target.name])

    def _meaning(self, kind: type, field: str) -> Known | None:
        if field == "id":
            return self._known_by.get(kind)
        collections = self._collections.get(field, ())
        if len(collections) != 1:
            return None
        known = (next(iter(collections)), field)
        return known if field.endswith("_id") or self._known_by.get(kind) == known else None

    def _identities(self) -> dict[type, Known]:
        """Tell by which placeholder each type of answer is known."""
        found: dict[type, Known] = {}
        for known_by in (_as_read, self._as_listed, _as_changed):
            for endpoint in self._endpoints:
                known = known_by(endpoint)
                if known is None:
                    continue
                for answer in endpoint.answers:
                    for kind, _ in _structs_of(answer.answer):
                        found.setdefault(kind, known)
        for kind, known in list(found.items()):
            for base in kind.__mro__[1:]:
                if "id" in typing.get_type_hints(base):
                    found.setdefault(base, known)
        return found

    def _as_listed(self, endpoint: Endpoint) -> Known | None:
        """Know what is listed or made at `…/classes` by `class_id`, if there is a `…/classes/{class_id}`."""
        below = (known for known in self._places if known[0] == f"{endpoint.path}/")
        return next((found for _, found in below), None) if endpoint.method in ("GET", "POST") else None


def _as_read(endpoint: Endpoint) -> Known | None:
    """Know what is read at `…/classes/{class_id}` by `class_id`."""
    return _last(endpoint.path) if endpoint.method == "GET" and endpoint.path.endswith("}") else None


def _as_changed(endpoint: Endpoint) -> Known | None:
    """Know what a verb answers as what it has changed; what was made (201) is something else."""
    is_verb = endpoint.method == "POST" and endpoint.status_code == _OK and not endpoint.path.endswith("}")
    return _last(endpoint.path) if is_verb else None


def _given(target: Endpoint, values: Mapping[Known, str]) -> dict[str, str]:
    """Give the values of each placeholder of a path; nothing if one is not there, or there are none."""
    wanted = _PLACEHOLDER.findall(target.path)
    if target.path.count("{") != len(wanted) or not all(known in values for known in wanted):
        return {}
    return {name: values[collection, name] for collection, name in wanted}


def _needs_version_alone(body: Any) -> bool:
    """Tell whether all that a form asks for is the version that was seen."""
    if not (isinstance(body, type) and issubclass(body, msgspec.Struct)):
        return False
    return [field.encode_name for field in msgspec.structs.fields(body) if field.required] == [_VERSION]


def _last(path: str) -> Known | None:
    """Give the last placeholder of a path."""
    known = _PLACEHOLDER.findall(path)
    return (known[-1][0], known[-1][1]) if known else None


def _structs_of(answer: Any) -> Iterator[tuple[type, str]]:
    """Give the types that an answer is of, and where they stand in it: the first of a list stands for all."""
    for kind in members_of(answer):
        if getattr(kind, "__origin__", None) is Listing:
            for item in kind.__args__:
                yield item, "/items/0"
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield kind, ""
