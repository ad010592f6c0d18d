"""Builders of this step's tests: lists that stand ready, chunk by chunk, and what cross-match lists say."""

import json
from datetime import date

import msgspec

import app
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.people.lists import store as people_store
from chalicelib.people.lists.chunks import store as chunk_store
from chalicelib.people.lists.graduates.model import Graduate
from chalicelib.people.lists.model import Import, ImportKind, ImportStatus
from chalicelib.people.standings import store as standings_store
from chalicelib.people.standings.model import Situation, Standing


def graduate_of(person, row, **facts):
    values = {
        "row": row,
        "name": person.name,
        "id_number": person.id_number,
        "school": person.school,
        "degree": person.degree,
        "graduated_on": person.graduated_on,
        "left_school_on": person.left_school_on,
        "employment_status": person.employment_status,
        "phone": person.phone,
        "division": person.division,
    }
    return Graduate(**{**values, **facts})


def ready_list(world, chunks, *, valid=None, import_id="imp_listready"):
    """Store a list of these chunks of graduates as a validated import; `valid` may claim a longer one."""
    record = Import(
        id=import_id,
        kind=ImportKind.GRADUATES,
        content_type="text/csv",
        size_bytes=1,
        sha256="0" * 64,
        partial=False,
        created_by="test",
        created_at=world.now,
        status=ImportStatus.READY,
        total=sum(map(len, chunks)),
        valid=sum(map(len, chunks)) if valid is None else valid,
        chunks=len(chunks),
    )
    people_store.create_import(record, world.change)
    for number, chunk in enumerate(chunks):
        chunk_store.write_chunk(import_id, number, msgspec.json.encode(chunk))
    return record


def proposed(world, record):
    """Propose a batch over HTTP; gives what is answered."""
    path = f"/v1/programs/{world.program_id}/issuance-batches"
    body = {"import_id": record.id, "declared_count": record.valid}
    return world.api("province").post(path, body, at=world.now)


def propose(world, record):
    """Have a batch proposed."""
    answer = proposed(world, record)
    assert answer.status == 201, answer.text
    return answer.json


def path_of(world, batch):
    return f"/v1/programs/{world.program_id}/issuance-batches/{batch['id']}"


def read(world, batch):
    return world.api("province").get(path_of(world, batch), at=world.now).json


def approve(world, batch, who="province_two"):
    body = {"version": read(world, batch)["version"]}
    return world.api(who).post(f"{path_of(world, batch)}/approve", body, at=world.now)


def deliver(messages):
    """Give messages to the issuing worker, as the queue would."""
    records = [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(messages)]
    assert app.issue_vouchers({"Records": records}, None) == {"batchItemFailures": []}


def say(world, person, situation=Situation.EMPLOYED, *, since=date(2026, 8, 1), until=None, as_of=None):
    """Store what a cross-match list says of a person, as its worker does first; give the person's key."""
    key = person_key_of(person.id_number)
    standing = Standing(
        situation=situation,
        since=since,
        until=until,
        as_of=as_of or world.now.date(),
        import_id="imp_crossmatch",
        listed_at=world.now,
        listed_by="acc_uploader",
    )
    standings_store.add_standings({key: [standing]}, world.change)
    return key
