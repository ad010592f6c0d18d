"""Issuance batches: counted, approved by a second person, issued chunk by chunk, whatever is lost or repeated."""

import contextlib
import itertools
import random
from collections import Counter
from datetime import date, timedelta

import msgspec
import pytest

import app
from chalicelib.aws.writes import update
from chalicelib.kernel.errors import DomainError
from chalicelib.vouchers import store
from chalicelib.vouchers.batches import store as batch_store
from chalicelib.vouchers.batches.chunks import store as chunk_store
from chalicelib.vouchers.batches.chunks.model import RowRefusal, faults_of
from chalicelib.vouchers.batches.model import (
    ISSUANCE_TRANSITIONS,
    IssuanceBatch,
    IssuanceBatchStatus,
    Phase,
    Tally,
)
from chalicelib.vouchers.model import voucher_id_of
from tests.support.in_process import Interrupted
from tests.support.plugin import forget_what_is_known
from tests.vouchers.lists import approve, deliver, graduate_of, path_of, propose, read, ready_list, say

LONG = 5_001


def chunks_of(world, sizes, **facts):
    people = iter(range(100, 10_000))
    row = iter(range(2, 10_000))
    return [
        [graduate_of(world.person(next(people)), next(row), **facts) for _ in range(size)] for size in sizes
    ]


def counts(batch):
    return batch["eligible"], batch["refused"], batch["already_held"], batch["issued"]


def test_a_long_list_is_counted_by_workers_and_proposed_then(world, cloud):
    chunks = chunks_of(world, [4, 3, 2])
    chunks[1][0] = graduate_of(world.person(900), 50, employment_status="已就业")
    batch = propose(world, ready_list(world, chunks, valid=LONG))
    assert (batch["status"], counts(batch)) == ("counting", (0, 0, 0, 0))
    early = approve(world, batch)
    assert (early.status, early.json["code"]) == (409, "wrong_state")
    messages = cloud.messages("issuance")
    assert len(messages) == 3
    deliver(messages[:1] * 3)  # one chunk, three times
    assert (read(world, batch)["status"], read(world, batch)["chunks_done"]) == ("counting", 1)
    random.Random(1).shuffle(messages)
    deliver(messages * 2)
    shown = read(world, batch)
    assert (shown["status"], counts(shown), shown["version"]) == ("proposed", (8, 1, 0, 0), 2)
    assert shown["refused_by_reason"] == [{"code": "not_unemployed", "count": 1}]
    assert not cloud.messages("issuance")


def test_a_batch_tells_what_it_expected_and_what_became_of_it(world, cloud):
    chunks = chunks_of(world, [3, 3])
    chunks[0][0] = graduate_of(world.person(900), 90, employment_status="已就业")
    batch = propose(world, ready_list(world, chunks))
    assert counts(batch) == (5, 1, 0, 0)
    held, listed = world.person(101), world.person(104)
    world.voucher(held)
    say(world, listed)
    assert approve(world, batch).status == 200
    deliver(cloud.messages("issuance"))
    shown = read(world, batch)
    assert (shown["status"], counts(shown)) == ("issued", (5, 1, 0, 3))
    assert shown["outcome"] == {
        "issued": 3,
        "already_held": 1,
        "refused": 2,
        "refused_by_reason": [
            {"code": "listed_employed", "count": 1},
            {"code": "not_unemployed", "count": 1},
        ],
    }
    refusals = world.api("province").get(f"{path_of(world, batch)}/refusals", at=world.now).json["items"]
    rows = [(refusal["row"], refusal["code"]) for refusal in refusals]
    assert rows == [(90, "not_unemployed"), (chunks[1][1].row, "listed_employed")]


def test_refusals_come_in_pages_across_chunks(world, cloud):
    chunks = chunks_of(world, [5, 4, 3], employment_status="已就业")
    chunks[1] = chunks_of(world, [4])[0]
    batch = propose(world, ready_list(world, chunks))
    rows, cursor, pages = [], "", 0
    while True:
        query = f"?limit=2{cursor}"
        page = world.api("province").get(f"{path_of(world, batch)}/refusals{query}", at=world.now).json
        rows += [refusal["row"] for refusal in page["items"]]
        assert len(page["items"]) <= 2
        pages += 1
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert rows == [graduate.row for chunk in (chunks[0], chunks[2]) for graduate in chunk]
    assert pages <= 5


