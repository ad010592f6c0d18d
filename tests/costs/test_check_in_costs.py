"""What check-ins cost, one by one and in a morning (floors: design, costs).

The morning replays the service's own code against a stand-in for DynamoDB's answers: the reads are answered
from what a class is stored as, and of every write the request as it would be sent is taken apart. So a hundred
thousand check-ins need no hundred thousand rows, and the keys and sizes are the true ones. `make bench`
replays 90 seconds of the morning at its full rate; `CHECK_INS=100000` replays all of it.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.classes.builders import SITE, Classroom
from tests.costs.conftest import MEASURED, Cost
from tests.support.depth import size_of

FLOORS = {
    # operation: (calls, write units)
    "check in": (2, 1),
    "check in, to be reviewed": (2, 1),
    "check in again": (1, 0),
    "check out": (2, 1),
    "answer a roll-call": (2, 1),
    "refused: outside the site": (2, 1),
    "refused: not on the roster": (2, 1),
    "refused: checked in already": (2, 1),
    "decide a check-in": (4, 6),
}
"""A decision is a transaction of three: the class still running, the check-in, the decision (written twice)."""
REPLAYED = size_of("CHECK_INS", usual=4000, full=6_000)
A_SECOND = 100_000 / 900
TRAINEES = 50
UNITS_MAX = 250


@pytest.fixture
def within():
    """Give `within(name, meter)`: note a cost and hold it against its floor."""

    def check(name, meter):
        calls, writes = FLOORS[name]
        MEASURED[name] = Cost(
            calls=meter.call_count,
            calls_floor=calls,
            writes=meter.writes,
            writes_floor=writes,
            index_writes=meter.index_writes,
            reads=meter.reads,
        )
        assert meter.call_count <= calls, (name, meter.calls)
        assert meter.writes <= writes, name

    return check


def tap(room, person_key, at, *, number=0, kind="in", nonce="n", metres=0.0, accuracy_m=15.0):
    """Check in through the service; give what came of it, or the code of the refusal."""
    from chalicelib.attendance.check_ins import service
    from chalicelib.attendance.check_ins.model import CheckInAttempt, CheckInKind, DevicePlace
    from chalicelib.kernel.errors import DomainError
    from chalicelib.kernel.geo import CoordSystem
    from chalicelib.kernel.principal import Context, Principal, Role

    location = SITE["location"]
    attempt = CheckInAttempt(
        kind=CheckInKind(kind),
        place=DevicePlace(
            lng=location["lng"] + random.uniform(-1e-4, 1e-4),
            lat=location["lat"] + metres / 110_900,
            accuracy_m=accuracy_m,
            coord_system=CoordSystem(location["coord_system"]),
        ),
        device_id="6f1c9a52-77b0-4b8e-9a53-0d8c1b7a4e21",
        nonce=nonce,
        happened_at=at,
    )
    principal = Principal(actor=person_key, role=Role.TRAINEE, person_key=person_key)
    context = Context(principal=principal, now=at, request_id="req_4kq7wz2m5c3t6h9r8x1v0b2n")
    try:
        return service.check_in(context, room.lesson(number)["id"], attempt, person_key=person_key)
    except DomainError as refusal:
        return refusal.code


def test_one_check_in_is_two_calls_and_one_unit_refused_or_not(world, measure, within):
    from chalicelib.accounts.persons.service import person_key_of
    from chalicelib.attendance.check_ins.model import ReviewVerdict
    from chalicelib.attendance.reviews import service as review_service
    from chalicelib.attendance.roll_calls import service as roll_calls_service
    from chalicelib.classes.service import read_class
    from chalicelib.kernel.principal import Context
    from tests.attendance.builders import room_under
    from tests.support.people import staff_principal

    room = room_under(world, 3, roll_calls_per_lesson=2)
    first, second, third = (person_key_of(one.id_number) for one in room.people)
    at, late = room.starts() - timedelta(minutes=5), room.starts() + timedelta(hours=8)
    tap(room, third, at)  # warms the policy
    found = read_class(room.id)
    call = roll_calls_service.roll_calls_at(found, found.lessons[0])[0]
    steps = [
        ("check in", {"at": at}, first),
        ("check in, to be reviewed", {"at": at, "accuracy_m": 400.0}, second),
        ("check in again", {"at": at}, first),
        ("answer a roll-call", {"at": call.opens_at, "kind": "roll_call"}, first),
        ("check out", {"at": late, "kind": "out"}, first),
        ("refused: outside the site", {"at": at + timedelta(days=1), "number": 1, "metres": 900.0}, first),
        ("refused: not on the roster", {"at": at}, "prs_stranger"),
        ("refused: checked in already", {"at": at, "nonce": "other"}, first),
    ]
    for name, how, person in steps:
        with measure() as meter:
            done = tap(room, person, **how)
        assert isinstance(done, str) == name.startswith("refused"), (name, done)
        within(name, meter)
    clerk = Context(principal=staff_principal("clerk"), now=late, request_id="req_bench")
    waiting = review_service.list_waiting(clerk, _page(), division=None).items
    one = waiting[0].check_in
    with measure() as meter:
        review_service.decide(
            clerk, one.lesson_id, one.id, ReviewVerdict.ACCEPTED, version=1, reason="已核实"
        )
    within("decide a check-in", meter)


def _page():
    from chalicelib.kernel.paging import PageRequest

    return PageRequest()


# ------------------------------------------------------------------------------------------ a morning


@dataclass
class Morning:
    """Classes all over Anhui whose first lesson begins at one moment, and who taps when."""

    room: Any
    classes: dict[str, Any]
    check_ins: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    units: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    second: int = 0

    def answer(self, request: Any, **_: Any) -> Any:
        """Stand in for DynamoDB: answer a read, and take a write apart."""
        from botocore.awsrequest import AWSResponse

        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        if operation == "GetItem":  # the program, once in a while
            return None
        sent = json.loads(request.body)
        self.calls[operation] += 1
        answer = {"Responses": self._read(sent)} if operation == "BatchGetItem" else {}
        if operation == "PutItem":
            self._note(sent["TableName"], sent["Item"])
        elif operation != "BatchGetItem":
            raise LookupError(operation)
        return AWSResponse(request.url, 200, {}, _Raw(json.dumps(answer).encode()))

    def _read(self, sent: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for table, wanted in sent["RequestItems"].items():
            if table.endswith("classes"):
                found[table] = self.classes[wanted["Keys"][0]["id"]["S"]]
            else:
                keys = [(key["class_id"]["S"], key["slot"]["S"]) for key in wanted["Keys"]]
                found[table] = [self.check_ins[key] for key in keys if key in self.check_ins]
        return found

    def _note(self, table: str, item: dict[str, Any]) -> None:
        """Count the units of a write by key: a unit a kilobyte, of the table and of each index it is in."""
        size = sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())
        units = math.ceil(size / 1024)
        for name, key in KEYS[table.rpartition("voucher-test-")[2]].items():
            if all(attribute in item for attribute in key):
                self.units[name, item[key[0]]["S"], self.second] += units
        if "slot" in item:
            self.check_ins[item["class_id"]["S"], item["slot"]["S"]] = item


class _Raw:
    """A body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


