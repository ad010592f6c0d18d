"""Both keys of personal data can be changed while the service runs, and the work survives its own death."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.accounts.persons.service import person_digests, person_key_of
from chalicelib.accounts.persons.store import PersonIndexRow
from chalicelib.aws import crypto
from chalicelib.aws.keys import forget_keys
from chalicelib.aws.settings import settings
from chalicelib.aws.table import all_tables, connection
from chalicelib.kernel.principal import system_context
from chalicelib.people.vault.service import find_person, misnamed, name_digest
from chalicelib.settlement.batches.store import FILES
from chalicelib.supervision.rekeying import resealing
from chalicelib.supervision.rekeying import service as rekeying
from chalicelib.supervision.rekeying.model import RekeyingStatus
from chalicelib.supervision.rekeying.service import Order
from infra.deployment.grants import GRANTS
from tests.subsidies.scored import Money, scored_class
from tests.support.http import Gateway
from tests.support.people import HEFEI_OTHER

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _first_seed(emulator: Any) -> Any:
    yield
    _new_seed("first")
    _new_seed("first")
    forget_keys()
    crypto.forget_data_keys()


def _new_seed(name: str) -> None:
    secret = json.dumps({"seed": f"test-index-{name}-" + "x" * 48})
    boto3.client("secretsmanager").put_secret_value(SecretId="voucher-test-index", SecretString=secret)
    forget_keys()


def run(order: Order = Order.CONTINUE, *, pages: int | None = None, now: datetime = LATER) -> Any:
    return rekeying.reencrypt(system_context("reencrypt", now=now, request_id="req_x"), order, pages=pages)


def raw_items() -> dict[str, list[dict[str, Any]]]:
    client = boto3.client("dynamodb")
    names = [table.Meta.table_name for table in all_tables()]
    return {name: client.scan(TableName=name)["Items"] for name in names}


def wrapped_keys_by_table() -> dict[str, set[str]]:
    """Every wrapped data key that something in each of the re-encrypted tables is sealed under."""
    keys: dict[str, set[str]] = {name: set() for name in resealing.SEALED}
    for name, items in raw_items().items():
        if (short := name.removeprefix("voucher-test-")) in keys:
            for piece in json.dumps(items).replace('"', " ").replace("\\", " ").split():
                if piece.startswith("v1."):
                    keys[short].add(piece.split(".")[1])
    return keys


def wrapped_keys() -> set[str]:
    return set().union(*wrapped_keys_by_table().values())


def test_person_keys_stay_while_the_index_key_changes(world: Any, api: Any) -> None:
    people = [world.person(n) for n in range(5)]
    vouchers = [world.voucher(person) for person in people]
    stranger = world.person(9)  # signed in once, has no voucher
    before = {p.id_number: person_key_of(p.id_number) for p in [*people, stranger]}
    old_digests = {person_digests(number)[0] for number in before}
    old_names = {name_digest(p.name) for p in people}
    _new_seed("second")
    crypto.forget_data_keys()
    assert {number: person_key_of(number) for number in before} == before, "found under the key before"
    assert run(Order.START, now=NOW).status is RekeyingStatus.RUNNING
    assert run(now=NOW).rows == 0, "somebody may still hold the key before"
    done = run()
    assert done.status is RekeyingStatus.FINISHED
    _new_seed("third")  # the first key is gone for good: whoever is found, is found under the second
    assert {number: person_key_of(number) for number in before} == before
    text = json.dumps(raw_items(), default=str)
    assert not [digest for digest in old_digests | old_names if digest in text]
    for person, voucher_id in zip(people, vouchers, strict=True):
        shown = api(person).get(f"/v1/vouchers/{voucher_id}", at=NOW).json
        assert shown["holder"] == {"name": person.name, "id_number": person.id_number}
        assert misnamed([(before[person.id_number], person.name)]) == set()
        assert misnamed([(before[person.id_number], "别人")])


def test_a_run_killed_at_any_write_goes_on_and_loses_nothing(world: Any) -> None:
    people = [world.person(n) for n in range(6)]
    for person in people:
        world.voucher(person)
    before = {p.id_number: person_key_of(p.id_number) for p in people}
    old_wrapped = wrapped_keys()
    _new_seed("second")
    crypto.forget_data_keys()
    run(Order.START, now=NOW)
    events = connection().client.meta.events
    deaths = 0
    for dies_at in (1, 2, 3, 5, 8, 13, 21, 34):
        writes = 0

        def die(**_: Any) -> None:
            nonlocal writes
            writes += 1
            if writes == dies_at:  # noqa: B023 - used up within the turn
                raise KeyboardInterrupt

        for operation in ("PutItem", "UpdateItem", "DeleteItem"):
            events.register_first(f"before-send.dynamodb.{operation}", die)
        try:
            run()
        except KeyboardInterrupt:
            deaths += 1
        finally:
            for operation in ("PutItem", "UpdateItem", "DeleteItem"):
                events.unregister(f"before-send.dynamodb.{operation}", die)
        assert {number: person_key_of(number) for number in before} == before
    assert deaths >= 5
    assert run().status is RekeyingStatus.FINISHED
    assert not wrapped_keys() & old_wrapped, "everything is sealed under a new data key"
    rows = list(PersonIndexRow.scan())
    assert len(rows) == len({row.person_key for row in rows}), "no digest of the key before is left"
    assert {row.digest for row in rows} >= {person_digests(number)[0] for number in before}


def test_each_table_with_sealed_values_is_sealed_anew(world: Any, api: Any) -> None:
    import app
    from tests.classes.builders import Classroom

    first = {"account": "province-9", "name": "省厅", "id_number": world.person(9).id_number}
    assert app.bootstrap_accounts({"accounts": [first]}, None)["created"] == 1
    world.voucher(world.person(1))
    Classroom(world)
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world))
    objection = {"reason": "名单中有人未到课", "contact": "13900000000"}
    objection = money.ok(api().post(f"/v1/publicity/{claim['id']}/objections", objection, at=money.now))
    answer = {"version": 1, "outcome": "dismissed", "reason": "经核查"}
    money.ok(api("supervisor").post(f"/v1/objections/{objection['id']}/resolve", answer, at=money.now))
    money.wait()
    assert money.seal() is not None
    world.account_of_before(HEFEI_OTHER)
    before = wrapped_keys_by_table()
    assert [name for name, keys in before.items() if not keys] == []
    run(Order.START, now=NOW)
    assert run().status is RekeyingStatus.FINISHED
    after = wrapped_keys_by_table()
    assert [name for name, keys in after.items() if not keys or keys & before[name]] == []


def test_a_run_can_be_stopped_and_resumed_page_by_page(world: Any) -> None:
    world.voucher(world.person(1))
    run(Order.START, now=NOW)
    assert run(pages=1).place == 1
    assert run(Order.STOP).status is RekeyingStatus.STOPPED
    assert run().place == 1, "a stopped run does nothing"
    assert run(Order.START, pages=1).place == 2
    assert run().status is RekeyingStatus.FINISHED
    assert run().status is RekeyingStatus.FINISHED
    again = run(Order.START, now=NOW)
    assert (again.status, again.place) == (RekeyingStatus.RUNNING, 0)


def test_a_rotation_during_a_run_makes_it_wait_and_begin_anew(world: Any) -> None:
    """Other processes do not know the newest key yet: moved to it at once, people would not be found."""
    person = world.person(1)
    world.voucher(person)
    key = person_key_of(person.id_number)
    run(Order.START, now=NOW)
    assert run(pages=1).place == 1
    _new_seed("second")
    waiting = run()
    assert (waiting.status, waiting.place, waiting.not_before > LATER) == (RekeyingStatus.RUNNING, 0, True)
    assert run().place == 0, "it waits"
    assert run(now=LATER + timedelta(hours=1)).status is RekeyingStatus.FINISHED
    assert person_key_of(person.id_number) == key


def test_a_person_met_just_after_a_rotation_is_one_person_for_everybody(world: Any) -> None:
    """A process that does not know the new key yet must find who another process has just met."""
    number = world.person(3).id_number
    old = person_digests(number)[0]
    _new_seed("second")
    key = person_key_of(number)
    assert PersonIndexRow.find(old).person_key == key
    assert find_person(key) is None


def test_stored_payment_files_are_sealed_anew_and_stay_what_they_were(world: Any) -> None:
    money = Money(world)
    batch = money.sealed(scored_class(world, 1))
    before = stored_files()
    assert len(before) == 2
    for name in before:  # as the bucket's own rule does after five years: the version is there, out of sight
        boto3.client("s3").delete_object(Bucket=settings().evidence_bucket, Key=name)
    crypto.forget_data_keys()
    run(Order.START, now=NOW)
    assert run().status is RekeyingStatus.FINISHED
    after = stored_files()
    assert after.keys() == before.keys()
    for name, (sealed, until) in before.items():
        again, still_until = after[name]
        assert again.split(".")[1] != sealed.split(".")[1], "under a new data key"
        assert still_until == until
    assert money.export(batch)["sha256"] == batch["digest"]


def stored_files() -> dict[str, tuple[str, datetime]]:
    """Every stored payment file as it is sealed now, and until when it is locked."""
    s3, bucket = boto3.client("s3"), settings().evidence_bucket
    names = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=FILES)["Contents"]]
    files = {name: s3.get_object(Bucket=bucket, Key=name) for name in names}
    return {
        name: (file["Body"].read().decode(), file["ObjectLockRetainUntilDate"])
        for name, file in files.items()
    }


def test_every_sealed_value_is_known_to_the_job(cloud: Any) -> None:
    prefix = "voucher-test-"
    declared = {(table, path.split("[]")[0]) for table, paths in resealing.SEALED.items() for path in paths}
    sealed = {
        (table.Meta.table_name.removeprefix(prefix), name)
        for table in all_tables()
        if table.__module__.startswith("chalicelib.")
        for name in table.get_attributes()
        if name.startswith("sealed") and name != "sealed_at"
    }
    assert sealed - resealing.NOT_RESEALED <= declared
    scanned = {name for name, actions in GRANTS["reencrypt_people"].items() if "Scan" in actions.split()}
    assert scanned == {f"table/{name}" for name in resealing.SEALED}
    assert FILES in resealing.SEALED_OBJECTS


def test_who_looked_at_a_person_stands_in_that_persons_history(world: Any, api: Any) -> None:
    from chalicelib.accounts.disclosures.store import AccessRow
    from chalicelib.supervision.audit.jobs import record_audit
    from tests.support.streams import stream_event, stream_record

    person = world.person(1)
    voucher_id = world.voucher(person)
    assert not list(AccessRow.scan()), "issuing and claiming open nothing here"
    calls: list[str] = []
    events = connection().client.meta.events
    handle = lambda model, **_: calls.append(model.name)  # noqa: E731
    events.register_first("before-call.dynamodb", handle)
    try:
        assert api(person).get(f"/v1/vouchers/{voucher_id}", at=NOW).status == 200
    finally:
        events.unregister("before-call.dynamodb", handle)
    assert calls.count("PutItem") == 1
    looks = [row.record for row in AccessRow.scan()]
    key = person_key_of(person.id_number)
    assert [(look.subject, look.items, look.last_change.actor) for look in looks] == [(key, 1, key)]
    record = stream_record(AccessRow, None, looks[0])
    for _ in range(2):
        record_audit(stream_event(record), system_context("audit", now=NOW, request_id="req_a"))
    items = api("supervisor").get("/v1/audit", {"subject": key}).json["items"]
    assert [(record["action"], record["reason"]) for record in items] == [
        ("personal_data.open", "show the holder their voucher")
    ]
    assert api("supervisor_wuhu").get("/v1/audit", {"subject": key}).status == 404


def test_what_cannot_be_recorded_is_not_opened(world: Any, api: Any) -> None:
    person = world.person(1)
    voucher_id = world.voucher(person)

    def refuse(request: Any, **_: Any) -> None:
        if b"personal-data-accesses" in request.body:
            raise ReadTimeoutError(endpoint_url="dynamodb")

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb.PutItem", refuse)
    try:
        answer = Gateway()(person).get(f"/v1/vouchers/{voucher_id}", at=NOW)
    finally:
        events.unregister("before-send.dynamodb.PutItem", refuse)
    assert answer.status == 503
    assert person.id_number not in answer.text
