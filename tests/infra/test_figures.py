"""Each figure that an alarm looks at is written, by the job or request that meets the state it stands for."""

import importlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.aws.metrics import METRICS, REQUESTS_THROTTLED
from chalicelib.aws.queues import Message
from chalicelib.edge import pace
from chalicelib.exchange import store as exchange_store
from chalicelib.kernel.principal import system_context
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.jobs import seal_settlement
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.supervision.audit.jobs import seal_audit
from chalicelib.supervision.audit.service import Tampered
from chalicelib.supervision.migration import jobs as migration_jobs
from chalicelib.supervision.migration.model import Migration, MigrationStatus
from chalicelib.supervision.rekeying import jobs as rekeying_jobs
from tests.attendance.footage.test_evidence import announce, reconcile
from tests.attendance.summary.test_attendance_and_footage import FILMED
from tests.classes.builders import Classroom
from tests.exchange.test_returning import context as exchange_context
from tests.exchange.test_returning import jobs as exchange_jobs
from tests.exchange.test_returning import returned
from tests.settlement.due import LINE_FEN, due_lines
from tests.subsidies.scored import Money, scored_class
from tests.supervision.audit.test_audit import recorded
from tests.support.figures import values_of, written_figures
from tests.support.streams import NOW, handed_over, voucher_changes

Output = pytest.CaptureFixture[str]


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def verified(money: Money) -> None:
    """Verify the ledger of the division to its last page, as the night does."""
    night = system_context("seal_settlement", now=money.now, request_id="req_night")
    bodies: list[dict[str, Any]] = [{"division": "3401", "work": "verify"}]
    while bodies:
        for body in bodies:
            seal_settlement(Message(id="1", body=body, now=money.now), night)
        bodies = [body for body in money.world.cloud.messages("settlement") if body["division"] == "3401"]


class Run:
    """Lambda's context of a run that takes its time between two looks at the clock."""

    def __init__(self, *left_ms: int) -> None:
        self._left_ms = iter(left_ms)

    def get_remaining_time_in_millis(self) -> int:
        return next(self._left_ms)


@pytest.mark.parametrize(("left_ms", "told"), [(90_000, []), (89_999, [1.0])])
def test_a_run_that_ends_near_its_time_out_is_counted(
    left_ms: int, told: list[float], cloud: Any, capsys: Output
) -> None:
    importlib.import_module("app").verify_ledger({}, Run(900_000, left_ms))
    assert values_of(capsys.readouterr().out, "RunsNearTimeOut") == told


def test_a_request_that_ends_near_its_time_out_is_counted_too(cloud: Any, capsys: Output) -> None:
    event = {
        "requestContext": {"resourcePath": "/healthz", "httpMethod": "GET", "requestId": "r", "identity": {}},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "body": None,
        "stageVariables": None,
        "isBase64Encoded": False,
    }
    answer = importlib.import_module("app").app(event, Run(29_000, 2_000))
    assert answer["statusCode"] == 200
    assert values_of(capsys.readouterr().out, "RunsNearTimeOut") == [1.0]


def test_a_job_that_comes_to_its_end_beats(cloud: Any, capsys: Output) -> None:
    app = importlib.import_module("app")
    app.verify_ledger({}, None)
    [beat] = [one for one in written_figures(capsys.readouterr().out) if one["name"] == "JobDone"]
    assert beat["dimensions"] == {"Stage": "test", "Job": "verify_ledger"}


def test_a_job_that_fails_does_not_beat(cloud: Any, capsys: Output) -> None:
    recorded(*voucher_changes())
    seal_audit(system_context("audit", now=NOW, request_id="req_test"))
    from chalicelib.supervision.audit.store import AuditRow

    row = next(iter(AuditRow.by_chain.query("3401")))
    row.update(actions=[AuditRow.hash.set("0" * 64)])
    capsys.readouterr()
    with pytest.raises(Tampered):
        seal_audit(system_context("audit", now=NOW + timedelta(days=1), request_id="req_test"))
    assert values_of(capsys.readouterr().out, "AuditChainsBroken") == [1]


def test_a_message_that_cannot_be_done_is_counted_at_its_first_receive(cloud: Any, capsys: Output) -> None:
    app = importlib.import_module("app")
    told = app.expire_shard({"Records": [{"messageId": "m1", "body": json.dumps({"no": "shard"})}]}, None)
    assert told == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    written = capsys.readouterr()
    [figure] = [one for one in written_figures(written.out) if one["name"] == "MessagesFailed"]
    assert figure["facts"] == {"worker": "expire_shard"}


def test_what_waits_for_the_platform_is_counted_and_has_an_age(cloud: Any, capsys: Output) -> None:
    returned(*voucher_changes(versions=2))
    told_at = exchange_store.deliveries_of("vch_aaaa")[0].occurred_at
    capsys.readouterr()
    exchange_jobs.reconcile_exchange({}, exchange_context(told_at + timedelta(hours=5)))
    written = capsys.readouterr().out
    assert values_of(written, "Undelivered") == [1], "the second waits for the first"
    assert values_of(written, "UndeliveredAge") == [5 * 3600]


def test_when_nothing_waits_its_age_is_nothing(cloud: Any, capsys: Output) -> None:
    exchange_jobs.reconcile_exchange({}, exchange_context())
    written = capsys.readouterr().out
    for name in (
        "Undelivered",
        "UndeliveredAge",
        "DeliveriesStuck",
        "PlatformDifferences",
        "PlatformUnexplained",
    ):
        assert values_of(written, name) == [0]