KEYS: dict[str, dict[str, tuple[str, ...]]] = {}
"""By table: the table itself and its indexes, with the attributes of each key."""


def _learn_keys() -> None:
    from chalicelib.aws.table import all_tables, settings

    for table in all_tables():
        name = table.Meta.table_name.removeprefix(settings().table_prefix)
        schema = table._get_schema()
        keys = {name: tuple(one["AttributeName"] for one in schema["key_schema"])}
        for index in schema.get("global_secondary_indexes", []):
            keys[f"{name}/{index['index_name']}"] = tuple(one["AttributeName"] for one in index["key_schema"])
        KEYS[name] = keys


def _classes_like(room: Any, count: int, chance: random.Random) -> dict[str, list[Any]]:
    """Copy a stored class: its own id, division and roster of fifty, a third of all in one city."""
    from chalicelib.classes.store import ClassRow
    from chalicelib.kernel.divisions import COUNTY_LEVEL

    rows = [row.serialize() for row in ClassRow.query(room.id, consistent_read=True)]
    kept = [row for row in rows if row["part"]["S"] in ("head", "plan", "roster")]
    hefei = [code for code in sorted(COUNTY_LEVEL) if code.startswith("3401")]
    everywhere = sorted(COUNTY_LEVEL)
    made = {}
    for place in range(count):
        suffix = f"{place:024d}".replace("0", "a").replace("1", "b").replace("8", "h").replace("9", "i")
        division = chance.choice(hefei if place % 3 == 0 else everywhere)
        text = json.dumps(kept).replace(room.id.partition("_")[2], suffix)
        copied = json.loads(text)
        for row in copied:
            row["division"] = {"S": division}
            if row["part"]["S"] == "roster":
                roster = {
                    f"prs_{suffix[-22:]}{seat:02d}": f"enr_{suffix[-22:]}{seat:02d}"
                    for seat in range(TRAINEES)
                }
                row["roster"] = {"S": json.dumps(roster)}
        made[f"cls_{suffix}"] = copied
    return made


