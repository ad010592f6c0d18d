"""A long list whose workers are killed, and its issuing: counts, faults, people, vouchers are right all the same."""

import hashlib
import random
import time
from datetime import UTC, datetime

import boto3

from chalicelib.kernel.principal import system_context
from chalicelib.sheets import writing as sheets_writing
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.faults.conftest import TOLD
from tests.support.depth import size_of
from tests.support.workers import Workers

ROWS = size_of("IMPORT_ROWS", usual=2000, full=3000)
LONG = ROWS > 10_000
KILLS = 5 if LONG else 2
PAUSE_SECONDS = (0.5, 3.0) if LONG else (0.2, 0.6)
VISIBILITY_SECONDS = 8 if LONG else 2
"""A short list's steps take less than a second."""
WORKERS = 3
WITHIN_SECONDS = max(300, ROWS // 50)
NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
REPEATED_EVERY, WRONG_EVERY = 997, 1009


def listed():
    """Make the list: the lines of repeated people, those with a wrong phone, and the people of the others."""
    repeated, wrong, people, lines = set(), set(), {}, []
    for index in range(ROWS):
        line = index + 2
        person = make_person(index, today=NOW.date())
        cells = list(graduate_row(person))
        if index and index % REPEATED_EVERY == 0:  # somebody sound of far above, in another chunk
            cells[1] = make_person(index // 2 + 1, today=NOW.date()).id_number
            repeated.add(line)
        elif index and index % WRONG_EVERY == 0:
            cells[7] = "123"
            wrong.add(line)
        else:
            people[line] = person.id_number
        lines.append(cells)
    return sheets_writing.write_csv(GRADUATE_HEADERS, lines), repeated, wrong, people


def work_and_kill(queue, job, look, *, busy, done):
    """Have workers do a queue until what `look` sees is `done`, and kill some while it is `busy`.

    Gives what it saw last, how many died, and the seconds.
    """
    chance = random.Random(4)
    kills = 0
    began = time.monotonic()
    workers = Workers(WORKERS, queue, job, visibility_seconds=VISIBILITY_SECONDS)
    try:
        while (seen := look())["status"] not in done:
            assert time.monotonic() - began < WITHIN_SECONDS, seen
            time.sleep(chance.uniform(*PAUSE_SECONDS))
            if kills < KILLS and seen["status"] == busy:
                workers.kill(chance.randrange(WORKERS))
                kills += 1
    finally:
        workers.stop()
    return seen, kills, time.monotonic() - began


def propose(api, path, import_id, count):
    """Propose a batch; of a long list workers count it first."""
    answer = api("province").post(path, {"import_id": import_id, "declared_count": count}, at=NOW)
    assert answer.status == 201, answer.text
    batch = f"{path}/{answer.json['id']}"

    def look():
        return api("province").get(batch, at=NOW).json

    seen, kills, seconds = look(), 0, 0.0
    if seen["status"] == "counting":
        seen, kills, seconds = work_and_kill(
            "issuance", "issue_vouchers", look, busy="counting", done=("proposed",)
        )
    return look, seen, kills, seconds


def issue(api, path, import_id, count):
    """Propose and approve a batch and have it issued, while workers are killed."""
    look, proposed, counting_kills, counting = propose(api, path, import_id, count)
    approval = {"version": proposed["version"]}
    approved = api("province_two").post(f"{path}/{proposed['id']}/approve", approval, at=NOW)
    assert approved.status == 200, approved.text
    issued, kills, seconds = work_and_kill(
        "issuance", "issue_vouchers", look, busy="issuing", done=("issued",)
    )
    return proposed, issued, counting_kills + kills, counting + seconds


def test_a_list_whose_workers_are_killed_ends_as_if_nothing_had_happened(world, api):
    import app
    from chalicelib.accounts.persons.service import person_keys_of
    from chalicelib.people.lists import store
    from chalicelib.people.lists.graduates.service import graduates_in
    from chalicelib.people.vault import store as vault_store
    from chalicelib.vouchers import store as vouchers
    from chalicelib.vouchers.batches.model import INLINE_ROWS_MAX

    raw, repeated, wrong, people = listed()
    body = {
        "kind": "graduates",
        "filename": "list.csv",
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    province = api("province")
    import_id = province.post("/v1/imports?partial=true", body, at=NOW).json["id"]
    key = f"imports/{import_id}/upload"
    boto3.client("s3").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": NOW.isoformat()}, None)

    seen, kills, seconds = work_and_kill(
        "imports",
        "process_import",
        lambda: province.get(f"/v1/imports/{import_id}").json,
        busy="validating",
        done=("ready", "failed"),
    )
    assert kills == KILLS, "the list was done before every kill: take more rows"
    wrong_rows = len(repeated) + len(wrong)
    TOLD[f"import of {ROWS}"] = {"killed": kills, "seconds": round(seconds), "wrong rows": wrong_rows}

    assert (seen["status"], seen["total"], seen["valid"]) == ("ready", ROWS, len(people))
    assert seen["invalid"] == len(repeated) + len(wrong) == ROWS - len(people)
    faults = {(error["row"], error["code"]) for error in seen["errors"]}
    expected = {(row, "repeated_person") for row in repeated} | {(row, "invalid_phone") for row in wrong}
    assert faults == expected
    assert len(seen["errors"]) == len(expected)

    context = system_context("test", now=NOW, request_id="req_test")
    chunks = store.read_import(import_id).chunks
    kept = [
        (graduate.row, graduate.id_number)
        for chunk in range(chunks)
        for graduate in graduates_in(context, import_id, chunk, purpose="test")
    ]
    assert kept == sorted(people.items()), "a row was lost, or stands there twice"
    keys = person_keys_of(people.values())
    assert len(set(keys.values())) == len(people), "two people share a key"
    vault = vault_store.find_people(keys.values())
    assert {person.person_key for person in vault} == set(keys.values())
    assert vault_store.PersonRow.count() == len(people), "somebody is in the vault who is not in the list"

    path = f"/v1/programs/{world.program_id}/issuance-batches"
    proposed, issued, kills, seconds = issue(api, path, import_id, len(people))
    assert (proposed["eligible"], proposed["already_held"], proposed["refused"]) == (len(people), 0, 0)
    assert issued["issued"] == vouchers.VoucherRow.count() == len(people)
    TOLD[f"issuing of {len(people)}"] = {"killed": kills, "seconds": round(seconds)}
    if len(people) <= INLINE_ROWS_MAX:
        again = province.post(path, {"import_id": import_id, "declared_count": len(people)}, at=NOW)
    else:
        _, proposed, kills, seconds = propose(api, path, import_id, len(people))
        assert (proposed["eligible"], proposed["already_held"]) == (0, len(people))
        TOLD["the same counted again"] = {"killed": kills, "seconds": round(seconds)}
        approval = {"version": proposed["version"]}
        again = api("province_two").post(f"{path}/{proposed['id']}/approve", approval, at=NOW)
    assert (again.status, again.json["code"]) == (409, "nothing_to_issue"), again.text
    assert vouchers.VoucherRow.count() == len(people)
