"""What is offered is true: over the whole story each action offered is accepted, and each not offered refused."""

import logging
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.kernel.principal import Principal, Role
from tests.architecture.offered_story import Story, steps
from tests.architecture.offered_table import KINDS, READS, Kind, Thing, missing_rows, things_in
from tests.exchange.test_returning import platform  # noqa: F401 - a fixture
from tests.support.depth import size_of
from tests.support.people import STAFF, staff_principal, trainee_principal
from tests.support.platform import FakePlatform
from tests.support.plugin import forget_what_is_known

STAFF_CALLING = (
    "institution", "institution_two", "institution_wuhu", "clerk", "clerk_two", "reviewer", "finance", "finance_two",
    "supervisor", "province", "province_two", "clerk_wuhu", "reviewer_wuhu", "finance_wuhu", "supervisor_wuhu",
)  # fmt: skip
OTHER_POSTS = {
    "institution": (Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR),
    "clerk": (Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR),
    "reviewer": (Role.CLERK, Role.FINANCE, Role.SUPERVISOR),
    "finance": (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR),
}
"""Who holds another post later: what they had a hand in is not theirs to decide, whatever they are now."""
ALWAYS = (
    "institution",
    "clerk",
    "reviewer",
    "finance",
    "finance_two",
    "supervisor",
    "province",
    "province_two",
)
TURNS = 4
NOT_OF_THE_STATE = {"forbidden", "not_found"}
VACUOUS = {"malformed", "missing_field", "wrong_type", "unknown_field", "invalid_json", "version_conflict"}
"""Refusals that say that the request was wrong, not that the action was."""
ASIDE = ("personal-data-accesses", "idempotency", "refused-results")
"""Tables of looks and calls: they say nothing of what is offered."""
NOT_IN_LISTS = {
    "class": frozenset({"close", "claim", "completion_submit", "completion_approve"}),
    "settlement batch": frozenset({"export", "results", "close", "reconcile"}),
}
"""What lists leave out, because each of their rows would be read whole to know it; the thing itself tells."""
OWN_ADDRESS = {"class": "/v1/classes/{}", "settlement batch": "/v1/settlement-batches/{}"}
"""Where these tell it: a thing that the story reads in lists alone is read there besides."""
EVERYTHING = bool(size_of("OFFERED", usual=0, full=0))


@dataclass(frozen=True)
class Caller:
    """Somebody who calls; who holds another post has its role and area for the time of their calls."""

    name: str
    account: str | None = None
    post: Role | None = None
    person: Any = None

    def principal(self) -> Any:
        if self.person is not None:
            return trainee_principal(self.person)
        assert self.account is not None
        if self.post is None:
            return staff_principal(self.account)
        from tests.accounts.test_separation import moved

        return moved(self.account, self.post)


def callers_of(world: Any) -> list[Caller]:
    found = [Caller(name, name) for name in STAFF_CALLING]
    for name, posts in OTHER_POSTS.items():
        found += [Caller(f"{name}, now {post}", name, post) for post in posts]
    holders = {"a holder": 1, "who was issued one": 4, "who claimed one": 5, "another trainee": 60}
    return found + [Caller(name, person=world.person(index)) for name, index in holders.items()]


@dataclass(frozen=True)
class Remembered:
    """What was read at a moment, and what stood in the tables that were asked for it."""

    moment: Any
    stood: dict[str, bytes]
    answer: Any


