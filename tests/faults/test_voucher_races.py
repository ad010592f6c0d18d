"""Races on one voucher, on the local cloud (moto cannot prove "never twice"): run by `make bench`."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, system_context
from tests.support.people import staff_principal, trainee_principal

ROUNDS = int(os.environ.get("RACE_ROUNDS", "40"))
CLIENTS = 32


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(CLIENTS) as executor:
        yield executor


class Race:
    """One voucher near its last second, and the actions that race on it."""

    def __init__(self, world, index, seed):
        from chalicelib.vouchers import store

        self.random = random.Random(seed)
        self.person = world.person(index)
        self.voucher_id = world.voucher(self.person, claimed=self.random.random() < 0.7)
        self.before = store.read_voucher(self.voucher_id)
        self.edge = self.before.expires_at
        self.project_id = world.project_id
        self.change = world.change

    def context(self, who, offset):
        principal = trainee_principal(self.person) if who == "trainee" else staff_principal(who)
        now = self.edge + timedelta(seconds=offset)
        return Context(principal=principal, now=now, request_id="req_race")

    def token(self, offset):
        from chalicelib.vouchers import qr, service

        moment = self.edge + timedelta(seconds=offset)
        return qr.make_token(self.voucher_id, now=moment, key=service._qr_keys()[0]).text

    def attempt(self, plan):
        """Do one action; give what it claims to have changed, or the code of its refusal."""
        from chalicelib.enrolments import service as enrolments
        from chalicelib.vouchers import service, store

        action, offset, nonce = plan
        try:
            match action:
                case "claim":
                    shown = service.claim(self.context("trainee", offset), self.voucher_id)
                    return "claim", shown.voucher.claimed_at
                case "redeem":
                    made = enrolments.redeem(
                        self.context("institution", offset),
                        token=self.token(offset),
                        project_id=self.project_id,
                        nonce=nonce,
                        device_id="d",
                        happened_at=self.edge,
                    )
                    return "redeem", made.id
                case "release":
                    current = store.read_voucher(self.voucher_id)
                    if current.enrolment_id is None:
                        return "refused", "nothing"
                    made = enrolments.release(
                        self.context("institution", offset), current.enrolment_id, reason="race"
                    )
                    return "release", made.id
                case "expire":
                    night = system_context(
                        "race", now=self.edge + timedelta(seconds=offset), request_id="req_race"
                    )
                    done = store.expire(self.voucher_id, now=night.now, change=self.change)
                    return ("expire", "recorded") if done else ("refused", "nothing due")
                case "revoke":
                    current = store.read_voucher(self.voucher_id)
                    enrolments.revoke(
                        self.context("province", offset),
                        self.voucher_id,
                        version=current.version,
                        reason="race",
                    )
                    return "revoke", "done"
        except DomainError as refusal:
            return "refused", refusal.code
        raise LookupError(action)

    def plans(self):
        actions = ["claim", "redeem", "redeem", "redeem", "release", "expire", "revoke"]
        return [
            (
                self.random.choice(actions),
                self.random.choice([-70, -10, -1, 0, 1]),
                f"n{self.random.randrange(4)}",
            )
            for _ in range(CLIENTS)
        ]


def test_races_around_the_last_second_leave_one_consistent_story(world, api, pool):
    from chalicelib.enrolments import store as enrolment_store
    from chalicelib.enrolments.model import EnrolmentStatus
    from chalicelib.vouchers import store
    from chalicelib.vouchers.model import VoucherStatus

    for name in ("institution", "province"):
        staff_principal(name)
    outcomes: dict[str, int] = {}
    for number in range(ROUNDS):
        race = Race(world, number, seed=number)
        answers = list(pool.map(race.attempt, race.plans()))
        for kind, _ in answers:
            outcomes[kind] = outcomes.get(kind, 0) + 1
        voucher = store.read_voucher(race.voucher_id)
        redeemed = {what for kind, what in answers if kind == "redeem"}
        enrolments = {one.id: one for one in enrolment_store.find_enrolments(sorted(redeemed))}
        assert set(enrolments) == redeemed, "an answer named an enrolment that does not exist"
        confirmed = [one for one in enrolments.values() if one.status is EnrolmentStatus.CONFIRMED]
        assert len(confirmed) <= 1, "redeemed twice at a time"
        assert (voucher.status is VoucherStatus.REDEEMED) == (len(confirmed) == 1)
        if confirmed:
            assert voucher.enrolment_id == confirmed[0].id
        revoked = any(kind == "revoke" for kind, _ in answers)
        assert (voucher.status is VoucherStatus.REVOKED) == revoked
        assert sum(kind == "revoke" for kind, _ in answers) <= 1
        released = [one for one in enrolments.values() if one.status is EnrolmentStatus.RELEASED]
        claims = race.before.status is VoucherStatus.ISSUED and voucher.claimed_at is not None
        expired = sum(kind == "expire" for kind, _ in answers)
        assert expired <= 1
        # Every accepted change is one version; a release that came with the revocation is none of its own.
        changes = int(claims) + len(redeemed) + len(released) + expired + int(revoked)
        steps = voucher.version - race.before.version
        assert steps == changes - int(_with_revocation(race, released)), (answers, voucher)
    assert outcomes.get("redeem", 0) > 0
    assert outcomes.get("refused", 0) > 0


def _with_revocation(race, released):
    return any(one.last_change.action == "voucher.revoke" for one in released)


def test_one_nonce_sent_by_everybody_makes_one_enrolment(world, api, pool):
    from chalicelib.vouchers import store

    staff_principal("institution")
    for number in range(max(1, ROUNDS // 8)):
        race = Race(world, 5000 + number, seed=1)
        if store.read_voucher(race.voucher_id).claimed_at is None:
            race.attempt(("claim", -100, ""))
        answers = set(pool.map(race.attempt, [("redeem", -5, "same")] * CLIENTS))
        assert len(answers) == 1
        assert answers.pop()[0] == "redeem"
        assert store.read_voucher(race.voucher_id).version == 3
