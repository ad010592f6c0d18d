"""The edge: forms, problems, idempotency, time travel."""

import pytest

from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC, UndeclaredAction
from chalicelib.edge.http import Api, refuse_unknown_actions
from chalicelib.edge.problems import STATUS_OF, status_of
from chalicelib.kernel import errors
from chalicelib.kernel.reasons import FACTS, REASONS, error, facts_told_by, sentence
from infra.local.people import make_person

PROBLEM = {"type", "title", "status", "code", "detail", "request_id"}


def test_every_mistake_of_a_form_is_named_at_once(api):
    body = {"account": 5, "name": "x", "role": "king", "status": "active"}
    answer = api("province").post("/v1/accounts", body)
    assert answer.status == 400
    assert set(answer.json) >= PROBLEM
    assert {(e["field"], e["code"]) for e in answer.json["errors"]} == {
        ("status", "unknown_field"),
        ("account", "wrong_type"),
        ("role", "wrong_type"),
        ("id_number", "missing_field"),
        ("division", "missing_field"),
    }


def test_an_unlabelled_point_gets_its_own_code(world, api):
    entry = {"name": "x", "location": {"lng": 117.2, "lat": 31.8}}
    answer = api("clerk").put("/v1/institutions/91340111MX0000027D", entry)
    assert (answer.status, answer.json["code"]) == (400, "coord_system_missing")


def test_problems_speak_the_readers_language(api):
    chinese = api().get("/v1/me")
    english = api().get("/v1/me", headers={"Accept-Language": "en-GB"})
    assert chinese.status == english.status == 401
    assert "登录" in chinese.json["detail"]
    assert "Sign in" in english.json["detail"]


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"[" * 5000, b"null"])
def test_bodies_that_are_no_object_are_refused(api, raw):
    answer = api("province").send("POST", "/v1/accounts", None, raw=raw)
    assert answer.status == 400
    assert set(answer.json) >= PROBLEM


def test_the_same_key_and_body_get_the_first_answer_again(api):
    body = {"account": "neu-clerk", "name": "新", "role": "clerk", "division": "3401"}
    body["id_number"] = make_person(1).id_number
    headers = {"Idempotency-Key": "k-1"}
    first = api("province").post("/v1/accounts", body, headers=headers)
    again = api("province").post("/v1/accounts", body, headers=headers)
    assert first.status == again.status == 201
    assert first.json == again.json
    other = api("province").post("/v1/accounts", {**body, "name": "别人"}, headers=headers)
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")


def test_a_cursor_of_another_list_is_refused(world, api):
    first = api("clerk").get("/v1/projects", {"limit": 2})
    assert first.json["next"]
    good = api("clerk").get("/v1/projects", {"limit": 2, "cursor": first.json["next"]})
    assert {item["id"] for item in good.json["items"]}.isdisjoint({i["id"] for i in first.json["items"]})
    wrong = api("clerk").get("/v1/programs", {"cursor": first.json["next"]})
    assert (wrong.status, wrong.json["code"]) == (400, "invalid_cursor")


def test_unknown_query_parameters_are_refused(api):
    answer = api().get("/v1/programs", {"colour": "red"})
    assert answer.status == 400
    assert answer.json["errors"][0]["code"] == "unknown_parameter"


def test_every_error_has_a_status_and_every_code_both_sentences():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, errors.DomainError) and kind is not errors.DomainError:
            assert kind in STATUS_OF
    for code in REASONS:
        facts = {name: FACTS[name]() for name in facts_told_by(code)}
        assert status_of(type(error(code, **facts))) >= 400
        assert sentence(code, facts) != sentence(code, facts, english=True)


def test_a_route_without_a_declared_action_does_not_start():
    class Nobody:
        def knows(self, action):
            return False

    with pytest.raises(UndeclaredAction):
        refuse_unknown_actions(Nobody())
    with pytest.raises(UndeclaredAction):
        Api("x").route("/x")
    assert {endpoint.action for endpoint in ENDPOINTS} - {PUBLIC}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_moments_beyond_reckoning_are_refused(world, api, moment):
    body = {"token": "x", "project_id": "y", "nonce": "n", "device_id": "d", "happened_at": moment}
    answer = api("institution").post("/v1/enrolments", body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "happened_at")


@pytest.mark.parametrize(
    ("path", "query", "fields"),
    [
        ("/v1/ledger/accounts/treasury:3401", {"from": "0001-01-01", "to": "9999-12-31"}, ["from", "to"]),
        ("/v1/exchange/reconciliation", {"day": "1969-12-31"}, ["day"]),
        ("/v1/statements", {"period": "0001-01"}, ["period"]),
    ],
)
def test_days_beyond_reckoning_are_refused_in_queries_too(world, api, path, query, fields):
    answer = api("province").get(path, query)
    assert answer.status == 400, answer.text
    assert [fault["field"] for fault in answer.json["errors"]] == fields