@dataclass
class Walk:
    """Goes through the story and tries, as each caller, every action on everything there is."""

    story: Story
    emulator: Any
    callers: list[Caller]
    looked: int = 0
    wrong: list[str] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)
    offered: set[tuple[str, str]] = field(default_factory=set)
    settled: dict[Any, Any] = field(default_factory=dict)
    forbidden: set[Any] = field(default_factory=set)
    remembered: dict[tuple[str, str], "Remembered"] = field(default_factory=dict)

    def look(self, step: str) -> None:
        """Try everything in the state that a step has left, and leave that state as it was."""
        kept = self.emulator.keep()
        contents = {name: pickle.dumps(items) for name, items in pickle.loads(kept).items()}
        shown: dict[str, dict[tuple[str, str], tuple[Kind, Thing]]] = {}
        callers = self._callers()
        for caller in callers:
            self._back(kept)
            shown[caller.name] = self._read(step, caller, caller.principal(), contents)
        everything = {key: one for seen in shown.values() for key, one in seen.items()}
        for caller in callers:
            self._back(kept)
            principal = caller.principal()
            base = self.emulator.keep()
            for key, (kind, thing) in everything.items():
                told = shown[caller.name].get(key)
                self._try_all(
                    step, caller, principal, kind, told[1] if told else thing, told is not None, base
                )
        self._back(kept)

    def _callers(self) -> list[Caller]:
        """Give everybody; in a part of the depth the first of each role, and of the others some in turn."""
        self.looked += 1
        if EVERYTHING:
            return self.callers
        first = [caller for caller in self.callers if caller.name in ALWAYS]
        others = [caller for caller in self.callers if caller.name not in ALWAYS]
        return first + others[self.looked % TURNS :: TURNS]

    def _back(self, kept: bytes) -> None:
        self.emulator.restore(kept)
        forget_what_is_known()

    def _read(
        self, step: str, caller: Caller, principal: Principal, contents: dict[str, bytes]
    ) -> dict[tuple[str, str], tuple[Kind, Thing]]:
        """Read all there is as a caller; the same thing offers the same wherever it is read."""
        client = self.story.api(principal)
        seen: dict[tuple[str, str], tuple[Kind, Thing]] = {}
        read: set[str] = set()
        for endpoint in ENDPOINTS:
            place = (endpoint.method, endpoint.path)
            for path in READS[place](self.story) if place in READS else ():
                if (place, principal.role) in self.forbidden:
                    continue
                read.add(path)
                answer = self._answer(client, caller, path, contents)
                assert answer.status < 500, answer.text
                if answer.status == 403:
                    self.forbidden.add((place, principal.role))
                if answer.status >= 400:
                    continue
                for kind, thing in things_in(endpoint, answer.json, self.story.around):
                    key = (kind.name, thing[kind.id_field])
                    other = seen.setdefault(key, (kind, thing))[1]
                    left_out = NOT_IN_LISTS.get(kind.name, frozenset())
                    one, two = set(other["allowed_actions"]), set(thing["allowed_actions"])
                    if one != two and (one ^ two) <= left_out and (one < two or two < one):
                        seen[key] = (kind, thing if one < two else other)  # its own page tells them all
                    elif sorted(other["allowed_actions"]) != sorted(thing["allowed_actions"]):
                        self.wrong.append(
                            f"{step}: {caller.name} is offered {thing['allowed_actions']} on {key} by {path} and "
                            f"{other['allowed_actions']} elsewhere"
                        )
                    unknown = set(thing["allowed_actions"]) - set(kind.tries)
                    if unknown:
                        self.wrong.append(
                            f"add {sorted(unknown)} to the tries of {kind.name} in offered_table.py"
                        )
        for kind_name, id_ in list(seen):
            path = OWN_ADDRESS.get(kind_name, "").format(id_)
            if path and path not in read:
                answer = self._answer(client, caller, path, contents)
                assert answer.status == 200, answer.text
                kind, listed = seen[kind_name, id_]
                whole = answer.json["allowed_actions"]
                if set(whole) ^ set(listed["allowed_actions"]) <= NOT_IN_LISTS[kind_name]:
                    seen[kind_name, id_] = (kind, {**listed, "allowed_actions": whole})
                else:
                    self.wrong.append(f"{step}: {caller.name} is offered {whole} by {path}, else in lists")
        return seen

    def _answer(self, client: Any, caller: Caller, path: str, contents: dict[str, bytes]) -> Any:
        """Read anew, unless nothing that was asked for it has changed since the step before.

        What the process knows of rows is forgotten before each look, so that each asks for all it needs.
        """
        place = (caller.name, path)
        known = self.remembered.get(place)
        if (
            known is not None
            and known.moment == self.story.now
            and all(contents.get(name) == stood for name, stood in known.stood.items())
        ):
            return known.answer
        forget_what_is_known()
        with self.emulator.asked() as asked:
            answer = self._whole(client, path)
        self.remembered.pop(place, None)
        if asked <= set(contents):
            stood = {name: contents[name] for name in asked if not name.endswith(ASIDE)}
            self.remembered[place] = Remembered(self.story.now, stood, answer)
        return answer

    def _whole(self, client: Any, path: str) -> Any:
        """Read a list to its end: a page reads a few of its parts."""
        answer = client.get(path, at=self.story.now)
        told = answer.json if answer.status < 400 else None
        if not isinstance(told, dict) or not told.get("next"):
            return answer
        items, cursor = list(told["items"]), told["next"]
        while cursor is not None:
            joined = "&" if "?" in path else "?"
            more = client.get(f"{path}{joined}cursor={quote(cursor)}", at=self.story.now).json
            items += more["items"]
            cursor = more["next"]
        whole = {**told, "items": items, "next": None}
        return SimpleNamespace(status=answer.status, text=answer.text, json=whole)

    def _try_all(
        self,
        step: str,
        caller: Caller,
        principal: Principal,
        kind: Kind,
        thing: Thing,
        sees: bool,
        base: bytes,
    ) -> None:
        told = set(thing["allowed_actions"]) if sees else set()
        for action in kind.tries:
            key = (kind.name, thing[kind.id_field], action, caller.name)
            is_offered = action in told
            state = (is_offered, *_state_of(thing))
            right = (kind.name, action, principal.role)
            if not EVERYTHING and (
                self.settled.get(key) in (state, (is_offered, "outside")) or right in self.forbidden
            ):
                continue
            if is_offered:
                self.offered.add((kind.name, action))
            code = self._try(step, caller, principal, kind, thing, action, is_offered, base)
            if code == "forbidden":
                self.forbidden.add(right)
            self.settled[key] = (is_offered, "outside") if code in NOT_OF_THE_STATE else state

    def _try(
        self,
        step: str,
        caller: Caller,
        principal: Principal,
        kind: Kind,
        thing: Thing,
        action: str,
        is_offered: bool,
        base: bytes,
    ) -> str:
        attempt = kind.tries[action]
        path = attempt.path.format_map(thing)
        body = attempt.body(self.story, thing) if attempt.body is not None else None
        answer = self.story.api(principal).send(attempt.method, path, body, at=self.story.now)
        code = (answer.json or {}).get("code", "") if answer.status >= 400 else ""
        self.tried["accepted" if answer.status < 400 else code] += 1
        what = f"{step}: {action} on {kind.name} {thing[kind.id_field]} by {caller.name}"
        if is_offered and answer.status >= 400 and code != "version_conflict":
            self.wrong.append(f"{what} is offered and refused: {answer.status} {_told(answer)}")
        if not is_offered:
            if answer.status < 400 and attempt.method != "GET" and self._changed(base):
                self.wrong.append(f"{what} is not offered and accepted")
            if answer.status < 400 and attempt.method == "GET":
                self.wrong.append(f"{what} is not offered and accepted")
            if code in VACUOUS or answer.status in (400, 500):
                self.wrong.append(f"{what} is tried with a wrong request: {answer.status} {_told(answer)}")
        if answer.status < 400:
            self._back(base)
        return code

    def _changed(self, base: bytes) -> bool:
        """Tell whether anything but the records of looks and calls is another."""
        return _rows(base) != _rows(self.emulator.keep())


