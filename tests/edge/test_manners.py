"""Manners of HTTP that integrators' tools rely on."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import GetError, PutError, QueryError, TransactWriteError

from chalicelib.accounts.refusals.store import RefusedAttemptRow
from chalicelib.aws.table import StoreFailure, told_of_store
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
    document = _call("GET", "/openapi.json", host="127.0.0.1:4566")
    told = _call("HEAD", "/openapi.json", host="127.0.0.1:4566")
    assert told["headers"]["Content-Length"] == str(len(document["body"].encode()))
    assert told["headers"]["ETag"] == document["headers"]["ETag"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (PROGRAMS, "GET, HEAD, OPTIONS, POST"),
        ("/v1/verifications", "OPTIONS, POST"),
    ],
)
def test_options_tells_what_an_address_takes_also_where_no_origin_is_listed(path: str, methods: str) -> None:
    got = _call("OPTIONS", path)
    assert (got["statusCode"], got["headers"]["Allow"]) == (204, methods)
    assert got["headers"]["X-Request-Id"]


def test_any_type_may_be_asked_for() -> None:
    assert _call("GET", "/healthz", accept="application/xml")["statusCode"] == 200


def test_a_missing_token_tells_how_to_prove_oneself(api: Any) -> None:
    answer = api().get("/v1/me")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="voucher"'


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("Bearer not.a.token", ', error="invalid_token"'),
        ("bearer e30.e30.e30", ', error="invalid_token"'),
        ("Basic dXNlcjpwYXNz", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_only_who_sent_a_token_is_told_that_it_is_none(api: Any, sent: str, told: str) -> None:
    """RFC 6750, 3.1: who sent none, or tried another way, is told how, and nothing of an error."""
    answer = api().send("GET", "/v1/me", None, headers={"Authorization": sent})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="voucher"{told}'


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


def test_a_byte_order_mark_says_nothing(api: Any) -> None:
    body = '{"name": "强技计划"}'.encode()
    assert _post(api, b"\xef\xbb\xbf" + body).json["errors"] == _post(api, body).json["errors"]
    assert _post(api, b"\xef\xbb\xbf").json["errors"] == _post(api, b"{}").json["errors"]
    assert _post(api, body.decode().encode("utf-16")).json["code"] == "not_utf8"


def test_what_no_gateway_could_unpack_is_told_by_its_packing_and_not_by_its_letters(api: Any) -> None:
    """Cut off on its way, it comes as it was, or as broken text: never as letters of another encoding."""
    cut_off = gzip.compress(b'{"name": "x"}')[:-6]
    for packing in ("gzip", "GZIP", " Gzip "):
        for raw in (cut_off, cut_off.decode("utf-8", errors="replace").encode()):
            answer = _post(api, raw, **{"Content-Encoding": packing})
            assert (answer.status, answer.json["code"]) == (415, "unsupported_encoding"), packing
        assert _post(api, b'{"name": "x"}', **{"Content-Encoding": packing}).status == 400, "unpacked before"


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"grant_type=client_credentials&client_assertion=x", 415, "unsupported_type"),
        (b"token=x", 415, "unsupported_type"),
        (b'{"grant_type": ', 400, "invalid_json"),
        (b' \r\n{"grant_type": "client_credentials"}', 400, "malformed"),
        (b"", 400, "malformed"),
    ],
)
def test_a_body_that_does_not_say_its_type_is_json_or_none_that_is_read(
    api: Any, raw: bytes, status: int, code: str
) -> None:
    answer = api().send("POST", "/v1/auth/client-tokens", None, raw=raw, content_type="")
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    if code == "unsupported_type":
        assert "application/x-www-form-urlencoded" in answer.json["detail"]


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


@pytest.mark.parametrize(
    "spoilt",
    [gzip.compress(b'{"nothing": 1}')[:-4], gzip.compress(b"{}") + b"more"],
    ids=["cut off", "something behind"],
)
def test_a_packed_body_that_is_not_whole_is_refused(api: Any, spoilt: bytes) -> None:
    answer = _post(api, spoilt, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_encoding")


# --------------------------------------------------------------------------- values that there cannot be


@pytest.mark.parametrize(
    ("who", "query"),
    [
        (None, "/v1/institutions?project="),
        (None, "/v1/institutions?division="),
        (None, "/v1/projects?program="),
        (None, "/v1/publicity?cursor="),
        (None, "/v1/programs?limit="),
        ("supervisor", "/v1/audit?subject="),
        ("supervisor", "/v1/risk-cases?rule="),
        ("supervisor", "/v1/scans?institution="),
        ("clerk", "/v1/classes?status="),
    ],
)
def test_a_parameter_without_a_value_is_400_with_its_name(api: Any, who: str | None, query: str) -> None:
    answer = api(who).get(query)
    assert (answer.status, answer.json["code"]) == (400, "malformed"), answer.text
    assert [fault["field"] for fault in answer.json["errors"]] == [query.partition("?")[2].rstrip("=")]


@pytest.mark.parametrize(
    ("who", "path", "body", "field"),
    [
        (
            "province",
            "/v1/programs/prg_x/issuance-batches",
            {"import_id": "", "declared_count": 1},
            "import_id",
        ),
        (None, "/v1/auth/tokens", {"grant_type": "password", "account": "", "password": "x"}, "account"),
        (None, "/v1/auth/tokens", {"grant_type": "refresh_token", "refresh_token": ""}, "refresh_token"),
        ("supervisor", "/v1/holds", {"subject": {"kind": "line", "id": ""}, "reason": "x"}, "subject.id"),
    ],
)
def test_an_empty_identifier_in_a_body_is_400_with_its_field(
    api: Any, who: str | None, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api(who).post(path, body)
    assert (answer.status, answer.json["code"]) == (400, "malformed"), answer.text
    assert field in [fault["field"] for fault in answer.json["errors"]]


def test_an_identifier_longer_than_any_names_nothing_or_is_400(api: Any) -> None:
    assert api("clerk").get(f"/v1/classes/cls_{'a' * 3000}").status == 404
    assert api("supervisor").get(f"/v1/audit?subject={'a' * 3000}").status == 400
    assert api("clerk").get(f"/v1/check-ins?division={'3' * 3000}").status == 400


def _of_store(code: str, *reasons: str) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": "x"},
        "CancellationReasons": [{"Code": one} for one in reasons],
    }
    return ClientError(response, "PutItem")  # type: ignore[arg-type] # as botocore makes it


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (PutError(cause=_of_store("ValidationException")), "malformed"),
        (GetError(cause=_of_store("ProvisionedThroughputExceededException")), "try_again"),
        (QueryError(cause=ReadTimeoutError(endpoint_url="x")), "try_again"),
        (_of_store("ValidationException"), "malformed"),
        (
            TransactWriteError(
                "cancelled", _of_store("TransactionCanceledException", "None", "ValidationError")
            ),
            "malformed",
        ),
        (
            TransactWriteError("cancelled", _of_store("TransactionCanceledException", "TransactionConflict")),
            "try_again",
        ),
    ],
)
def test_what_the_store_never_takes_is_not_called_busy(failure: Exception, told: str) -> None:
    assert told_of_store(failure).code == told


def test_the_store_itself_takes_no_empty_key(world: Any) -> None:
    with pytest.raises(StoreFailure) as caught:
        RefusedAttemptRow.find("", "x")
    assert told_of_store(caught.value).code == "malformed"


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
    known = api("clerk").get("/v1/programs")
    assert "ETag" not in known.headers
    assert "ETag" in api().get("/v1/programs").headers


def test_a_token_that_nothing_depends_on_does_not_hinder_304(api: Any) -> None:
    clerk = api("clerk")
    for path in ("/openapi.json", "/v1/projects", "/static/page.css"):
        tag = clerk.get(path).headers["ETag"]
        assert api().get(path).headers["ETag"] == tag
        assert clerk.send("GET", path, None, headers={"If-None-Match": tag}).status == 304


def test_the_document_tells_the_address_it_was_asked_at() -> None:
    answer = _call("GET", "/openapi.json", host="vouchers.example.cn", **{"x-forwarded-proto": "https"})
    assert json.loads(answer["body"])["servers"][0]["url"] == "https://vouchers.example.cn/api"
