"""Races on one voucher, on the local cloud (moto cannot prove "never twice"): run by `make bench`.

What truly happened to a voucher is read from its table's stream. Every request has an id of its own, which the
change it made carries, so each answer is held against that history: a success names a change that is there, a
refusal one that is not, and a reason that was true at some moment of it.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.streams import row_changes
from chalicelib.aws.table import connection
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, change_of, system_context
from chalicelib.vouchers import store
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.model import VOUCHER_TRANSITIONS, VoucherStatus
from tests.faults.conftest import TOLD
from tests.faults.lost_answers import Died, Faults, faults_on
from tests.support.depth import size_of
from tests.support.people import staff_principal, trainee_principal
from tests.support.streams import Taps

ROUNDS = size_of("RACE_ROUNDS", usual=24, full=24)
CLIENTS = 32
LOST, DIED = 0.04, 0.02
ACTIONS = ("claim", "claim", "redeem", "redeem", "redeem", "release", "expire", "expire")
OFFSETS = (-70, -10, -1, 0, 1)
"""Seconds from the moment of expiry at which the requests believe to be."""


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(CLIENTS) as executor:
        yield executor


@dataclass(frozen=True)
class Plan:
    """What one client is going to do; `request_id` is its own."""

    action: str
    offset: int
    nonce: str
    request_id: str


@dataclass(frozen=True)
class Outcome:
    """What a client was told; `died` of its requests got no answer, and were sent again under another id."""

    plan: Plan
    code: str | None
    result: Any
    died: tuple[str, ...]


class Race:
    """One voucher near its last second, and the requests that race on it."""

    def __init__(self, world, index, seed):
        self.random = random.Random(seed)
        self.number = seed
        self.person = world.person(index)
        self.voucher_id = world.voucher(self.person, claimed=self.random.random() < 0.7)
        self.before = store.read_voucher(self.voucher_id)
        self.edge = self.before.expires_at
        self.project_id = world.project_id

    def plans(self):
        actions = (*ACTIONS, "revoke") if self.number % 2 else ACTIONS  # it soon ends every race
        return [
            Plan(
                action=self.random.choice(actions),
                offset=self.random.choice(OFFSETS),
                nonce=f"n{self.random.randrange(4)}",
                request_id=f"req_{self.number}.{client}",
            )
            for client in range(CLIENTS)
        ]

    def token(self, offset):
        from chalicelib.vouchers.card import qr, service

        moment = self.edge + timedelta(seconds=offset)
        return qr.make_token(self.voucher_id, now=moment, key=service.qr_keys()[0]).text

    def run(self, plan):
        """Do one action, again after each time that nobody was left to hear the answer."""
        died = []
        while True:
            request_id = f"{plan.request_id}.{len(died)}"
            try:
                return Outcome(plan, None, self._act(plan, request_id), tuple(died))
            except DomainError as refusal:
                return Outcome(plan, refusal.code, None, tuple(died))
            except Died:
                died.append(request_id)

    def _act(self, plan, request_id):
        from chalicelib.enrolments.redemption.model import Scan
        from chalicelib.enrolments.redemption.service import redeem
        from chalicelib.enrolments.release.service import release, revoke
        from chalicelib.vouchers.card.service import claim

        now = self.edge + timedelta(seconds=plan.offset)
        who = {"claim": trainee_principal(self.person), "revoke": staff_principal("province")}
        principal = who.get(plan.action) or staff_principal("institution")
        context = Context(principal=principal, now=now, request_id=request_id)
        match plan.action:
            case "claim":
                return claim(context, self.voucher_id).voucher.claimed_at
            case "redeem":
                scan = Scan(
                    token=self.token(plan.offset),
                    project_id=self.project_id,
                    nonce=plan.nonce,
                    device_id="d",
                    happened_at=self.edge,
                )
                return redeem(context, scan).id
            case "release":
                current = store.read_voucher(self.voucher_id)
                if current.enrolment_id is None:
                    raise DomainError("nothing_to_release")
                return release(context, current.enrolment_id, reason="race").id
            case "expire":
                night = system_context("race", now=now, request_id=request_id)
                try:
                    expiry_store.expire(self.voucher_id, now=now, change=change_of(night, "voucher.expire"))
                except ConditionFailed:
                    raise DomainError("nothing_to_expire") from None
                return "expired"
            case "revoke":
                version = store.read_voucher(self.voucher_id).version
                revoke(context, self.voucher_id, version=version, reason="race")
                return "revoked"
        raise LookupError(plan.action)


# --------------------------------------------------------------------------- what truly happened


class Histories:
    """The stream of the vouchers' table, read to its end each time."""

    def __init__(self):
        self._taps = Taps([store.VoucherRow])

    def next(self):
        """Give every change since the last call, in order."""
        return list(row_changes({"Records": self._taps.records()}))


def assert_lawful(race, history):
    """Each change is a step of the table, at a time that allows it, and makes the next version."""
    versions = [race.before.version + place for place in range(1, len(history) + 1)]
    assert [row.version for row in history] == versions
    assert len({row.change.request_id for row in history}) == len(history), "one request changed it twice"
    steps = {"voucher.claim": "claim", "scan.redeem": "redeem", "voucher.expire": "expire"}
    steps |= {"enrolment.release": "release", "voucher.revoke": "revoke"}
    state = race.before.status
    for row in history:
        action, target = steps[row.change.action], VoucherStatus(row.after["status"])
        over = row.change.at >= race.edge
        if action == "release" and over:
            assert target is VoucherStatus.EXPIRED
        else:
            assert target is VOUCHER_TRANSITIONS.target(action)
        assert VOUCHER_TRANSITIONS.allows(action, state), (state, action)
        if action in ("claim", "redeem") or (action == "revoke" and state is not VoucherStatus.REDEEMED):
            assert not over, f"{action} after the last second"
        assert action != "expire" or over, "expired too early"
        state = target


