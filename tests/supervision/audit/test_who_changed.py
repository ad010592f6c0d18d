"""Every change of the program is told with who made it, and only a change from outside is not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib.aws.table import all_tables, connection, table_name
from chalicelib.aws.writes import Put, Update, transact, update
from chalicelib.catalogue.institutions.store import InstitutionRow
from chalicelib.catalogue.payees.store import PayeeAccountRow
from chalicelib.kernel.principal import Change, Role, system_context
from chalicelib.settlement.batches.store import BatchRow
from chalicelib.subsidies.claims.store import ClaimRow, LineRow
from chalicelib.subsidies.holds.store import PaymentHoldRow
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.supervision.audit.model import UNTOLD_ACTOR, AuditRecord
from chalicelib.supervision.audit.service import UNTOLD_ACTION
from chalicelib.supervision.audit.store import AuditRow
from chalicelib.vouchers.model import VoucherStatus
from chalicelib.vouchers.store import VoucherRow
from tests.catalogue.payees.test_payees import PRIVATE
from tests.settlement.test_payee_attacks import confirm, propose
from tests.subsidies.holds.test_stop_payment import SCHOOL, let_go, stop
from tests.subsidies.scored import Money, scored_class
from tests.support.streams import NOW, Taps, a_voucher, stream_event, stream_record


@pytest.fixture
def taps(cloud: Any) -> Iterator[Taps]:
    """Give the streams of every streamed table of the program."""
    opened = Taps([table for table in all_tables() if table.streamed])
    yield opened
    opened.close()


def recorded(*records: dict[str, Any]) -> int:
    """Record what each stream delivered, twice as if it had repeated itself; tell how many were new."""
    context = system_context("audit", now=NOW, request_id="req_audit")
    streams: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        streams.setdefault(record["eventSourceARN"], []).append(record)
    first = 0
    for batch in streams.values():
        first += record_audit(stream_event(*batch), context)["recorded"]
        assert record_audit(stream_event(*batch), context)["recorded"] == 0, "a repeat records nothing"
    return first


def history(subject: str, table: Any = VoucherRow) -> list[AuditRecord]:
    """Give the records of a row in their order; others tell who has read something of it."""
    records = [row.record for row in AuditRow.query(subject)]
    return sorted(
        (record for record in records if table_name(record.table) == table.Meta.table_name), key=_number
    )


def _number(record: AuditRecord) -> int:
    return record.seq


def untold() -> list[AuditRecord]:
    """List the records that say nothing of who made the change."""
    return [row.record for row in AuditRow.scan() if row.actor == UNTOLD_ACTOR or row.action == UNTOLD_ACTION]


def test_a_settlement_batchs_whole_life_is_told_by_name(world: Any, taps: Taps) -> None:
    """Collecting, sealing, exporting, paying, paying again what failed, closing: nothing came from outside."""
    money = Money(world)
    money.budget()
    classes = [scored_class(world, 3), scored_class(world, 2)]
    taps.records()  # the builders write rows by hand
    claims = [money.publicised(class_id) for class_id in classes]
    money.wait()
    batch = money.seal()
    money.pay(batch, failing={0})
    money.now += timedelta(days=1)
    assert len(money.release(batch)) == 1
    again = money.seal()
    money.pay(again)
    assert recorded(*taps.records()) > 0
    assert untold() == []
    life = history(batch["id"], BatchRow)
    assert life[0].before == {}
    assert life[-1].after["status"] == "closed"
    actions = {record.action for record in life}
    assert actions == {"settlement.seal", "settlement.export", "settlement.record_results"}
    (sealing,) = [record for record in life if record.after.get("status") == "sealed"]
    assert (sealing.role, sealing.before["status"]) == ("finance", "sealing")
    told: list[tuple[str, Any]] = [(sealed["id"], BatchRow) for sealed in (batch, again)]
    told += [(claim["id"], ClaimRow) for claim in claims]
    told += [(line["line_id"], LineRow) for line in money.batch(batch)["lines"]]
    for subject, table in told:
        entries = [record.entry for record in history(subject, table)]
        assert entries == [f"{n + 1:08d}" for n in range(table.read(subject).version)], "one a version"


def test_a_changed_account_and_a_stopped_payment_are_told_by_name(world: Any, taps: Taps) -> None:
    """An account proposed and confirmed, a line taken out of its batch and let go, an institution stopped."""
    money = Money(world)
    batch = money.sealed(scored_class(world, 2))
    (line, _) = money.batch(batch)["lines"]
    taps.records()
    payee = propose(money)
    money.ok(confirm(money, payee))
    hold = money.ok(stop(money, {"kind": "line", "id": line["line_id"]}))
    money.ok(let_go(money, hold))
    on_school = money.ok(stop(money, SCHOOL))
    money.ok(let_go(money, on_school))
    money.export(batch)
    assert recorded(*taps.records()) > 0
    assert untold() == []
    account = history(payee["institution"], PayeeAccountRow)
    told = [(record.role, record.action, record.reason) for record in account]
    assert told == [("clerk", "payee.propose", "更换账户"), ("finance", "payee.confirm", "已核")]
    assert PRIVATE["number"] not in str(account)
    for told_hold in (hold, on_school):
        assert [record.action for record in history(told_hold["id"], PaymentHoldRow)] == [
            "hold.place",
            "hold.release",
        ]
    assert {"hold.place", "hold.release"} <= {record.action for record in history(line["line_id"], LineRow)}
    assert [record.action for record in history(payee["institution"], InstitutionRow)][-2:] == [
        "hold.place",
        "hold.release",
    ]


def test_a_row_written_twice_by_one_request_has_two_records(world: Any, taps: Taps) -> None:
    """Both writes carry the very same change: the stamps tell them apart, the versions their records."""
    row: Any = VoucherRow
    for face_value_fen in (1, 2):
        if face_value_fen == 1:
            transact([Put(VoucherRow.from_record(a_voucher(last_change=None)))], change=world.change)
        update(
            VoucherRow,
            ("vch_aaaa",),
            [row.face_value_fen.set(face_value_fen)],
            condition=row.id.exists(),
            change=world.change,
        )
    assert recorded(*taps.records()) == 3
    records = history("vch_aaaa")
    assert [record.after.get("face_value_fen") for record in records] == [600_000, 1, 2]
    assert {(record.actor, record.action) for record in records} == {("test", "test.seed")}


def test_rows_of_one_transaction_are_told_each_with_its_own_reason(world: Any, taps: Taps) -> None:
    """They share one stamp."""
    row: Any = VoucherRow
    own = Change(actor="acc_y", role=Role.CLERK, action="voucher.own", request_id="req_own", at=NOW)
    transact(
        [Put(VoucherRow.from_record(a_voucher(name, last_change=None))) for name in ("vch_a", "vch_b")],
        change=world.change,
    )
    transact(
        [
            Update(VoucherRow, ("vch_a",), [row.face_value_fen.set(1)], row.id.exists(), change=own),
            Update(VoucherRow, ("vch_b",), [row.face_value_fen.set(1)], row.id.exists()),
        ],
        change=world.change,
    )
    assert recorded(*taps.records()) == 4
    assert [record.action for record in history("vch_a")] == ["test.seed", "voucher.own"]
    assert [record.action for record in history("vch_b")] == ["test.seed", "test.seed"]


@pytest.fixture
def lost_answer() -> Iterator[None]:
    """Lose the next answer on its way back: the SDK sends the same request again."""
    left = [0.0]

    def send_again(**_: Any) -> float | None:
        return left.pop() if left else None

    events = connection().client.meta.events
    events.register_first("needs-retry.dynamodb.UpdateItem", send_again)
    yield
    events.unregister("needs-retry.dynamodb.UpdateItem", send_again)
    assert not left


def test_a_write_repeated_after_a_lost_answer_is_one_change(
    world: Any, taps: Taps, lost_answer: None
) -> None:
    """Its own condition still holds after it; nothing else would keep the repeat from counting on."""
    row: Any = VoucherRow
    transact([Put(VoucherRow.from_record(a_voucher(last_change=None)))], change=world.change)
    now: Any = update(
        VoucherRow,
        ("vch_aaaa",),
        [row.face_value_fen.set(row.face_value_fen + 1)],
        condition=row.id.exists(),
        change=world.change,
    )
    assert (now.version, now.face_value_fen) == (2, 600_001)
    assert recorded(*taps.records()) == 2
    assert untold() == []


def _by_hand(expression: str, **values: dict[str, str]) -> None:
    boto3.client("dynamodb").update_item(
        TableName=VoucherRow.Meta.table_name,
        Key={"id": {"S": "vch_aaaa"}},
        UpdateExpression=expression,
        ExpressionAttributeNames={
            f"#{name}": name for name in ("status", "version") if f"#{name}" in expression
        },
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


@pytest.mark.parametrize("counted", [False, True], ids=["as it is", "counted up"])
def test_a_row_edited_by_hand_is_told_as_changed_from_outside(world: Any, taps: Taps, counted: bool) -> None:
    """Though the row still says who changed it last."""
    transact([Put(VoucherRow.from_record(a_voucher(last_change=None)))], change=world.change)
    if counted:
        _by_hand("SET #status = :s, #version = :v", s={"S": "settled"}, v={"N": "2"})
    else:
        _by_hand("SET #status = :s", s={"S": "settled"})
    assert recorded(*taps.records()) == 2
    first, second = history("vch_aaaa")
    assert (first.actor, first.action) == ("test", "test.seed")
    assert (second.actor, second.action) == (UNTOLD_ACTOR, UNTOLD_ACTION)
    assert second.after == {"status": "settled"}


def test_an_old_row_put_back_with_its_stamp_is_told_as_changed_from_outside(world: Any, taps: Taps) -> None:
    transact([Put(VoucherRow.from_record(a_voucher(last_change=None)))], change=world.change)
    key = {"id": {"S": "vch_aaaa"}}
    table = VoucherRow.Meta.table_name
    old = boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    row: Any = VoucherRow
    spent = row.status.set(str(VoucherStatus.REVOKED))
    update(VoucherRow, ("vch_aaaa",), [spent], condition=row.id.exists(), change=world.change)
    boto3.client("dynamodb").put_item(TableName=table, Item=old)
    assert recorded(*taps.records()) == 3
    assert [record.actor for record in history("vch_aaaa")] == ["test", "test", UNTOLD_ACTOR]


def test_a_row_put_in_by_hand_is_told_as_changed_from_outside(cloud: Any) -> None:
    forged = stream_record(VoucherRow, None, a_voucher())
    del forged["dynamodb"]["NewImage"]["op_id"]
    recorded(forged)
    assert [record.actor for record in history("vch_aaaa")] == [UNTOLD_ACTOR]
