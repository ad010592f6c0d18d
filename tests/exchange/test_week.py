"""A week of changes against a platform that fails in every way it can: in the end it has everything, in order.

`WEEK_CHANGES` says how many changes (5000 were run for the decision), `WEEK_SEED` which week; what is checked is the same
at any size.
"""

import os
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.exchange import jobs, service, store
from chalicelib.exchange import platform as way
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.model import ALL_AREAS, SETTLED, DeliveryState, PlatformVerdict
from chalicelib.kernel.principal import Change, Context, Principal, Role, system_context
from chalicelib.supervision.audit.comparison.jobs import compare_audit
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.supervision.audit.model import version_of
from chalicelib.supervision.audit.store import all_records_of
from chalicelib.vouchers.store import VoucherRow
from infra.local.platform.rules import MODES, Platform
from tests.support.depth import size_of
from tests.support.streams import NOW, a_voucher, stream_event, stream_record

CHANGES = size_of("WEEK_CHANGES", usual=120, full=300)
SEED = int(os.environ.get("WEEK_SEED", "20"))
DIVISIONS = ("340111", "340202", "341882")
TICK = timedelta(hours=2)


def context(at: datetime) -> Context:
    return system_context("exchange", now=at, request_id="req_week")


class Week:
    """Vouchers that change, the stream that tells it, and the platform's words that come back."""

    def __init__(self, platform: Platform, seed: int, *, audits: bool = False) -> None:
        self.platform = platform
        self.chance = random.Random(seed)
        self.loses = False
        self.audits = audits
        self.versions: Counter[str] = Counter()
        self.stream: list[dict[str, Any]] = []
        self.lost = 0
        self.words: Counter[str] = Counter()
        self.sent = 0

    def division(self, name: str) -> str:
        return DIVISIONS[sum(name.encode()) % len(DIVISIONS)]

    def change(self, at: datetime, name: str) -> None:
        version = self.versions[name] + 1
        facts: dict[str, Any] = {"division": self.division(name)}
        before = a_voucher(name, version=version - 1, **facts) if version > 1 else None
        made = Change(actor="acc_x", role=Role.CLERK, action="x", request_id=f"r{version}", at=at)
        after = a_voucher(name, version=version, last_change=made, **facts)
        VoucherRow.from_record(after).save()
        self.versions[name] = version
        self.stream.append(stream_record(VoucherRow, before, after))

    def read_stream(self, at: datetime) -> None:
        """Hand over what there is, in batches that overlap, in any order but that of each voucher, or never."""
        batch, self.stream = self.stream, []
        if self.loses:
            self.lost += len(batch)
            return
        shards: dict[str, float] = {}
        for record in batch:
            shards.setdefault(record["dynamodb"]["Keys"]["id"]["S"], self.chance.random())
        batch.sort(key=lambda record: shards[record["dynamodb"]["Keys"]["id"]["S"]])
        cut = self.chance.randrange(len(batch) + 1) if batch else 0
        for part in (batch[:cut], batch[max(0, cut - 3) :]):
            jobs.return_changes(stream_event(*part), context(at))
            if self.audits:
                record_audit(stream_event(*part), context(at))

    def hear(self, at: datetime) -> None:
        """Take the platform's words, until it has none more for now."""
        told = Context(
            principal=Principal(actor="platform:national", role=Role.PLATFORM, division="34"),
            now=at,
            request_id="req_word",
        )
        for _ in range(3):
            batches = self.platform.words()
            for words in batches:
                said = [
                    service.Acknowledgement(
                        word["message_id"], PlatformVerdict(word["outcome"]), word.get("reason")
                    )
                    for word in words
                ]
                result = service.acknowledge(told, said)
                assert not result.unknown
                self.platform.told(words)
                self.words.update(word["outcome"] for word in words)
            if not batches:
                return

    def tick(self, at: datetime) -> None:
        self.read_stream(at)
        self.hear(at)
        self.sent += jobs.reconcile_exchange({}, context(at))["sent"]
        self.hear(at)

    def standings(self) -> Counter[DeliveryState]:
        return Counter(delivery.state for name in self.versions for delivery in store.deliveries_of(name))

    def listed(self) -> Counter[DeliveryState]:
        return Counter(
            {state: n for state in DeliveryState if (n := sum(1 for _ in lists.of_state(state, ALL_AREAS)))}
        )


def province(at: datetime) -> Context:
    return Context(
        principal=Principal(actor="acc_province", role=Role.PROVINCE, division="34"),
        now=at,
        request_id="req_redrive",
    )


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "TIMEOUT_SECONDS", 0.2)


