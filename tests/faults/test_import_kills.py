"""A long list whose workers are killed: the counts, the faults and the people are right all the same."""

import hashlib
import os
import random
import time
from datetime import UTC, datetime

import boto3

from chalicelib.aws import sheets
from chalicelib.kernel.principal import system_context
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.support.workers import Workers

ROWS = int(os.environ.get("IMPORT_ROWS", "10000"))
KILLS = 5
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
    return sheets.write_csv(GRADUATE_HEADERS, lines), repeated, wrong, people


def test_a_list_whose_workers_are_killed_ends_as_if_nothing_had_happened(cloud, api):
    import app
    from chalicelib.aws.keys import person_keys_of
    from chalicelib.people import service, store

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

    chance = random.Random(4)
    kills = []
    workers = Workers(WORKERS, "imports", "process_import")
    began = time.monotonic()
    try:
        while (seen := province.get(f"/v1/imports/{import_id}").json)["status"] not in ("ready", "failed"):
            assert time.monotonic() - began < WITHIN_SECONDS, seen["progress"]
            time.sleep(chance.uniform(0.5, 3))
            if len(kills) < KILLS and seen["status"] == "validating":
                workers.kill(chance.randrange(WORKERS))
                kills.append(seen["progress"])
    finally:
        workers.stop()
    assert len(kills) == KILLS, "the list was done before every kill: take more rows"

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
        for graduate in service.graduates_in(context, import_id, chunk, purpose="test")
    ]
    assert kept == sorted(people.items()), "a row was lost, or stands there twice"
    keys = person_keys_of(people.values())
    assert len(set(keys.values())) == len(people), "two people share a key"
    vault = store.find_people(keys.values())
    assert {person.person_key for person in vault} == set(keys.values())
    assert store.PersonRow.count() == len(people), "somebody is in the vault who is not in the list"
