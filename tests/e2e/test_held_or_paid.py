"""Findings, people's holds, lifting and sealing race for the lines of one claim on the deployed template.

Whatever comes first: a line with a hold is in no payment file, and one that nobody holds is paid once.
"""

import csv
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from time import monotonic, sleep
from typing import Any

import pytest
from rich.console import Console

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.programs.model import Policy
from chalicelib.programs.service import CACHE_SECONDS
from chalicelib.programs.thresholds import Thresholds
from infra.demo.client import Answer, Service
from infra.demo.scene import CITY, Scene
from infra.demo.story import tell

pytestmark = pytest.mark.cloud

UNTIL_PUBLIC = 12
ROUNDS = int(os.environ.get("HOLD_RACES", "8"))
"""Each races some fourteen calls over eleven lines."""
SETTLED_SECONDS = 180
"""Far above what workers believe in a policy that was changed."""
USUAL: dict[str, Any] = {
    "stops": Policy().patterns_stop_payment,
    "scatter_m": Thresholds().scatter_m,
    "scatter_of_accuracy": Thresholds().scatter_of_accuracy,
}
REFUSALS = {"wrong_state", "version_conflict", "try_again", "not_found", "hold_of_case", "hold_open"}
"""What a loser of these races may be told."""


class Night:
    """The claim of the story, in the night after its publicity and those that follow."""

    def __init__(self, facts: dict[str, Any], told: Scene) -> None:
        self.facts, self.told = facts, told
        last_day = date.fromisoformat(told.claim["publicity_ends_on"])
        self.now = datetime.combine(last_day + timedelta(days=1), time(0, 35), tzinfo=SHANGHAI)
        self.claim, self.class_id = told.claim["id"], told.training_class["id"]
        self.lines = [line["id"] for line in told.claim["lines"]]
        self.limit = itertools.count(1_000)
        self.service = Service(facts)
        self.refused: Counter[str] = Counter()
        self.tick()

    def tick(self, **span: float) -> None:
        self.now += timedelta(**(span or {"minutes": 1}))
        self.service.clock = self.now

    def staff(self, role: str, nth: int = 0) -> Any:
        self.told.service = self.service
        return self.told.staff(role, CITY, nth=nth)

    def work(self, function: str, **body: Any) -> None:
        """Start a queue's worker with one message, as its queue does."""
        message = {"messageId": "race", "body": json.dumps({**body, "now": self.now.isoformat()})}
        self.service.invoke(function, {"Records": [message]})

    # ---------------------------------------------------------------- what races

    def seal_in_the_night(self) -> None:
        self.work("seal_settlement", work="settle", division=CITY)

    def seal_by_hand(self) -> None:
        self._note(self.staff("finance").post("/v1/settlement-batches"))

    def find(self) -> None:
        """Evaluate the class, of which a rule finds something else each time: its threshold has moved."""
        self.work("evaluate_classes", class_id=self.class_id)

    def hold(self, line_id: str) -> Callable[[], None]:
        body = {"subject": {"kind": "line", "id": line_id}, "reason": f"举报 {self.now:%H:%M}"}
        return lambda: self._note(self.staff("supervisor").post("/v1/holds", body))

    def lift(self, hold: dict[str, Any]) -> Callable[[], None]:
        body = {"version": hold["version"], "reason": "查无实据"}
        return lambda: self._note(self.staff("supervisor").post(f"/v1/holds/{hold['id']}/release", body))

    def decide_case(self) -> None:
        """Decide that what was found is no fraud: what it held is let go."""
        supervisor = self.staff("supervisor")
        for case in supervisor.every("/v1/risk-cases", status="open"):
            path = f"/v1/risk-cases/{case['id']}"
            taken = supervisor.post(f"{path}/take", {"version": case["version"]})
            self._note(taken)
            if taken.ok:
                body = {"version": taken.body["version"], "outcome": "false_alarm", "reason": "已核实"}
                self._note(supervisor.post(f"{path}/resolve", body))

    def _note(self, answer: Answer) -> None:
        if not answer.ok:
            assert answer.code in REFUSALS, (answer.request, answer.status, answer.body)
            self.refused[str(answer.code)] += 1

    # ---------------------------------------------------------------- what is there

    def move_threshold(self) -> None:
        """Have the rule of positions find the class grave, with another threshold in its evidence."""
        self.set_policy(stops=True, scatter_m=float(next(self.limit)), scatter_of_accuracy=1.0)

    def set_policy(self, *, stops: bool, scatter_m: float, scatter_of_accuracy: float) -> None:
        program = self.told.program["id"]
        province = self.service.staff("province-1")
        version = province.get(f"/v1/programs/{program}").wanted["version"]
        changed = {
            "patterns_stop_payment": stops,
            "supervision": {"scatter_m": scatter_m, "scatter_of_accuracy": scatter_of_accuracy},
        }
        body = {"version": version, "policy": changed}
        assert province.post(f"/v1/programs/{program}/policy", body).ok

    def held(self) -> dict[str, list[dict[str, Any]]]:
        lines = self.staff("supervisor").get(f"/v1/subsidy-claims/{self.claim}").wanted["lines"]
        return {line["id"]: line["holds"] for line in lines}

    def batches(self) -> list[dict[str, Any]]:
        finance = self.staff("finance")
        ours = set(self.lines)
        read = [
            finance.get(f"/v1/settlement-batches/{one['id']}").wanted
            for one in finance.every("/v1/settlement-batches")
        ]
        return [one for one in read if ours & {line["line_id"] for line in one["lines"]}]