def proposing(world, record):
    path = f"/v1/programs/{world.program_id}/issuance-batches"
    body = {"import_id": record.id, "declared_count": record.valid}
    return world.api("province").post(path, body, at=world.now)


def test_an_issued_list_is_not_proposed_again_and_nothing_changes(world, cloud, api):
    chunks = chunks_of(world, [4, 4])
    record = ready_list(world, chunks)
    first = propose(world, record)
    approve(world, first)
    deliver(cloud.messages("issuance"))
    person = world.person(100)
    voucher_id = api(person).get("/v1/vouchers", at=world.now).json["items"][0]["id"]
    api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)
    before = store.read_voucher(voucher_id)
    again = proposing(world, record)
    assert (again.status, again.json["code"]) == (409, "nothing_to_issue")
    assert "8 人已持有" in again.json["detail"]
    listed = world.api("province").get(path_of(world, first).rpartition("/")[0], at=world.now).json["items"]
    assert [batch["id"] for batch in listed] == [first["id"]], "no batch of nobody waits for approval"
    assert not cloud.messages("issuance")
    assert store.read_voucher(voucher_id) == before


def test_a_list_proposed_again_is_told_who_is_refused_now_and_why(world, cloud):
    """Its answer was that all is done, and hid why the others still have no voucher."""
    held, working, early = chunks_of(world, [2, 3, 1])
    working = [msgspec.structs.replace(one, employment_status="已就业") for one in working]
    early = [msgspec.structs.replace(one, graduated_on=date(2019, 6, 30)) for one in early]
    for index in (100, 101):
        world.voucher(world.person(index))
    again = proposing(world, ready_list(world, [held, working, early]))
    assert (again.status, again.json["code"]) == (409, "nothing_to_issue")
    assert "2 人已持有" in again.json["detail"]
    assert "4 人不符合条件" in again.json["detail"]
    told = Counter(one["code"] for one in again.json["errors"])
    assert (told["not_unemployed"], told["graduated_too_early"]) == (3, 1)
    rows = [one["row"] for one in again.json["errors"] if one["code"] == "not_unemployed"]
    assert rows == [one.row for one in working]


def test_of_many_refused_rows_every_reason_is_told():
    many = [RowRefusal(row=row, code="not_unemployed", facts={}) for row in range(2, 902)]
    one = RowRefusal(row=950, code="left_school_too_long_ago", facts={})
    told = [(fault.code, fault.row) for fault in faults_of([*many, one])]
    assert told == [*(("not_unemployed", row) for row in range(2, 52)), ("left_school_too_long_ago", 950)]
    assert faults_of([]) == ()


def test_a_long_list_of_holders_is_counted_and_nobody_is_asked_to_approve_it(world, cloud):
    chunks = chunks_of(world, [2, 2])
    for index in range(100, 104):
        world.voucher(world.person(index))
    batch = propose(world, ready_list(world, chunks, valid=LONG))
    deliver(cloud.messages("issuance"))
    assert counts(read(world, batch)) == (0, 0, 4, 0)
    shown = world.api("province_two").get(path_of(world, batch), at=world.now).json
    assert shown["allowed_actions"] == ["reject"]
    refused = approve(world, batch)
    assert (refused.status, refused.json["code"]) == (409, "nothing_to_issue")


def test_a_list_of_whom_all_are_refused_makes_a_batch_that_tells_why_and_is_never_approved(world):
    batch = propose(world, ready_list(world, chunks_of(world, [2], employment_status="已就业")))
    assert counts(batch) == (0, 2, 0, 0)
    refused = approve(world, batch)
    assert (refused.status, refused.json["code"]) == (409, "nothing_to_issue")


def test_a_lost_message_is_asked_for_again_by_the_schedule(world, cloud):
    batch = propose(world, ready_list(world, chunks_of(world, [2, 2, 2])))
    assert approve(world, batch).status == 200
    messages = cloud.messages("issuance")
    deliver(messages[1:2])
    assert read(world, batch)["chunks_done"] == 1
    again = world.api("province_two").post(f"{path_of(world, batch)}/approve", {"version": 1}, at=world.now)
    assert (again.status, again.json["code"]) == (409, "version_conflict")
    app.resume_issuance({"now": world.later(minutes=10).isoformat()}, None)
    assert cloud.messages("issuance") == [], "it may still be at work"
    assert app.resume_issuance({"now": world.later(minutes=20).isoformat()}, None) == {"chunks": 2}
    deliver(cloud.messages("issuance"))
    assert counts(read(world, batch)) == (6, 0, 0, 6)
    assert app.resume_issuance({"now": world.later(minutes=60).isoformat()}, None) == {"chunks": 0}


