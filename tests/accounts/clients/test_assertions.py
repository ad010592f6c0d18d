"""How a program proves itself: with its own key, for this service, for minutes, once."""

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc.jwk import ECKey

from chalicelib.accounts.sign_in.attempts.model import SOURCE
from tests.accounts.clients.builders import AUDIENCE, HOST, TOKENS, Program, asked, confirmed, sign_in
from tests.support.people import HEFEI_SCHOOL


@pytest.fixture
def program(world: Any, api: Any) -> Program:
    ours = Program()
    confirmed(api, ours)
    return ours


def test_an_assertion_is_good_once(api: Any, program: Program) -> None:
    assertion = program.assertion()
    assert sign_in(api, assertion).status == 200
    again = sign_in(api, assertion)
    assert (again.status, again.json["code"]) == (401, "assertion_claim")
    assert "jti" in again.json["detail"]
    assert sign_in(api, program.assertion(jti="same")).status == 200
    assert sign_in(api, program.assertion(jti="same")).status == 401, "another text, the same jti"


class FromNow(int):
    """So many seconds from now."""


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", "https://other.example/v1/auth/client-tokens"),
        ("aud", "training-voucher-api"),
        ("aud", [AUDIENCE, "https://other.example"]),
        ("aud", None),
        ("sub", "cli_another"),
        ("sub", None),
        ("iat", None),
        ("iat", "now"),
        ("iat", 2**63),
        ("exp", None),
        ("exp", FromNow(-61)),
        ("exp", FromNow(3600)),
        ("exp", 1e308),
        ("exp", True),
        ("nbf", FromNow(3600)),
        ("jti", None),
        ("jti", ""),
        ("jti", "x" * 129),
        ("jti", 7),
    ],
)
def test_who_proved_the_key_is_told_which_claim_is_wrong(
    api: Any, program: Program, claim: str, value: Any
) -> None:
    said = int(time.time()) + value if isinstance(value, FromNow) else value
    answer = sign_in(api, program.assertion(**{claim: said}))
    assert (answer.status, answer.json["code"]) == (401, "assertion_claim"), answer.text
    assert f" {claim} " in answer.json["detail"]


def test_a_life_of_more_than_five_minutes_is_too_long_and_a_clock_may_be_a_minute_off(
    api: Any, program: Program
) -> None:
    now = int(time.time())
    assert sign_in(api, program.assertion(iat=now, exp=now + 300)).status == 200
    assert sign_in(api, program.assertion(iat=now, exp=now + 301)).status == 401
    assert sign_in(api, program.assertion(iat=now + 50, exp=now + 350)).status == 200, "its clock is ahead"
    assert sign_in(api, program.assertion(iat=now - 350, exp=now - 50)).status == 200, "its clock is behind"
    assert sign_in(api, program.assertion(iat=now + 70, exp=now + 200)).status == 401


def test_who_has_not_proved_the_key_learns_nothing(api: Any, world: Any, program: Program) -> None:
    unknown = Program(id="cli_aaaaaaaaaaaaaaaaaaaaaaaa")
    unsigned = ".".join(
        [
            base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": program.kid}).encode())
            .decode()
            .rstrip("="),
            program.assertion().split(".")[1],
            "",
        ]
    )
    waiting = Program(name="未确认")
    asked(api, waiting)
    hmac = {"alg": "HS256", "kid": program.kid}
    from joserfc.jwk import OctKey

    confused = OctKey.import_key(json.dumps(program.public_key()))
    tried = {
        "no such program": unknown.assertion(),
        "another's key": program.assertion(key=ECKey.generate_key("P-256")),
        "a key of another name": program.assertion(header={"kid": "other"}),
        "another's program": Program(id=waiting.id, kid=waiting.kid).assertion(),
        "unsigned": unsigned,
        "signed with the public key": program.assertion(header=hmac, key=confused),
        "no token": "x.y",
        "nothing in it": "..",
        "too long": program.assertion(more="x" * 4096)[:4096],
        "an account of a person": Program(id="acc_aaaaaaaaaaaaaaaaaaaaaaaa").assertion(),
    }
    answers = {}
    for number, (name, assertion) in enumerate(tried.items()):
        answer = sign_in(api, assertion, source=f"203.0.113.{number}")
        answers[name] = (answer.status, answer.json["code"])
    assert answers == dict.fromkeys(tried, (401, "client_unproven"))
    assert waiting.id


def test_whoever_guesses_waits_and_the_program_at_home_does_not(api: Any, program: Program) -> None:
    wrong = ECKey.generate_key("P-256")
    statuses = [
        sign_in(api, program.assertion(key=wrong), source="198.51.100.7").status
        for _ in range(SOURCE.most + 1)
    ]
    assert statuses == [401] * SOURCE.most + [429]
    assert sign_in(api, program.assertion()).status == 200