def _taps(morning: Morning, chance: random.Random, *, seconds: float) -> list[tuple[float, str, int, str]]:
    """Say who taps when: most of a class in a burst of half a minute, the others spread; 5 % go wrong."""
    taps = []
    for class_id in morning.classes:
        burst = chance.uniform(0, max(seconds - 30, 1))
        for seat in range(TRAINEES):
            moment = burst + chance.uniform(0, 30) if chance.random() < 0.7 else chance.uniform(0, seconds)
            luck = chance.random()
            what = "far" if luck < 0.03 else "twice" if luck < 0.04 else "stranger" if luck < 0.05 else "good"
            taps.append((min(moment, seconds), class_id, seat, "rough" if 0.05 <= luck < 0.10 else what))
    return sorted(taps)


@contextmanager
def _replayed(morning: Morning) -> Iterator[None]:
    from chalicelib.aws.table import connection

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", morning.answer)
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb", morning.answer)


class _Room:
    """A class of the morning, as `tap` wants it."""

    def __init__(self, class_id: str) -> None:
        self.id = class_id

    def lesson(self, number: int) -> dict[str, str]:
        from chalicelib.classes.model import lesson_id_of

        return {"id": lesson_id_of(self.id, number + 1)}  # type: ignore[arg-type]


def test_a_morning_of_check_ins_keeps_every_key_cool(world, capsys):
    room = Classroom(world).rostered(1)
    chance = random.Random(9)
    count = max(1, REPLAYED // TRAINEES)
    _learn_keys()
    morning = Morning(room, _classes_like(room, count, chance))
    seconds = REPLAYED / A_SECOND
    begins: datetime = room.starts() - timedelta(minutes=20)
    tap(room, "prs_nobody", begins)  # warms the policy
    outcomes: Counter[str] = Counter()
    with _replayed(morning):
        for moment, class_id, seat, what in _taps(morning, chance, seconds=seconds):
            morning.second = int(moment)
            at = begins + timedelta(seconds=moment)
            person = f"prs_{class_id[-22:]}{seat:02d}" if what != "stranger" else "prs_stranger"
            how = {
                "metres": 900.0 if what == "far" else 0.0,
                "accuracy_m": 300.0 if what == "rough" else 15.0,
            }
            for again in range(2 if what == "twice" else 1):
                done = tap(_Room(class_id), person, at, nonce=f"nonce-{seat}-{again}", **how)
                outcomes[done if isinstance(done, str) else done.proof.outcome.value] += 1
    hottest: dict[str, int] = {}
    for (table, _, _), units in morning.units.items():
        hottest[table] = max(hottest.get(table, 0), units)
    report = (
        f"\n{sum(outcomes.values())} check-ins of {count} classes in {seconds:.0f} simulated seconds:"
        f"\n  outcomes {dict(outcomes)}; calls {dict(morning.calls)}"
        f"\n  most write units on one key in one second, fewer than {UNITS_MAX}: {hottest}"
    )
    with capsys.disabled():
        print(report)  # noqa: T201 - the figures asked for
    attempts = sum(outcomes.values())
    assert attempts >= REPLAYED
    assert morning.calls["BatchGetItem"] == morning.calls["PutItem"] == attempts
    assert outcomes["accepted"] + outcomes["needs_review"] > REPLAYED * 0.9
    assert set(hottest) == {
        "check-ins",
        "check-ins/waiting",
        "check-ins/waiting_all",
        "refused-check-ins",
        "refused-check-ins/by_class",
    }
    assert max(hottest.values()) < UNITS_MAX
    of_rows = sum(units for (table, _, _), units in morning.units.items() if "/" not in table)
    assert of_rows == attempts, "one unit each"
    assert sum(morning.units.values()) < attempts * 1.25, "besides the indexes of what waits and was refused"