def test_a_worker_that_died_before_summing_up_leaves_a_batch_that_ends(world, cloud):
    batch = propose(world, ready_list(world, chunks_of(world, [2])))
    approve(world, batch)
    cloud.messages("issuance")
    done = chunk_store.outcome_of(batch["id"], Phase.ISSUE, 0, Tally(issued=2), [])
    chunk_store.record_outcome(done)  # and then it died
    assert app.resume_issuance({"now": world.later(minutes=20).isoformat()}, None) == {"chunks": 1}
    deliver(cloud.messages("issuance"))
    assert read(world, batch)["status"] == "issued"


def test_vouchers_of_a_run_that_died_before_it_was_written_down_are_counted_once(world, cloud):
    chunks = chunks_of(world, [6])
    batch = propose(world, ready_list(world, chunks))
    approve(world, batch)
    messages = cloud.messages("issuance")
    deliver(messages)
    table = batch_store.IssuanceBatchRow
    chunk_store.ChunkOutcomeRow.get(batch["id"], "issue#00000").delete()
    row = table.get(batch["id"])
    row.update(actions=[table.status.set("issuing"), table.issued.set(0), table.outcome.remove()])
    say(world, world.person(100))  # and meanwhile one of them was listed
    deliver(messages)
    again = read(world, batch)
    assert (again["status"], again["issued"], again["outcome"]["refused"]) == ("issued", 6, 0)
    from chalicelib.accounts.persons.service import person_key_of

    lost = store.read_voucher(voucher_id_of(person_key_of(world.person(100).id_number), world.program_id))
    assert lost.status.value == "revoked", "issued by the run that died, found ineligible by the repeat"


def dying_at(number):
    def die(call):
        if abs(call) == number:
            raise Interrupted

    return die


def test_whoever_dies_proposing_leaves_a_whole_batch_or_nothing_of_it(world, emulator):
    """What became of the chunks stood there before the batch, and for good when that never came."""
    import_id = ready_list(world, chunks_of(world, [1, 2]))
    before = emulator.keep()
    for number in itertools.count(1):
        emulator.restore(before)
        forget_what_is_known()
        with contextlib.suppress(Interrupted), emulator.interrupted(dying_at(number)):
            propose(world, import_id)
        batches = {row.id for row in batch_store.IssuanceBatchRow.scan()}
        told = [row.batch_id for row in chunk_store.ChunkOutcomeRow.scan()]
        assert (len(batches), len(told)) in ((0, 0), (1, 2)), f"call {number}"
        assert set(told) == batches
        if emulator.calls < number:
            break
    assert number > 5


@pytest.mark.parametrize("status", list(IssuanceBatchStatus))
@pytest.mark.parametrize("action", list(ISSUANCE_TRANSITIONS.steps))
def test_the_write_agrees_with_the_table_of_batches(world, status, action):
    batch = IssuanceBatch(
        id="iss_x",
        program_id=world.program_id,
        import_id="imp_x",
        status=status,
        proposed_by="acc_a",
        proposed_at=world.now,
        policy_version=1,
        chunks=1,
        open="open" if status in ("counting", "issuing") else None,
        queued_at=world.now,
    )
    batch_store.create_batch(batch, world.change)
    before = batch_store.read_batch("iss_x")
    try:
        if action in ("approve", "reject"):
            batch_store.decide_batch(
                "iss_x", action, version=1, by="acc_b", hands={"acc_b"}, change=world.change
            )
        elif action == "withdraw":
            batch_store.withdraw("iss_x", proposed_before=world.now, change=world.change)
        else:
            phase = Phase.DRY_RUN if action == "count" else Phase.ISSUE
            batch_store.close_phase("iss_x", phase, Tally(), world.change)
    except DomainError:
        pass
    after = batch_store.read_batch("iss_x")
    if ISSUANCE_TRANSITIONS.allows(action, status):
        assert (after.status, after.version) == (ISSUANCE_TRANSITIONS.target(action), 2)
        assert (after.open is not None) == (after.status in ("counting", "issuing"))
        assert (after in list(batch_store.open_batches())) == (after.open is not None)
    else:
        assert after == before


