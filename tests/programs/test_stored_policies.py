"""What a stored policy of before does not name reads as it counted when it was made."""

import json
from typing import Any

import pytest

from chalicelib.programs.store import PolicyRow, ProgramRow, read_policy, read_program
from infra.local.catalogue import PROGRAM

NAMED = "patterns_stop_payment"


@pytest.fixture
def program(api: Any) -> Any:
    return api("province").post("/v1/programs", PROGRAM).json


def without_the_key(row: Any) -> None:
    """Store a row's policy as it was stored before it could say whether patterns stop a payment."""
    raw = row.serialize()
    policy = json.loads(raw["policy"]["S"])
    del policy[NAMED]
    raw["policy"] = {"S": json.dumps(policy)}
    row._get_connection().connection.client.put_item(TableName=row.Meta.table_name, Item=raw)


def test_a_new_program_stops_what_only_looks_like_cheating(program: Any) -> None:
    assert program[NAMED] is True


def test_a_stored_program_without_the_key_stops_nothing_before_the_province_says_so(
    api: Any, program: Any
) -> None:
    without_the_key(ProgramRow.get(program["id"]))
    without_the_key(PolicyRow.get(program["id"], 1))
    assert not read_program(program["id"]).policy.patterns_stop_payment
    assert not read_policy(program["id"], 1).patterns_stop_payment
    listed = api("province").get("/v1/programs").json["items"]
    assert [one[NAMED] for one in listed if one["id"] == program["id"]] == [False]
    path = f"/v1/programs/{program['id']}/policy"
    policy = program["policy"] | {"geofence_radius_m": 300}
    kept = api("province").post(path, {"version": 1, "policy": policy}).json
    assert kept[NAMED] is False, "a new version of another rule changes nothing of this one"
    followed = api("province").post(path, {"version": 2, "policy": policy | {NAMED: True}}).json
    assert followed[NAMED] is True
    assert read_program(program["id"]).policy.patterns_stop_payment