def test_the_service_is_called_as_the_gateway_names_it() -> None:
    """`aud` is compared with this: the caller's own word for the host is taken only where no gateway names one."""
    from types import SimpleNamespace

    from chalicelib.edge.endpoints import ENDPOINTS
    from chalicelib.edge.http import _address_of

    endpoint = next(one for one in ENDPOINTS if one.path == TOKENS)
    asked = {"path": f"/api{TOKENS}", "domainName": "api.example.cn"}
    told = _address_of(SimpleNamespace(context=asked), {"host": "phishing.example"}, endpoint)
    assert told == "https://api.example.cn/api"
    local = _address_of(SimpleNamespace(context={"path": TOKENS}), {"host": "127.0.0.1:4566"}, endpoint)
    assert local == "http://127.0.0.1:4566"


def fields_of(program: Program, **more: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": program.assertion(),
        **more,
    }


def as_fields(api: Any, body: str | bytes, path: str = TOKENS) -> Any:
    """Send what a client of OAuth 2.0 sends (RFC 6749, 4.4.2)."""
    raw = body if isinstance(body, bytes) else body.encode()
    return api().send(
        "POST", path, None, raw=raw, headers={"Host": HOST}, content_type="application/x-www-form-urlencoded"
    )


def test_a_library_of_oauth_signs_a_program_in_with_form_fields(api: Any, program: Program) -> None:
    """A parameter without a value was not sent (RFC 6749, 3.1)."""
    answer = as_fields(api, urlencode({**fields_of(program), "client_id": program.id}) + "&unsaid=")
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer"), answer.text


def test_a_client_id_beside_the_assertion_names_the_same_program(api: Any, program: Program) -> None:
    answer = as_fields(api, urlencode(fields_of(program, client_id="cli_somebodyelse")))
    assert (answer.status, answer.json["code"]) == (401, "assertion_claim"), answer.text


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("grant_type=client_credentials&grant_type=password", "repeated_field", "grant_type"),
        ("grant_type=client_credentials&scop=class.read", "unknown_field", "scop"),
        ("grant_type=client_credentials", "missing_field", "client_assertion"),
        ("&".join(f"a{place}=1" for place in range(60)), "wrong_type", ""),
    ],
)
def test_a_form_is_told_what_is_wrong_with_it(api: Any, body: str, code: str, field: str) -> None:
    answer = as_fields(api, body)
    assert (answer.status, answer.json["code"]) == (400, "malformed"), answer.text
    assert (code, field) in {(one["code"], one["field"]) for one in answer.json["errors"]}


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_assertion": "e30.e30.e30"}, 401, "invalid_client"),
        ({"client_id": "cli_somebodyelse"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_assertion": ""}, 400, "invalid_request"),
        ({"resource": "x"}, 400, "invalid_request"),
        ({"scope": "class.read claim.approve"}, 400, "invalid_scope"),
        ({"scope": "a  b"}, 400, "invalid_request"),
    ],
)
def test_a_library_of_oauth_is_told_its_errors_in_its_own_words_beside_the_problem(
    api: Any, program: Program, changed: dict[str, str], status: int, error: str
) -> None:
    """RFC 6749, 5.2: without `error` a library takes any JSON that comes for a token."""
    answer = as_fields(api, urlencode(fields_of(program, **changed)))
    assert (answer.status, answer.json["error"]) == (status, error), answer.text
    assert {"type", "title", "status", "code", "detail", "request_id"} <= answer.json.keys()
    if all(changed.values()):
        body = {"client_assertion": program.assertion(), **changed}
        assert sign_in(api, body.pop("client_assertion"), **body).json["error"] == error, "as JSON alike"


def test_a_library_of_oauth_is_told_of_a_suspended_school_and_of_too_many_failures(
    world: Any, api: Any, program: Program
) -> None:
    version = api("clerk").get(f"/v1/institutions/{HEFEI_SCHOOL}").json["version"]
    suspended = api("clerk").post(
        f"/v1/institutions/{HEFEI_SCHOOL}/suspend", {"version": version, "reason": "核查"}
    )
    assert suspended.status == 200, suspended.text
    refused = sign_in(api, program.assertion())
    assert (refused.status, refused.json["error"]) == (409, "unauthorized_client"), refused.text
    for _ in range(SOURCE.most + 1):
        refused = sign_in(api, "e30.e30.e30", source="203.0.113.77")
    assert (refused.status, refused.json["error"]) == (429, "temporarily_unavailable")


def test_no_other_answer_has_the_errors_of_oauth(api: Any) -> None:
    assert "error" not in api().post("/v1/auth/tokens", {"grant_type": "password"}).json
    assert "error" not in api().get("/v1/me").json


@pytest.mark.parametrize(
    "body", [b"grant_type=%B0%B2%BB%D5", "grant_type=安徽".encode("gbk"), b"grant_type=%EF%BF%BD"]
)
def test_a_form_is_in_utf8(api: Any, body: bytes) -> None:
    answer = as_fields(api, body)
    assert (answer.status, answer.json["code"]) == (415, "not_utf8"), answer.text


def test_nothing_but_a_program_signs_in_with_a_form(api: Any) -> None:
    """No library of OAuth knows the fields of people's sign-in; one type more makes generated clients vague."""
    answer = as_fields(api, "grant_type=password&account=nobody&password=wrong-password", "/v1/auth/tokens")
    assert (answer.status, answer.json["code"]) == (415, "unsupported_type"), answer.text