@pytest.mark.parametrize("who", ["province", "province_two"])
@pytest.mark.parametrize("status", list(IssuanceBatchStatus))
@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_decision_is_accepted_where_it_is_offered_and_nowhere_else(world, api, status, action, who):
    batch = propose(world, ready_list(world, chunks_of(world, [1])))
    row = batch_store.IssuanceBatchRow
    actions = [row.status.set(str(status))]
    update(row, (batch["id"],), actions, condition=row.id.exists(), change=world.change)
    shown = api(who).get(path_of(world, batch), at=world.now).json
    body = (
        {"version": shown["version"], "reason": "核对"}
        if action == "reject"
        else {"version": shown["version"]}
    )
    answer = api(who).post(f"{path_of(world, batch)}/{action}", body, at=world.now)
    assert (answer.status == 200) == (action in shown["allowed_actions"]), answer.text
    if answer.status != 200:
        assert answer.json["code"] == ("self_approval" if status == "proposed" else "wrong_state")


def test_a_bureau_lists_the_vouchers_of_its_division_and_below_once_each(world, cloud, api):
    for number, division in enumerate(["340111", "340103", "340111", "340202", "341882", "340104"]):
        person = world.person(number)
        chunk = [graduate_of(person, 2, division=division)]
        batch = propose(world, ready_list(world, [chunk], import_id=f"imp_{number}"))
        approve(world, batch)
        deliver(cloud.messages("issuance"))

    def listed(who, query):
        divisions, cursor = [], ""
        while True:
            page = api(who).get(f"/v1/vouchers?limit=1{query}{cursor}", at=world.now)
            assert page.status == 200, page.text
            divisions += [voucher["division"] for voucher in page.json["items"]]
            if page.json["next"] is None:
                return sorted(divisions)
            cursor = f"&cursor={page.json['next']}"

    assert listed("clerk", "") == ["340103", "340104", "340111", "340111"]
    assert listed("clerk", "&division=340111") == ["340111", "340111"]
    assert listed("province", "&division=341882") == ["341882"]
    assert listed("province", "&division=3418") == [], "Guangde answers to the province"
    assert len(listed("province", "")) == 6
    assert api("clerk").get("/v1/vouchers?division=3402", at=world.now).status == 404


def test_the_chunks_of_a_stalled_count_are_asked_for_too(world, cloud):
    batch = propose(world, ready_list(world, chunks_of(world, [2, 2]), valid=LONG))
    cloud.messages("issuance")
    later = world.now + timedelta(hours=1)
    assert app.resume_issuance({"now": later.isoformat()}, None) == {"chunks": 2}
    deliver(cloud.messages("issuance"))
    assert counts(read(world, batch)) == (4, 0, 0, 0)


@pytest.mark.parametrize("before_the_end", [0, 1])
def test_a_worker_that_dies_at_its_last_writes_leaves_no_list_applying_for_ever(world, cloud, before_the_end):
    """The batch said "issued" first, so whoever came again found nothing to do, and the list stayed as it was."""
    from tests.proof.network import KILLED, Network
    from tests.support.in_process import Interrupted

    for first in (0, 10):  # the same twice: how many calls it makes, then without its last ones
        chunk = [graduate_of(world.person(400 + first + n), n + 2) for n in range(2)]
        record = ready_list(world, [chunk], import_id=f"imp_listready{first}")
        batch = propose(world, record)
        assert approve(world, batch).status == 200
        messages = cloud.messages("issuance")
        network = Network(None)
        if first == 0:
            with network.watched() as calls:
                deliver(messages)
            writes = [n for n, call in enumerate(calls, start=1) if call == "dynamodb.UpdateItem"]
        else:
            with network.watched({writes[-1 - before_the_end]: KILLED}), pytest.raises(Interrupted):
                deliver(messages)
            deliver(messages)
        assert (read(world, batch)["status"], import_status(record)) == ("issued", "applied")


def import_status(record):
    from chalicelib.people.lists import store as people_store

    return people_store.read_import(record.id).status.value


def test_a_list_whose_approver_died_is_applied_when_its_batch_is_issued(world, cloud):
    from chalicelib.people.lists.store import ImportRow

    record = ready_list(world, chunks_of(world, [2]))
    batch = propose(world, record)
    assert approve(world, batch).status == 200
    ImportRow(record.id).update(actions=[ImportRow.status.set("ready")])  # as if that had not been written
    deliver(cloud.messages("issuance"))
    assert (read(world, batch)["status"], import_status(record)) == ("issued", "applied")