def test_a_week_of_failures_ends_with_everything_told_in_order(national: Platform) -> None:
    week = Week(national, SEED)
    names = [f"vch_week{number:05d}" for number in range(CHANGES // 3)]
    ticks = int(timedelta(days=7) / TICK)
    at = NOW
    slow = 0
    for tick in range(ticks):
        at += TICK
        mode = week.chance.choice([*MODES, "chaos", "ok"])
        slow += mode == "slow"
        national.mode = "ok" if mode == "slow" and slow > 3 else mode  # each costs seconds
        for _ in range(CHANGES * (tick + 1) // ticks - CHANGES * tick // ticks):
            week.change(at, week.chance.choice(names))
        week.tick(at)
        if tick % 21 == 0:
            assert week.standings() == week.listed(), "something is in no list"
    assert sum(week.versions.values()) == CHANGES
    in_between = week.standings()
    assert in_between[DeliveryState.REFUSED] > 0
    national.mode = "ok"
    for _ in range(400):
        at += timedelta(hours=1)
        for state in (DeliveryState.REFUSED, DeliveryState.DEAD):
            wanted = service.RedriveFilter(state=state)
            while service.redrive_all(province(at), wanted, "平台已恢复").more:
                pass
        week.tick(at)
        if set(week.standings()) <= set(SETTLED):
            break
    _check(week, national)
    assert week.standings() == week.listed() == Counter({DeliveryState.ACKNOWLEDGED: CHANGES})
    print(  # noqa: T201 - the figures of a full week
        f"\nweek: {CHANGES} changes of {len(week.versions)} subjects, taken {len(national.ledger.received)}, "
        f"repeats {sum(national.ledger.repeats.values())}, refused {national.refused}, words {dict(week.words)}, "
        f"before redriving {dict(in_between)}"
    )


def _check(week: Week, national: Platform) -> None:
    ledger = national.ledger
    assert ledger.disorder == []
    assert set(ledger.history) == set(week.versions)
    for name, version in week.versions.items():
        assert ledger.history[name] == list(range(1, version + 1))
        stands = a_voucher(name, version=version, division=week.division(name))
        told = ledger.subjects[name]
        assert told["body"]["status"] == stands.status.value
        assert told["body"].get("paid_fen", 0) == stands.paid_fen
        assert told["body"]["division"] == stands.division
    sent = Counter(item["message_id"] for item in ledger.received)
    assert len(sent) == CHANGES


def test_a_stream_that_is_lost_for_three_days_loses_no_last_state(api: Any, national: Platform) -> None:
    """What was told before goes on; of each voucher that changed meanwhile the row as it stands is told."""
    week = Week(national, SEED + 1, audits=True)
    names = [f"vch_lost{number:05d}" for number in range(max(20, CHANGES // 25))]
    at = NOW
    for tick in range(14):
        at += timedelta(hours=12)
        week.loses = 4 <= tick < 10
        for name in week.chance.sample(names, len(names) // 2):
            week.change(at, name)
        week.tick(at)
    assert week.lost
    for _ in range(6):  # the walk of each day that follows
        at += timedelta(hours=20)
        week.tick(at)
        week.tick(at + timedelta(minutes=5))
        compare_audit({}, context(at + timedelta(minutes=6)))
    ledger = national.ledger
    assert ledger.disorder == []
    assert set(ledger.history) == set(week.versions)
    rebuilt = [item for item in ledger.received if item.get("rebuilt")]
    missing = 0
    for name, version in week.versions.items():
        deliveries = store.deliveries_of(name)
        assert [delivery.sequence for delivery in deliveries] == list(range(1, version + 1))
        assert {delivery.state for delivery in deliveries} <= set(SETTLED)
        gone = [d.sequence for d in deliveries if d.state is DeliveryState.MISSING]
        missing += len(gone)
        assert ledger.history[name] == [n for n in range(1, version + 1) if n not in gone]
        stands = a_voucher(name, version=version, division=week.division(name))
        assert ledger.subjects[name]["body"]["status"] == stands.status.value
        assert ledger.subjects[name]["sequence"] == version
    assert len(rebuilt) + missing == week.lost
    for name, version in week.versions.items():
        chained = all_records_of(name)
        assert [version_of(record.entry) for record in chained] == list(range(1, version + 1))
    named = api("province").post("/v1/audit/verify", {}).json
    assert named["intact"], named
    assert week.standings() == week.listed()
