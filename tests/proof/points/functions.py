"""A prepared state for each deployed function that is not HTTP, and what starts it."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

import app
from tests.proof.points.trials import Job

Case = Callable[[Any, Any], Job]
BUCKET = "voucher-test-evidence"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _clock(function: str, at: datetime, **facts: Any) -> Callable[[], Any]:
    """Start a function as the scheduler does, at this time."""
    return lambda: getattr(app, function)({"now": at.isoformat(), **facts}, None)


def _queue(function: str, *bodies: dict[str, Any], at: datetime) -> Callable[[], Any]:
    """Hand a worker messages, as the queue does: those it failed to do come again with the rest."""
    records = [
        {"messageId": str(n), "body": json.dumps({**body, "now": at.isoformat()})}
        for n, body in enumerate(bodies)
    ]
    return lambda: getattr(app, function)({"Records": records}, None)


def _waiting(world: Any, queue: str) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in body.items() if name != "now"} for body in world.cloud.messages(queue)
    ]


def _object(function: str, key: str, bucket: str, at: datetime) -> Callable[[], Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return lambda: getattr(app, function)({"detail": detail, "now": at.isoformat()}, None)


# --------------------------------------------------------------------------- accounts


def bootstrap_accounts(world: Any, _: Any) -> Job:
    from tests.accounts.builders import numbered

    people = {name: numbered(name) for name in ("eins", "zwei")}
    wanted = [
        {"account": name, "name": person.name, "id_number": person.id_number}
        for name, person in people.items()
    ]
    return Job("bootstrap_accounts", _clock("bootstrap_accounts", world.now, accounts=wanted), world.now)


def lapse_accounts(world: Any, _: Any) -> Job:
    from tests.accounts.builders import ask_for, numbered

    for name in ("forgotten", "overseen"):
        asked = ask_for(world.api, name, person=numbered(name), role="reviewer")
        assert asked.json["status"] == "proposed", asked.text
    late = datetime.now(UTC) + 31 * DAY
    return Job("lapse_accounts", _clock("lapse_accounts", late), late)


# --------------------------------------------------------------------------- lists and vouchers


def _list_uploaded(world: Any, rows: int, *, wrong: tuple[int, ...] = ()) -> str:
    from tests.people.lists.test_work import csv_of

    raw = csv_of(rows, wrong)
    body = {
        "kind": "graduates",
        "filename": "a.csv",
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    told = world.api("province").post("/v1/imports?partial=true", body, at=world.now)
    key = f"imports/{told.json['id']}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    return str(told.json["id"])


def receive_upload(world: Any, _: Any) -> Job:
    import_id = _list_uploaded(world, 5)
    key = f"imports/{import_id}/upload"
    return Job("receive_upload", _object("receive_upload", key, "voucher-test-intake", world.now), world.now)


def process_import(world: Any, _: Any) -> Job:
    """All steps of a list in turn: one run does whatever messages there are, until none is left."""
    import_id = _list_uploaded(world, 6, wrong=(4,))
    app.receive_upload(
        {"detail": {"object": {"key": f"imports/{import_id}/upload"}}, "now": world.now.isoformat()}, None
    )

    def run() -> Any:
        from chalicelib.people.lists.work import WorkStep

        for step in WorkStep:  # one that failed has not asked for the next
            body = {"import_id": import_id, "work": step.value, "chunk": 0}
            told = _queue("process_import", body, at=world.now)()
            if told["batchItemFailures"]:
                return told
        return told

    return Job("process_import", run, world.now)


def resume_imports(world: Any, _: Any) -> Job:
    import_id = _list_uploaded(world, 5)
    app.receive_upload(
        {"detail": {"object": {"key": f"imports/{import_id}/upload"}}, "now": world.now.isoformat()}, None
    )
    assert world.cloud.messages("imports")
    late = world.now + HOUR
    return Job("resume_imports", _clock("resume_imports", late), late, _clock("resume_imports", late + HOUR))


def _approved_batch(world: Any) -> Any:
    from tests.vouchers.lists import approve, graduate_of, propose, ready_list

    chunks = [[graduate_of(world.person(200 + n), n + 2)] for n in range(2)]
    batch = propose(world, ready_list(world, chunks))
    assert approve(world, batch).status == 200
    return batch


def issue_vouchers(world: Any, _: Any) -> Job:
    _approved_batch(world)
    return Job(
        "issue_vouchers", _queue("issue_vouchers", *_waiting(world, "issuance"), at=world.now), world.now
    )


def resume_issuance(world: Any, _: Any) -> Job:
    _approved_batch(world)
    assert _waiting(world, "issuance")
    late = world.now + HOUR
    return Job(
        "resume_issuance", _clock("resume_issuance", late), late, _clock("resume_issuance", late + HOUR)
    )


def follow_standings(world: Any, _: Any) -> Job:
    from tests.vouchers.ineligibility.test_ineligibility import announced, line, sheet

    people = [world.person(n) for n in range(3)]
    for person in people[:2]:
        world.voucher(person)
    announced(world, sheet(*(line(person) for person in people)))
    messages = _waiting(world, "standings")
    assert messages
    return Job("follow_standings", _queue("follow_standings", *messages, at=world.now), world.now)


def _expiring(world: Any) -> datetime:
    """Some vouchers, one of which is redeemed; gives the night after their last day."""
    from chalicelib.vouchers.store import read_voucher

    vouchers = [world.voucher(world.person(n), claimed=n == 1) for n in range(2)]
    world.enrolment(world.person(5))
    return read_voucher(vouchers[0]).expires_at + timedelta(minutes=5)


def expire_vouchers(world: Any, _: Any) -> Job:
    night = _expiring(world)
    return Job("expire_vouchers", _clock("expire_vouchers", night), night)


def expire_shard(world: Any, _: Any) -> Job:
    night = _expiring(world)
    _clock("expire_vouchers", night)()
    messages = _waiting(world, "expiry")
    world.cloud.messages("reminders")
    assert messages
    return Job("expire_shard", _queue("expire_shard", *messages, at=night), night)


def remind_shard(world: Any, platform: Any) -> Job:
    night = _expiring(world) - 8 * DAY
    _clock("expire_vouchers", night)()
    messages = _waiting(world, "reminders")
    world.cloud.messages("expiry")
    assert messages
    return Job("remind_shard", _queue("remind_shard", *messages, at=night), night, seen=platform.distinct)


# --------------------------------------------------------------------------- evidence


def _filmed(world: Any) -> tuple[Any, str]:
    from tests.attendance.footage.test_evidence import announce, key_of, put
    from tests.classes.builders import Classroom

    room = Classroom(world).rostered(2)
    announced = announce(room, end=4)
    put(boto3.client("s3", region_name="cn-north-1"), key_of(announced))
    return room, key_of(announced)


def register_footage(world: Any, _: Any) -> Job:
    room, key = _filmed(world)
    at = room.ended()
    return Job("register_footage", _object("register_footage", key, BUCKET, at), at)


def reconcile_footage(world: Any, _: Any) -> Job:
    from tests.attendance.footage.test_evidence import announce

    room, _ = _filmed(world)
    announce(room, camera_id="cam-2")
    late = room.ended() + DAY
    return Job(
        "reconcile_footage", _clock("reconcile_footage", late), late, _clock("reconcile_footage", late + DAY)
    )


def register_document(world: Any, _: Any) -> Job:
    from tests.subsidies.documents.test_documents import announce, upload
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    key = upload(money.ok(announce(money, money.claim(scored_class(world, 1)))))
    return Job("register_document", _object("register_document", key, BUCKET, money.now), money.now)


# --------------------------------------------------------------------------- money


def settle_subsidies(world: Any, _: Any) -> Job:
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.budget()
    money.publicised(scored_class(world, 2))
    money.wait()
    return Job("settle_subsidies", _clock("settle_subsidies", money.now), money.now)


def seal_settlement(world: Any, _: Any) -> Job:
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.budget()
    money.publicised(scored_class(world, 3))
    money.wait()
    bodies = [{"work": work, "division": "3401"} for work in ("settle", "verify")]
    return Job("seal_settlement", _queue("seal_settlement", *bodies, at=money.now), money.now)


def verify_ledger(world: Any, _: Any) -> Job:
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.pay(money.sealed(scored_class(world, 2)))
    return Job("verify_ledger", _clock("verify_ledger", money.now), money.now)


# --------------------------------------------------------------------------- what follows changes


def _changes() -> list[Any]:
    from tests.support.streams import voucher_changes

    return [*voucher_changes(versions=3), *voucher_changes("vch_bbbb", versions=2)]


def return_changes(world: Any, platform: Any) -> Job:
    event = {"Records": _changes(), "now": world.now.isoformat()}
    return Job(
        "return_changes", lambda: app.return_changes(event, None), world.now, seen=platform.told_in_the_end
    )


def reconcile_exchange(world: Any, platform: Any) -> Job:
    platform.always = 503
    app.return_changes({"Records": _changes(), "now": world.now.isoformat()}, None)
    platform.always = None
    late = world.now + HOUR
    run = _clock("reconcile_exchange", late)
    return Job("reconcile_exchange", run, late, seen=platform.told_in_the_end)


def record_audit(world: Any, _: Any) -> Job:
    from chalicelib.supervision.audit.store import AuditRow

    event = {"Records": _changes(), "now": world.now.isoformat()}

    def chain() -> Any:
        return sorted((row.chain, row.seq, row.subject, row.action) for row in AuditRow.scan())

    return Job("record_audit", lambda: app.record_audit(event, None), world.now, seen=chain)


def seal_audit(world: Any, _: Any) -> Job:
    app.record_audit({"Records": _changes(), "now": world.now.isoformat()}, None)
    late = world.now + DAY
    return Job("seal_audit", _clock("seal_audit", late), late)


def compare_audit(world: Any, _: Any) -> Job:
    app.record_audit({"Records": _changes(), "now": world.now.isoformat()}, None)
    late = world.now + DAY
    next_day = _clock("compare_audit", late + DAY + HOUR)
    return Job("compare_audit", _clock("compare_audit", late), late, later=next_day)


def watch_changes(world: Any, _: Any) -> Job:
    from chalicelib.classes.store import ClassRow
    from tests.classes.builders import Classroom
    from tests.support.streams import stream_record

    room = Classroom(world).rostered(2)
    rows = [row.record for row in ClassRow.query(room.id)]
    records = [stream_record(ClassRow, None, row) for row in rows]
    event = {"Records": records, "now": world.now.isoformat()}
    return Job("watch_changes", lambda: app.watch_changes(event, None), world.now)


# --------------------------------------------------------------------------- supervision


def evaluate_classes(world: Any, _: Any) -> Job:
    from tests.classes.builders import Classroom

    room = Classroom(world).rostered(2)
    for number in range(2):
        at = room.starts(number) - timedelta(minutes=10)
        for person in room.people:
            assert room.check_in(person, number, device_id="one-phone", at=at).status == 201
    at = room.ended() + DAY
    return Job("evaluate_classes", _queue("evaluate_classes", {"class_id": room.id}, at=at), at)


def evaluate_day(world: Any, _: Any) -> Job:
    from chalicelib.supervision.touches.model import touch
    from chalicelib.supervision.touches.store import note_touched
    from tests.classes.builders import Classroom

    room = Classroom(world).rostered(2)
    note_touched(touch(room.id, world.now), world.now)
    return Job("evaluate_day", _clock("evaluate_day", world.now), world.now)


def make_exports(world: Any, _: Any) -> Job:
    from tests.classes.builders import Classroom

    Classroom(world).rostered(2)
    body = {"division": "3401", "from": "2026-08-01", "to": "2026-12-31", "purpose": "审计"}
    asked = world.api("supervisor").post("/v1/records/exports", body, at=world.now)
    assert asked.status == 202, asked.text
    return Job("make_exports", _queue("make_exports", *_waiting(world, "exports"), at=world.now), world.now)


def reencrypt_people(world: Any, _: Any) -> Job:
    """A run that was begun; the clock goes on with it until it is done."""
    for number in range(2):
        world.voucher(world.person(number))
    begun, late = datetime.now(UTC), datetime.now(UTC) + HOUR
    _clock("reencrypt_people", begun, order="start")()

    def run() -> Any:
        for step in range(40):
            told = _clock("reencrypt_people", late + step * HOUR)()
            if told["status"] != "running":
                return told
        raise AssertionError("it never ends")

    def state() -> Any:
        return _clock("reencrypt_people", late + 99 * HOUR)()["status"]

    return Job("reencrypt_people", run, late, seen=state)


def migrate_rows(world: Any, _: Any) -> Job:
    """No table has an older form today: an order to begin finds nothing to do."""
    return Job("migrate_rows", _clock("migrate_rows", world.now, order="start"), world.now)


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        bootstrap_accounts,
        lapse_accounts,
        receive_upload,
        process_import,
        resume_imports,
        issue_vouchers,
        resume_issuance,
        follow_standings,
        expire_vouchers,
        expire_shard,
        remind_shard,
        register_footage,
        reconcile_footage,
        register_document,
        settle_subsidies,
        seal_settlement,
        verify_ledger,
        return_changes,
        reconcile_exchange,
        record_audit,
        seal_audit,
        compare_audit,
        watch_changes,
        evaluate_classes,
        evaluate_day,
        make_exports,
        reencrypt_people,
        migrate_rows,
    )
}