def assert_told_truly(race, history, outcomes, hidden):
    """Every answer agrees with the history, and every change is one that somebody asked for.

    Where the answer to a write was lost (`hidden`) and another change came before the SDK repeated it, the
    answer is about the voucher as it then was: true at the end, though the change had been made.
    """
    by_request = {row.change.request_id: row for row in history}
    asked = set()
    for outcome in outcomes:
        answered = f"{outcome.plan.request_id}.{len(outcome.died)}"
        own = [by_request[one] for one in (*outcome.died, answered) if one in by_request]
        asked |= {row.change.request_id for row in own}
        assert len(own) <= 1, "one client's request was done twice"
        if outcome.code is None:
            assert own or is_repeat(outcome, history), outcome
        else:
            superseded = answered in hidden and bool(history) and own != history[-1:]
            assert answered not in by_request or superseded, outcome
            assert reason_held(race, outcome, history), (outcome, [row.after["status"] for row in history])
    assert asked == set(by_request), "a change that nobody asked for"


def is_repeat(outcome, history):
    """Tell whether a success that changed nothing repeats one that is there."""
    after = [row.after for row in history]
    match outcome.plan.action:
        case "claim":
            return True if not history else any(one.get("claimed_at") == outcome.result for one in after)
        case "redeem":
            return any(
                (one.get("enrolment_id"), one.get("redeem_nonce")) == (outcome.result, outcome.plan.nonce)
                for one in after
            )
        case "release":
            spent = [row.before.get("enrolment_id") for row in history if row.after["status"] != "redeemed"]
            return outcome.result in spent
        case "revoke":  # by the same person, with the same reason
            return any(row.change.action == "voucher.revoke" for row in history)
    return False


def reason_held(race, outcome, history):
    """Tell whether the reason of a refusal was true at some moment of the race."""
    states = {race.before.status, *(row.after["status"] for row in history)}
    over = outcome.plan.offset >= 0
    match outcome.code:
        case "voucher_expired":
            return over or "expired" in states
        case "voucher_not_claimed":
            return "issued" in states
        case "voucher_already_redeemed" | "token_replayed":
            return "redeemed" in states
        case "already_enrolled":  # a nonce of an enrolment that was released since
            return outcome.plan.nonce in {row.after.get("redeem_nonce") for row in history}
        case "voucher_revoked":
            return "revoked" in states
        case "nothing_to_release":
            return bool(states - {"redeemed"})
        case "nothing_to_expire":
            return not over or bool(states & {"redeemed", "expired", "revoked"})
        case "wrong_state":  # of the enrolment that was to be released, or of the voucher to be revoked
            return bool(states & {"claimed", "expired", "revoked"})
        case "version_conflict":
            return bool(history)
        case "try_again":
            return True
    return False


def assert_enrolments_agree(race, history):
    """There is an enrolment for each redemption, and at most one of them is open: the voucher's own."""
    from chalicelib.enrolments import store as enrolment_store
    from chalicelib.enrolments.model import EnrolmentStatus

    voucher = store.read_voucher(race.voucher_id)
    redemptions = [row.after["enrolment_id"] for row in history if row.change.action == "scan.redeem"]
    found = {one.id: one for one in enrolment_store.find_enrolments(sorted(set(redemptions)))}
    assert set(found) == set(redemptions)
    assert len(redemptions) == len(found), "one enrolment confirmed twice"
    confirmed = [one.id for one in found.values() if one.status is EnrolmentStatus.CONFIRMED]
    assert confirmed == ([voucher.enrolment_id] if voucher.status is VoucherStatus.REDEEMED else [])


@pytest.fixture
def raced(world, api):
    """Everything a race needs is there before it, so that its requests only race on the voucher."""
    for name in ("institution", "province"):
        staff_principal(name)
    return world


def test_races_around_the_last_second_leave_one_consistent_story(raced, pool):
    histories, told = Histories(), Counter()
    with faults_on(connection(), Faults(lost=LOST, died=DIED, seed=1)) as faults:
        for number in range(ROUNDS):
            with faults.paused():
                race = Race(raced, number, seed=number)
                histories.next()
            outcomes = list(pool.map(race.run, race.plans()))
            with faults.paused():
                history = [row for row in histories.next() if row.subject == race.voucher_id]
                assert_lawful(race, history)
                assert_told_truly(race, history, outcomes, faults.hidden)
                assert_enrolments_agree(race, history)
            told.update(outcome.code or outcome.plan.action for outcome in outcomes)
    TOLD[f"{ROUNDS} rounds of {CLIENTS}, answers"] = dict(told.most_common())
    TOLD[f"{ROUNDS} rounds of {CLIENTS}, faults"] = dict(faults.happened)
    assert set(ACTIONS) | {"revoke"} <= set(told)
    assert faults.happened["lost"]
    assert faults.happened["died"]


def test_one_nonce_sent_by_everybody_makes_one_enrolment(raced, pool):
    histories = Histories()
    with faults_on(connection(), Faults(lost=LOST, died=DIED, seed=2)) as faults:
        for number in range(max(1, ROUNDS // 8)):
            with faults.paused():
                race = Race(raced, 5000 + number, seed=1)
                assert race.before.status is VoucherStatus.CLAIMED
                histories.next()
            plans = [Plan("redeem", -5, "same", f"req_{number}.{client}") for client in range(CLIENTS)]
            outcomes = list(pool.map(race.run, plans))
            assert {outcome.code for outcome in outcomes} == {None}
            assert len({outcome.result for outcome in outcomes}) == 1
            with faults.paused():
                history = histories.next()
            assert [row.change.action for row in history] == ["scan.redeem"]
