"""A list that gives another name to who is known tells so, and counts once a second person has confirmed it."""

from datetime import timedelta

import pytest

import app
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.people.vault.service import find_person, misnamed
from chalicelib.sheets import writing as sheets_writing
from chalicelib.vouchers.store import read_voucher
from infra.local.people import GRADUATE_HEADERS, graduate_row
from tests.vouchers.batches.test_issuance_from_a_list import NOW, imported

ONE, OTHER = "province", "province_two"
WRONG_NAME = "赵六"


def sheet(*rows):
    """Write a csv of these people, some under another name."""
    lines = []
    for person, name in rows:
        line = list(graduate_row(person))
        line[0] = name
        lines.append(line)
    return sheets_writing.write_csv(GRADUATE_HEADERS, lines)


@pytest.fixture
def upload(api, cloud):
    def upload(*rows):
        return imported(api, cloud, sheet(*rows), filename="a.csv")

    return upload


def renames(api, record, who=OTHER, at=NOW):
    return api(who).get(f"/v1/imports/{record['id']}/renames", at=at).json["items"]


def decide(api, record, row, verb="confirm", who=OTHER, at=NOW, version=1):
    body = {"version": version} | ({"reason": "查无此更名"} if verb == "refuse" else {})
    return api(who).post(f"/v1/imports/{record['id']}/renames/{row}/{verb}", body, at=at)


def propose(world, record, count):
    path = f"/v1/programs/{world.program_id}/issuance-batches"
    body = {"import_id": record["id"], "declared_count": count}
    answer = world.api(ONE).post(path, body, at=NOW)
    assert answer.status == 201, answer.text
    return answer.json


def issue(world, cloud, record, count):
    batch = propose(world, record, count)
    path = f"/v1/programs/{world.program_id}/issuance-batches/{batch['id']}"
    assert world.api(OTHER).post(f"{path}/approve", {"version": batch["version"]}, at=NOW).status == 200
    cloud.work("issuance", app.issue_vouchers)
    return world.api(ONE).get(path, at=NOW).json


def known_as(person, name):
    return not misnamed([(person_key_of(person.id_number), name)])


def refusal(answer):
    return answer.status, answer.json["code"]


def test_a_row_that_renames_a_holder_warns_and_changes_nothing(world, api, upload):
    known, new = world.person(1), world.person(2)
    assert upload((known, known.name))["warnings"] == []
    record = upload((known, WRONG_NAME), (new, new.name))
    assert (record["status"], record["valid"]) == ("ready", 2)
    (warning,) = record["warnings"]
    assert (warning["row"], warning["column"], warning["code"]) == (2, "姓名", "name_changed")
    assert known_as(known, known.name)
    assert known_as(new, new.name)
    (waiting,) = renames(api, record)
    assert (waiting["known_name"], waiting["name"]) == (known.name, WRONG_NAME)
    assert known.id_number not in str(waiting)


def test_nothing_is_issued_by_such_a_row_until_a_second_person_confirms_it(world, api, cloud, upload):
    known, new = world.person(1), world.person(2)
    upload((known, known.name))
    record = upload((known, WRONG_NAME), (new, new.name))
    batch = propose(world, record, 2)
    assert (batch["eligible"], batch["refused_by_reason"]) == (1, [{"code": "name_unconfirmed", "count": 1}])
    assert decide(api, record, 2).status == 200
    assert issue(world, cloud, record, 2)["issued"] == 2


def test_who_uploaded_the_list_does_not_confirm_it(world, api, upload):
    known = world.person(1)
    upload((known, known.name))
    record = upload((known, WRONG_NAME))
    (waiting,) = renames(api, record, who=ONE)
    assert waiting["allowed_actions"] == []
    assert refusal(decide(api, record, 2, who=ONE)) == (403, "self_approval")
    assert refusal(decide(api, record, 2, "refuse", who=ONE)) == (403, "self_approval")
    assert refusal(decide(api, record, 2, who="clerk")) == (403, "forbidden")
    assert known_as(known, known.name)


def test_a_confirmed_name_counts_for_the_vault_and_for_the_voucher(world, api, cloud, upload):
    person = world.person(1)
    issue(world, cloud, upload((person, WRONG_NAME)), 1)
    voucher_id = only_voucher(api)
    record = upload((person, person.name))
    confirmed = decide(api, record, 2)
    assert (confirmed.status, confirmed.json["status"]) == (200, "confirmed")
    assert known_as(person, person.name)
    assert read_voucher(voucher_id).holder_name == f"{person.name[0]}{'*' * (len(person.name) - 1)}"
    again = decide(api, record, 2)
    assert (again.status, again.json["version"]) == (200, confirmed.json["version"])
    assert renames(api, record)[0]["name"] is None, "nothing is opened that waits for nobody"


def only_voucher(api):
    (voucher,) = api(ONE).get("/v1/vouchers", at=NOW).json["items"]
    return voucher["id"]


def test_a_refused_name_is_over(world, api, upload):
    known = world.person(1)
    upload((known, known.name))
    record = upload((known, WRONG_NAME))
    assert decide(api, record, 2, "refuse").json["status"] == "refused"
    assert refusal(decide(api, record, 2, version=2)) == (409, "wrong_state")
    assert api(ONE).get(f"/v1/imports/{record['id']}").json["warnings"] == []
    assert known_as(known, known.name)


def test_a_rename_lapses_with_its_list(world, api, upload):
    known = world.person(1)
    upload((known, known.name))
    record = upload((known, WRONG_NAME))
    late = NOW + timedelta(days=30)
    (waiting,) = renames(api, record, at=late)
    assert (waiting["allowed_actions"], waiting["name"]) == ([], None)
    assert refusal(decide(api, record, 2, at=late)) == (409, "rename_lapsed")


def test_the_same_name_in_another_spelling_is_no_rename(world, upload):
    person = world.person(1)
    upload((person, "买买提·艾力"))
    for spelling in ("买买提.艾力", "买买提•艾力", "买买提 艾力"):
        assert upload((person, spelling))["warnings"] == []
    assert find_person(person_key_of(person.id_number)) is not None