def _rows(kept: bytes) -> dict[str, Any]:
    return {name: items for name, items in pickle.loads(kept).items() if items and not name.endswith(ASIDE)}


def _told(answer: Any) -> str:
    problem = answer.json or {}
    return f"{problem.get('code')} {problem.get('detail')} {problem.get('errors') or ''}"


def _state_of(thing: Thing) -> tuple[Any, ...]:
    """Tell a thing's state apart from another; what else decides shows in what is offered."""
    return (thing.get("version"), thing.get("status"), msgspec.json.encode(thing.get("allowed_actions")))


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep thousands of log lines out of the captured output."""
    logger = logging.getLogger("training-voucher")
    logger.disabled = True
    yield
    logger.disabled = False


def test_every_answer_that_offers_something_is_in_the_tables() -> None:
    assert missing_rows() == []


def test_each_action_offered_is_accepted_and_each_not_offered_is_refused(
    world: Any,
    cloud: Any,
    emulator: Any,
    platform: FakePlatform,  # noqa: F811 - the fixture
    quiet: None,
    capsys: Any,
) -> None:
    if emulator is None:
        pytest.skip("tables are put back in memory only")
    for name in STAFF:
        staff_principal(name)
    story = Story(world, cloud, platform)
    walk = Walk(story, emulator, callers_of(world))
    for name, step in steps():
        step(story)
        walk.look(name)
    never = {(kind.name, action) for kind in KINDS for action in kind.tries} - walk.offered
    with capsys.disabled():
        print(f"\noffered: {walk.tried.total()} tries; {dict(walk.tried.most_common(12))}")  # noqa: T201
    assert not walk.wrong, f"{len(walk.wrong)} lies:\n" + "\n".join(walk.wrong[:150])
    assert never == {("dead letters", "redrive")}, (
        f"the story never comes to where these are offered: {never}"
    )
