"""What may be done to a thing at the same time: every operation of the stories, aimed at the thing that is there.

The stories of `tests.proof.points` hold a call of every mutating route. Each is taken as an example of its route:
who does it, with which body. Aimed at another thing it gets that thing's ids and its version of now.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.edge.endpoints import ENDPOINTS
from tests.edge.idempotency.trials import Story, Use
from tests.support.http import Answer

READERS = ("province", "clerk", "supervisor", "finance", "institution")
THINGS = {
    "class_id": "/v1/classes/{}",
    "claim_id": "/v1/subsidy-claims/{}",
    "voucher_id": "/v1/vouchers/{}",
    "line_id": "/v1/claim-lines/{}",
    "batch_id": "/v1/settlement-batches/{}",
    "account_id": "/v1/accounts/{}",
    "uscc": "/v1/institutions/{}",
    "program_id": "/v1/programs/{}",
    "hold_id": "/v1/holds/{}",
    "case_id": "/v1/risk-cases/{}",
}
"""Where the version of a thing is read, by the name that it has in paths."""


def route_of(use: Use) -> tuple[str, Mapping[str, str]] | None:
    """Name the route of a call, and the ids in its path."""
    path = use.path.partition("?")[0]
    for endpoint in ENDPOINTS:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.path)
        match = re.fullmatch(pattern, path)
        if endpoint.method == use.method and match is not None:
            return f"{endpoint.method} {endpoint.path}", match.groupdict()
    return None


@dataclass(frozen=True)
class Operation:
    """A route and an example of its use."""

    route: str
    use: Use
    names: frozenset[str]

    def aimed(self, at: "Moment") -> Use:
        """Give the call of this operation on the things of a moment, as of its time."""
        path = self.route.partition(" ")[2].format_map(at.ids)
        query = self.use.path.partition("?")[1:]
        body = self.use.body
        if isinstance(body, dict) and "version" in body:
            body = body | {"version": at.version_for(self.names)}
        return replace(self.use, path=path + "".join(query), body=body, at=at.use.at)


@dataclass
class Moment:
    """The state before one call of a story: the call, and the ids of the things around it."""

    world: Any
    use: Use
    route: str
    names: frozenset[str]
    ids: dict[str, str]
    _versions: dict[str, Any] = field(default_factory=dict)

    def version_for(self, names: frozenset[str]) -> Any:
        """Read the version of the thing that a path names last; that of the call itself where it is its own."""
        if names == self.names and isinstance(self.use.body, dict) and "version" in self.use.body:
            return self.use.body["version"]
        name = next((name for name in THINGS if name in names), None)
        if name is None:
            return 1
        if name not in self._versions:
            self._versions[name] = self._read(THINGS[name].format(self.ids[name]))
        return self._versions[name]

    def _read(self, path: str) -> Any:
        for who in READERS:
            told = self.world.api(who).get(path, at=self.use.at)
            if told.status == 200 and isinstance(told.json, dict) and "version" in told.json:
                return told.json["version"]
        return 1


def moments(world: Any, story: Story) -> Iterator[Moment]:
    """Tell a story; before each of its calls, give the moment. Who asks for the next one has put things back."""
    answer: Answer | None = None
    ids: dict[str, str] = {}
    while True:
        try:
            use = next(story) if answer is None else story.send(answer)
        except StopIteration:
            return
        found = route_of(use)
        if found is not None:
            route, named = found
            ids |= named
            yield Moment(world, use, route, frozenset(named), dict(ids))
        answer = use.send(None)
        ids |= _ids_told(answer.json)


def _ids_told(told: Any) -> dict[str, str]:
    """Take the ids of what an answer tells: its own by its kind, others by their names."""
    if not isinstance(told, dict):
        return {}
    found = {name: value for name, value in told.items() if name in THINGS and isinstance(value, str)}
    kinds = {
        "clm": "claim_id",
        "cls": "class_id",
        "vch": "voucher_id",
        "bat": "batch_id",
        "acc": "account_id",
    }
    kinds |= {"enr": "enrolment_id", "hld": "hold_id", "rsk": "case_id", "obj": "objection_id"}
    own = told.get("id")
    if isinstance(own, str) and own[:3] in kinds:
        found[kinds[own[:3]]] = own
    return found
