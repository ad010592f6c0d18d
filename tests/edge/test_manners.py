"""Manners of HTTP that integrators' tools rely on."""

import gzip
import json
from typing import Any

import pytest

from chalicelib.edge.headers import wants_english
from tests.support.http import Answer

PROGRAMS = "/v1/programs"


def _event(method: str, path: str, **headers: str) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "headers": headers,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
        "requestContext": {"httpMethod": method, "resourcePath": path, "path": f"/api{path}"},
    }


def _call(method: str, path: str, **headers: str) -> dict[str, Any]:
    import app

    answer: dict[str, Any] = app.app(_event(method, path, **headers), None)
    return answer


def test_a_method_that_an_address_has_not_is_405_and_told_which_it_has() -> None:
    got = _call("DELETE", PROGRAMS, **{"accept-language": "en"})
    assert got["statusCode"] == 405
    assert got["headers"]["Allow"] == "GET, HEAD, OPTIONS, POST"
    problem = json.loads(got["body"])
    assert problem["code"] == "method_not_allowed"
    assert "GET, HEAD, OPTIONS, POST" in problem["detail"]
    assert problem["request_id"] == got["headers"]["X-Request-Id"]


def test_head_is_get_without_its_body() -> None:
    head, get = _call("HEAD", "/healthz"), _call("GET", "/healthz")
    assert head["statusCode"] == 200
    assert head["body"] == ""
    assert head["headers"]["Content-Type"] == get["headers"]["Content-Type"]


def test_a_missing_token_tells_how_to_prove_oneself(api: Any) -> None:
    answer = api().get("/v1/me")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="voucher"'


@pytest.mark.parametrize(
    ("asked", "english"),
    [
        ("", False),
        ("en", True),
        ("en-GB,en;q=0.9,zh;q=0.8", True),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("en;q=0.1, zh;q=0.9", False),
        ("fr, en;q=0.5", True),
        ("en;q=0", False),
        ("en;q=x", False),
        ("*", False),
        ("EN-us", True),
    ],
)
def test_the_heavier_language_is_spoken(asked: str, english: bool) -> None:
    assert wants_english(asked) is english


# --------------------------------------------------------------------------- bodies


def _post(api: Any, raw: bytes, content_type: str = "application/json", **headers: str) -> Answer:
    answer: Answer = api("province").send(
        "POST", PROGRAMS, None, raw=raw, content_type=content_type, headers=headers
    )
    return answer


def test_names_in_gbk_are_refused_and_not_stored_as_question_marks(api: Any) -> None:
    body = '{"name": "强技计划"}'
    assert _post(api, body.encode("gbk")).json["code"] == "not_utf8"
    as_the_gateway_hands_it_on = body.encode("gbk").decode("utf-8", errors="replace").encode()
    answer = _post(api, as_the_gateway_hands_it_on)
    assert (answer.status, answer.json["code"]) == (415, "not_utf8")
    assert _post(api, body.encode(), "application/json; charset=gbk").status == 415
    assert _post(api, body.encode(), "application/json; charset=UTF-8").status == 400


def test_a_name_said_twice_is_refused(api: Any) -> None:
    answer = _post(api, b'{"name": "a", "division": "34", "name": "b"}')
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert [(fault["field"], fault["code"]) for fault in answer.json["errors"]] == [
        ("name", "repeated_field")
    ]


def test_a_parameter_said_twice_is_refused(api: Any) -> None:
    answer = api().get("/v1/institutions?division=34&division=3401")
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert answer.json["errors"][0]["code"] == "repeated_field"


def test_an_integer_may_be_written_with_a_point(api: Any) -> None:
    answer = _post(api, b'{"name": "x", "division": "34", "policy": {"face_value_fen": 600000.0}}')
    assert "policy.face_value_fen" not in [fault["field"] for fault in answer.json["errors"]]
    answer = _post(api, b'{"name": "x", "division": "34", "policy": {"face_value_fen": 600000.5}}')
    assert "policy.face_value_fen" in [fault["field"] for fault in answer.json["errors"]]


def test_a_body_may_be_packed_by_gzip_and_by_nothing_else(api: Any) -> None:
    body = b'{"nothing": 1}'
    packed = _post(api, gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert {fault["code"] for fault in packed.json["errors"]} >= {"unknown_field"}
    unpacked_by_the_gateway = _post(api, body, **{"Content-Encoding": "gzip"})
    assert unpacked_by_the_gateway.json["errors"] == packed.json["errors"]
    other = _post(api, body, **{"Content-Encoding": "br"})
    assert (other.status, other.json["code"]) == (415, "unsupported_encoding")
    whole = gzip.compress(body)
    for broken in (whole[:-1], whole[:-8], whole + b"more"):
        assert _post(api, broken, **{"Content-Encoding": "gzip"}).json["code"] == "unsupported_encoding"
    bomb = gzip.compress(b" " * 5_000_000)
    assert _post(api, bomb, **{"Content-Encoding": "gzip"}).status == 413


# --------------------------------------------------------------------------- answers that have not changed


def test_a_public_answer_that_has_not_changed_is_304(api: Any) -> None:
    first = api().get("/openapi.json")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, no-cache"
    again = api().send("GET", "/openapi.json", None, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    changed = api().send("GET", "/openapi.json", None, headers={"If-None-Match": '"other"'})
    assert (changed.status, changed.headers["ETag"]) == (200, tag)


def test_what_depends_on_the_caller_is_kept_by_nobody(api: Any) -> None:
    answer = api("clerk").get("/v1/me")
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    known = api("clerk").get("/v1/institutions")
    assert "ETag" not in known.headers


def test_the_document_tells_the_address_it_was_asked_at() -> None:
    answer = _call("GET", "/openapi.json", host="vouchers.example.cn", **{"x-forwarded-proto": "https"})
    assert json.loads(answer["body"])["servers"][0]["url"] == "https://vouchers.example.cn/api"