def test_deliveries_that_a_person_has_to_decide_on_are_counted_until_they_did(
    cloud: Any, capsys: Output
) -> None:
    returned(*voucher_changes(), *voucher_changes("vch_bbbb"))
    handed_over("vch_bbbb", 1)
    [first], [second] = (exchange_store.deliveries_of(name) for name in ("vch_aaaa", "vch_bbbb"))
    change = first.last_change
    assert change is not None
    exchange_store.give_up(first, failure="status_503", now=NOW, change=change)
    exchange_store.mark_refused(second, reason="status_422", now=NOW, change=change)
    for left in ([2], [1]):
        capsys.readouterr()
        exchange_jobs.reconcile_exchange({}, exchange_context())
        assert values_of(capsys.readouterr().out, "DeliveriesStuck") == left
        exchange_store.redrive(second, due_at=NOW + timedelta(days=1), change=change)


def test_a_batch_that_nobody_goes_on_with_is_measured_in_working_days(
    world: Any, money: Money, capsys: Output
) -> None:
    batch = money.sealed(scored_class(world, 2))
    sealed = batches_store.find_batch(batch["id"])
    assert sealed is not None
    verified(money)
    assert values_of(capsys.readouterr().out, "BatchUnexportedDays") == [0]
    money.wait(9)
    verified(money)
    [days] = values_of(capsys.readouterr().out, "BatchUnexportedDays")
    assert 5 <= days <= 7
    exported = batches_store.BatchRow.get(batch["id"])
    change = sealed.last_change
    assert change is not None
    batches_store.record_export(exported.record, change)
    verified(money)
    written = capsys.readouterr().out
    assert values_of(written, "BatchUnansweredDays") == [days]
    assert values_of(written, "BatchUnexportedDays") == []
    exported.update(actions=[batches_store.BatchRow.status.set("sealing")])
    verified(money)
    assert values_of(capsys.readouterr().out, "BatchUnsealedDays")[0] >= days


def test_a_difference_in_the_ledger_is_counted(world: Any, money: Money, capsys: Output) -> None:
    money.pay(money.sealed(scored_class(world, 2)))
    verified(money)
    assert set(values_of(capsys.readouterr().out, "LedgerDifferences")) == {0}
    row = next(batches_store.BatchRow.by_division.query("3401"))
    row.update(actions=[batches_store.BatchRow.paid_count.set(1)])
    with pytest.raises(RuntimeError):
        verified(money)
    assert sum(values_of(capsys.readouterr().out, "LedgerDifferences")) == 1


def test_held_money_has_an_amount_and_an_age(world: Any, money: Money, capsys: Output) -> None:
    due_lines(world, classes=1, size=3)
    for place, line in enumerate(LineRow.scan()):
        if place < 2:
            line.update(
                actions=[
                    LineRow.status.set("held"),
                    LineRow.submitted_at.set(money.now - timedelta(days=40 + place)),
                ]
            )
    verified(money)
    written = capsys.readouterr().out
    assert values_of(written, "HeldFen") == [2 * LINE_FEN]
    assert values_of(written, "HeldDays") == [41]


def test_recordings_that_never_came_and_those_that_could_not_be_asked_for_are_counted(
    world: Any, capsys: Output
) -> None:
    room = Classroom(world).rostered(2)
    announce(room)
    reconcile(room.starts() + FILMED + timedelta(hours=2))
    written = capsys.readouterr().out
    assert values_of(written, "FootageRefused") == [1]
    assert values_of(written, "FootageUnreconciled") == [0]


def test_a_migration_and_a_re_encryption_are_open_until_they_are_finished(
    world: Any, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = system_context("test", now=NOW, request_id="req_test")
    part = Migration(id="letters-2-00", table="letters", target=2, segment=0, held_until=NOW)
    done = msgspec.structs.replace(part, id="letters-2-01", status=MigrationStatus.FINISHED)
    monkeypatch.setattr(migration_jobs.migration, "migrate", lambda *_: [part, done])
    migration_jobs.migrate_rows({}, at)
    monkeypatch.setattr(migration_jobs.migration, "migrate", lambda *_: [done])
    migration_jobs.migrate_rows({}, at)
    assert values_of(capsys.readouterr().out, "MigrationOpen") == [1, 0]

    for order in ("continue", "start", "stop"):
        rekeying_jobs.reencrypt_people({"order": order}, at)
    later = system_context("test", now=NOW + timedelta(hours=1), request_id="req_test")
    rekeying_jobs.reencrypt_people({"order": "start"}, later)
    assert values_of(capsys.readouterr().out, "ReencryptionOpen") == [0, 1, 1, 0]


def test_failed_sign_ins_are_counted_whoever_tried(api: Any, world: Any, capsys: Output) -> None:
    body = {"grant_type": "password", "account": "nobody-here", "password": "wrong password"}
    assert api().post("/v1/auth/tokens", body).status == 401
    [figure] = [one for one in written_figures(capsys.readouterr().out) if one["name"] == "SignInsFailed"]
    assert figure["facts"] == {}, "nobody is named"


def test_a_request_that_comes_too_soon_is_counted(
    api: Any, world: Any, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pace.PACES, "me.read", pace.Pace(burst=1, a_second=0.01))
    statuses = [api("clerk").get("/v1/me").status for _ in range(3)]
    assert statuses == [200, 429, 429]
    assert values_of(capsys.readouterr().out, "RequestsPaced") == [1, 1]
    pace.forget_paces()


def test_every_figure_is_shown_to_be_written() -> None:
    """All but the one that the gateway's access log makes, without the program."""
    others = (
        "aws/test_metrics",
        "aws/test_parking",
        "supervision/audit/comparison/test_comparison",
        "supervision/evaluations/test_paths",
    )
    shown = Path(__file__).read_text() + "".join(Path(f"tests/{name}.py").read_text() for name in others)
    missing = {metric.name for metric in METRICS if f'"{metric.name}"' not in shown}
    assert missing == {REQUESTS_THROTTLED.name}