@pytest.fixture
def night(facts: dict[str, Any], quiet: Console) -> Iterator[Night]:
    told = tell(facts, quiet, chapters=UNTIL_PUBLIC)
    assert [str(check) for check in told.teller.expectations.wrong] == []
    night = Night(facts, told)
    with night.service:
        yield night
        # Others tell their story under this program on the same stack, and workers believe in it for a while.
        night.set_policy(**USUAL)
        sleep(CACHE_SECONDS)


def race(calls: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()


def test_a_held_line_is_in_no_payment_file_and_a_lifted_one_is_paid_once(night: Night) -> None:
    paid: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for number in itertools.count():
        if sum(paid.values()) == len(night.lines) or (number >= ROUNDS and paid) or number == 4 * ROUNDS:
            break
        put_out_again(night)
        found = number % 2 == 0
        if found:
            night.move_threshold()
        kept = [placed(night, line) for line in night.lines[number % 3 :: 3]]
        calls = [
            night.seal_in_the_night,
            *([night.find, night.decide_case, night.find] if found else [night.seal_in_the_night]),
            *(night.hold(line) for line in night.lines[(number + 1) % 3 :: 3]),
            *(night.lift(hold) for hold in kept),
            night.seal_by_hand,
        ]
        race(calls[number % len(calls) :] + calls[: number % len(calls)])
        night.tick()
        holds = night.held()
        held, sealed = {line for line, of_line in holds.items() if of_line}, set(in_batches(night))
        seen.update({"held": len(held), "sealed": len(sealed), "both": len(held & sealed)})
        seen.update({hold["code"] for of_line in holds.values() for hold in of_line})
        # What is found in a class lets it wait to be evaluated anew: few rounds seal, and the first that does is paid.
        if number % 4 == 3 or (sealed and not paid):
            pay_all_but_held(night, paid)
    assert all(seen[what] for what in ("held", "sealed", "stop_payment", "risk_case")), seen
    assert paid, seen
    pay_the_rest(night, paid)
    assert paid == Counter(night.lines), "each is paid, and once"
    lines = night.staff("finance").get(f"/v1/subsidy-claims/{night.claim}").wanted["lines"]
    assert {line["status"] for line in lines} == {"paid"}


def pay_the_rest(night: Night, paid: Counter[str]) -> None:
    """Let everything go and pay it; workers that believe in the policy of before may still find something."""
    night.set_policy(**USUAL)
    deadline = monotonic() + SETTLED_SECONDS
    while sum(paid.values()) < len(night.lines) and monotonic() < deadline:
        night.tick()
        let_go(night)
        night.seal_in_the_night()
        pay_all_but_held(night, paid)
        sleep(1)


def in_batches(night: Night) -> list[str]:
    """Name the lines that stand in batches; each stands in one at the most."""
    standing = [
        line["line_id"]
        for batch in night.batches()
        for line in batch["lines"]
        if line["status"] not in ("withdrawn", "paid") and line["line_id"] in night.lines
    ]
    assert len(standing) == len(set(standing)), "a line in two batches"
    return standing


def placed(night: Night, line_id: str) -> dict[str, Any]:
    """Stop a line before the race: the race lets it go."""
    body = {"subject": {"kind": "line", "id": line_id}, "reason": f"核查 {night.now:%H:%M}"}
    answer = night.staff("supervisor").post("/v1/holds", body)
    return dict(answer.body) if answer.ok else {"id": "hld_none", "version": 1}


def put_out_again(night: Night) -> None:
    """Take every unpaid line out of its batch and let all holds go: the next race begins with all of them."""
    night.tick()
    supervisor = night.staff("supervisor")
    subject = {"kind": "claim", "id": night.claim}
    stop = {"subject": subject, "reason": f"重新核对 {night.now:%H:%M}"}
    assert supervisor.post("/v1/holds", stop).ok
    assert in_batches(night) == []
    let_go(night)


def pay_all_but_held(night: Night, paid: Counter[str]) -> None:
    """Export what was sealed and have the bank pay it; nothing that is held stands in its file."""
    finance = night.staff("finance")
    for batch in night.batches():
        path = f"/v1/settlement-batches/{batch['id']}"
        if batch["status"] != "sealed":
            continue
        exported = night.staff("finance", nth=1).post(f"{path}/export")
        if not exported.ok:
            assert exported.code in REFUSALS, exported.body
            continue
        night.tick()
        file = night.service.download(exported.body["url"])
        rows = list(csv.DictReader(io.StringIO(file.decode())))
        in_file = {row["line_id"] for row in rows}
        held = {line for line, holds in night.held().items() if holds}
        assert not in_file & held, "a held line is in a payment file"
        results = [
            {
                "line_id": row["line_id"],
                "status": "paid",
                "amount_fen": int(row["amount_fen"]),
                "paid_on": night.now.date().isoformat(),
                "bank_reference": f"RC{batch['id'][-8:].upper()}{number:04d}",
            }
            for number, row in enumerate(rows)
        ]
        for row in results:
            paid[row["line_id"]] += 1
        told = finance.post(f"{path}/results", {"results": results}).wanted
        assert (told["applied"], told["refused"]) == (len(rows), [])


def let_go(night: Night) -> None:
    """Lift what is left: cases are decided, people's holds released."""
    night.decide_case()
    left = {hold["id"]: hold for holds in night.held().values() for hold in holds}
    for hold in left.values():
        if hold["code"] == "stop_payment":
            night.lift(hold)()
