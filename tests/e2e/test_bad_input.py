"""Bad input at every step gets the problem that api.md promises: made from the published contract."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from infra.demo.client import Answer, Caller, Service
from infra.local.people import PEOPLE_MAX, make_person
from tests.e2e.contract import Operation, operations_of
from tests.e2e.trials import Trials

pytestmark = pytest.mark.cloud

ACCOUNTS = {
    "institution": "institution-3401-1",
    "clerk": "clerk-3401",
    "reviewer": "reviewer-3401",
    "finance": "finance-3401",
    "supervisor": "supervisor-3401",
    "province": "province-1",
}
ODD_IDS = [
    "x",
    "0",
    "-",
    "null",
    "%20",
    "%00",
    "a%00b",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..",
    "%0d%0aX-Injected:%201",
    "%E4%BD%A0%E5%A5%BD",
    "%F0%9F%98%80",
    "%FF%FE",
    "%D9%A1%D9%A2",
    "'%20OR%20'1'%3D'1",
    "%7B%22$ne%22:null%7D",
    "vch_",
    "cls_%0A",
    "CLS_AAAAAAAAAAAAAAAAAAAAAAAA",
    "cls_aaaaaaaaaaaaaaaaaaaaaaaa%20",
    "a" * 2000,
]
WRONG_VALUES = {
    "string": [12345, ["x"], {"x": 1}, True],
    "integer": ["many", 1.5, [1], {}],
    "number": ["near", [1], {}],
    "boolean": ["yes", 1],
    "array": [{"a": 1}, "x", 7],
    "object": [[1], "x", 7],
}
ODD_TEXTS = [
    "\u0000",
    "\U0001f600" * 30,
    "../../etc/passwd",
    "'; DROP TABLE vouchers; --",
    "\u202etxet",
    "  ",
]
CREATES = {"POST /v1/accounts", "POST /v1/programs", "POST /v1/imports", "PUT /v1/projects/{project_id}"}
"""Operations that may take odd texts and make something of them: left alone, so as to leave no litter."""


NOT_SOUND_ENOUGH = {
    "POST /v1/accounts/{account_id}/reset",
    "PUT /v1/classes/{class_id}",
    "POST /v1/classes/{class_id}/changes",
    "POST /v1/institutions/{uscc}/payee/{payee_id}/confirm",
    "POST /v1/lessons/{lesson_id}/footage",
    "POST /v1/lessons/{lesson_id}/footage/external",
    "POST /v1/programs/{program_id}/policy",
    "POST /v1/risk-cases/{case_id}/resolve",
}
"""Their sample bodies follow the schema and yet no rule: they are tried by hand, see test_bad_steps."""


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    trials = Trials()
    yield trials
    trials.report(request)
    assert not trials.wrong, "\n".join(trials.wrong)


@pytest.fixture
def operations(service: Service) -> list[Operation]:
    return operations_of(service.anyone().get("/openapi.json").wanted)


@pytest.fixture
def callers(service: Service) -> dict[str, Caller]:
    """Give a caller of every role."""
    person = make_person(PEOPLE_MAX - 1)
    trainee = service.trainee(name=person.name, id_number=person.id_number)
    return {role: service.staff(account) for role, account in ACCOUNTS.items()} | {"trainee": trainee}


def permitted(operation: Operation, callers: dict[str, Caller], service: Service) -> Caller | None:
    """Give a caller who may, the platform excepted: it signs each body."""
    if operation.public:
        return service.anyone()
    return next((caller for role, caller in callers.items() if role in operation.roles), None)


def send(caller: Caller, operation: Operation, body: Any = None, **query: Any) -> Answer:
    """Send a sound request but for what is given."""
    needed = {**operation.sound_query(), **query}
    if operation.body is None:
        return caller.send(operation.method, operation.at(), query=needed)
    return caller.send(operation.method, operation.at(), body={} if body is None else body, query=needed)


def raw(
    caller: Caller, operation: Operation, payload: bytes, content_type: str = "application/json"
) -> Answer:
    query = operation.sound_query()
    return caller.send(operation.method, operation.at(), raw=payload, content_type=content_type, query=query)


def with_bodies(
    operations: list[Operation], callers: dict[str, Caller], service: Service
) -> Iterator[tuple[Operation, Caller]]:
    for operation in operations:
        caller = permitted(operation, callers, service)
        if operation.body is not None and caller is not None:
            yield operation, caller


# --------------------------------------------------------------------------- who


def test_without_a_good_token_every_operation_is_401(
    service: Service, operations: list[Operation], trials: Trials
) -> None:
    closed = [one for one in operations if not one.public]
    assert len(closed) > 60
    for operation in closed:
        trials.refused(f"no token: {operation}", send(service.anyone(), operation), 401)
        trials.refused(f"garbage: {operation}", send(service.bearer("garbage"), operation), 401)


def test_tokens_that_were_made_up_or_altered_are_401(
    service: Service, callers: dict[str, Caller], trials: Trials
) -> None:
    good = service.staff("province-1").sign_in().wanted["access_token"]
    head, claims, signature = good.split(".")
    bodies = [json.loads(_unpack(claims)) | {"role": "province", "division": "34"} for _ in "x"]
    past = {**bodies[0], "exp": int(time.time()) - 60}
    none = _pack({"alg": "none", "typ": "JWT"})
    made_up = {
        "another's signature": f"{head}.{claims}.{signature[::-1]}",
        "no signature": f"{head}.{claims}.",
        "claims altered": f"{head}.{_pack(past)}.{signature}",
        "alg none": f"{none}.{claims}.",
        "expired, alg none": f"{none}.{_pack(past)}.",
        "alg HS256": f"{_pack({'alg': 'HS256', 'kid': json.loads(_unpack(head)).get('kid')})}.{claims}.{signature}",
        "two parts": f"{head}.{claims}",
        "card assertion as access token": service.assertion(sub="340102200301010008", name="某"),
        "very long": "a" * 7000,
        "dots": "...",
        "latin": "Ünïcode".encode().decode("latin-1"),
    }
    for what, token in made_up.items():
        trials.refused(what, service.bearer(token).get("/v1/me"), 401)
    for header in ("", "Bearer", "Bearer ", "Basic YTpi", good, f"Token {good}", f"Bearer {good} {good}"):
        answer = service.send("GET", "/v1/me", headers={"Authorization": header})
        trials.refused(f"Authorization: {header[:20]}", answer, 401)


def _pack(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_sign_in_with_anything_wrong_is_401_or_400(service: Service, trials: Trials) -> None:
    def sign_in(**body: Any) -> Answer:
        return service.anyone().post("/v1/auth/tokens", body)

    def card(**claims: Any) -> Answer:
        return sign_in(grant_type="social_card", assertion=service.assertion(**claims))

    person = make_person(PEOPLE_MAX - 1)
    who: dict[str, Any] = {"sub": person.id_number, "name": person.name}
    account = "supervisor-3402"
    trials.refused("wrong password", sign_in(grant_type="password", account=account, password="x" * 12), 401)
    trials.refused(
        "unknown account", sign_in(grant_type="password", account="nobody", password="x" * 12), 401
    )
    trials.refused("odd account", sign_in(grant_type="password", account="\u0000", password="x"), 401, 400)
    trials.refused("expired assertion", card(**who, exp=int(time.time()) - 10), 401)
    trials.refused("no expiry", card(**who, exp=None), 401)
    trials.refused("endless assertion", card(**who, exp="never"), 401)
    trials.refused("another audience", card(**who, aud="another"), 401)
    trials.refused("another issuer", card(**who, iss="https://another.example"), 401)
    trials.refused("no subject", card(name=person.name), 401)
    trials.refused("subject is no ID number", card(sub="12345", name="某"), 401)
    trials.refused("subject of a wrong type", card(sub=12345, name="某"), 401)
    header = {"alg": "ES256", "kid": service.stack["card_issuer"]["kid"]}
    claims = {"iss": service.stack["card_issuer"]["issuer"], "aud": service.stack["card_issuer"]["audience"]}
    claims |= {**who, "exp": int(time.time()) + 60, "iat": int(time.time())}
    stranger = jwt.encode(header, claims, ECKey.generate_key("P-256"))
    trials.refused("another's key", sign_in(grant_type="social_card", assertion=stranger), 401)
    trials.refused("garbage", sign_in(grant_type="social_card", assertion="garbage"), 401)
    trials.refused("unknown grant", sign_in(grant_type="magic"), 400, faulty="grant_type")
    trials.refused("no grant", sign_in(), 400, faulty="grant_type")
    trials.refused("no password", sign_in(grant_type="password", account=account), 400, faulty="password")
    both = sign_in(grant_type="password", account=account, password="x" * 12, assertion="x")
    trials.refused("two grants in one", both, 400, faulty="assertion")
    trials.refused("refresh garbage", sign_in(grant_type="refresh_token", refresh_token="garbage"), 401)
    trials.refused("refresh empty", sign_in(grant_type="refresh_token", refresh_token=""), 401, 400)
    wrong = {"account": account, "activation_code": "wrong", "password": "long enough 1"}
    wrong["assertion"] = service.assertion(**who)
    trials.refused("wrong code", service.anyone().post("/v1/auth/activate", wrong), 401)
    short = {**wrong, "password": "short"}
    trials.refused("short", service.anyone().post("/v1/auth/activate", short), 400, faulty="password")


def test_a_role_that_may_not_is_403_whatever_it_sends(
    callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation in operations:
        if operation.public:
            continue
        for role, caller in callers.items():
            if role not in operation.roles:
                answer = send(caller, operation, {"surprise": True}, surprise="1")
                trials.refused(f"{role}: {operation}", answer, 403, code="forbidden")
    assert trials.tried > 250


# --------------------------------------------------------------------------- form


def test_unknown_and_missing_fields_and_parameters_are_400(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation in operations:
        caller = permitted(operation, callers, service)
        if caller is None:
            continue
        sound = operation.sound_body()
        answer = send(caller, operation, sound, surprise="1")
        trials.refused(f"unknown parameter: {operation}", answer, 400, faulty="surprise")
        for name in operation.required_query:
            bare = caller.send(operation.method, operation.at())
            trials.refused(f"no ?{name}: {operation}", bare, 400, faulty=name)
        if operation.body is None:
            continue
        answer = send(caller, operation, {**sound, "surprise": 1, "status": "paid"})
        trials.refused(f"unknown field: {operation}", answer, 400, faulty="surprise")
        for name in operation.required:
            less = {key: value for key, value in sound.items() if key != name}
            trials.refused(f"no {name}: {operation}", send(caller, operation, less), 400, faulty=name)
            trials.refused(
                f"{name} null: {operation}", send(caller, operation, {**sound, name: None}), 400, faulty=name
            )
    assert trials.tried > 150


def test_values_of_a_wrong_type_are_400_and_the_field_is_named(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation, caller in with_bodies(operations, callers, service):
        sound = operation.sound_body()
        for name, schema in operation.properties.items():
            kinds = operation.kinds(schema) - {"null"}
            allowed = {type_of(one) for kind in kinds for one in _samples_of(kind)}
            values = [one for kind in sorted(kinds) for one in WRONG_VALUES.get(kind, [])]
            for value in values:
                if type_of(value) in allowed:
                    continue
                answer = send(caller, operation, {**sound, name: value})
                trials.refused(f"{name} = {value!r}: {operation}", answer, 400, faulty=name)
    assert trials.tried > 200


def _samples_of(kind: str) -> list[Any]:
    return {
        "integer": [1],
        "number": [1, 1.5],
        "string": ["x"],
        "boolean": [True],
        "array": [[]],
        "object": [{}],
    }[kind]


def type_of(value: Any) -> str:
    return type(value).__name__


def test_bodies_that_are_no_json_object_are_400_and_other_types_415(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    broken = [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"7",
        b"{'a': 1}",
        b'{"a": NaN}',
        b"{}{}",
        b"\x00",
    ]
    for operation, caller in with_bodies(operations, callers, service):
        for payload in broken:
            trials.refused(f"{payload!r}: {operation}", raw(caller, operation, payload), 400)
        trials.refused(f"no UTF-8: {operation}", raw(caller, operation, b"\xff\xfe{}"), 415)
        for content_type in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "rubbish"):
            answer = raw(caller, operation, b"{}", content_type)
            trials.refused(f"{content_type}: {operation}", answer, 415)
        if not operation.sheet:
            answer = raw(caller, operation, "姓名\n".encode(), "text/csv")
            trials.refused(f"csv: {operation}", answer, 415)


def test_absurd_sizes_are_refused(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    for operation, caller in with_bodies(operations, callers, service):
        sound = operation.sound_body()
        trials.refused(f"20,000 deep: {operation}", raw(caller, operation, deep), 400)
        many = json.dumps({f"field{n}": n for n in range(10_000)}).encode()
        trials.refused(f"10,000 fields: {operation}", raw(caller, operation, many), 400)
        huge = json.dumps({**sound, "reason": "长" * 1_100_000}, ensure_ascii=False).encode()
        trials.refused(f"3 MB: {operation}", raw(caller, operation, huge), 413)
        for name, schema in operation.properties.items():
            kinds = operation.kinds(schema)
            absurd: list[Any] = []
            for number in (10**30, 10**60, 10**400) if kinds & {"integer", "number"} else ():
                answer = send(caller, operation, {**sound, name: number})
                trials.harmless(f"{name} = {str(number)[:9]}…: {operation}", answer)
            if kinds & {"integer", "number"}:
                absurd = [-(10**30)]
            elif "string" in kinds:
                absurd = ["x" * 300_000]
            elif "array" in kinds:
                absurd = [[{}] * 10_000, [[[[[[]]]]]], list(range(10_000))]
            for value in absurd:
                answer = send(caller, operation, {**sound, name: value})
                trials.refused(f"{name} = {str(value)[:20]}…: {operation}", answer, 400, 413)


def test_odd_texts_do_no_harm(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation, caller in with_bodies(operations, callers, service):
        if str(operation) in CREATES:
            continue
        sound = operation.sound_body()
        for name, schema in operation.properties.items():
            if "string" not in operation.kinds(schema):
                continue
            for text in ODD_TEXTS:
                answer = send(caller, operation, {**sound, name: text})
                trials.harmless(f"{name} = {text!r}: {operation}", answer)
            lone = json.dumps({**sound, name: "@@"}).replace("@@", "\\ud800").encode()
            trials.harmless(f"{name} = lone surrogate: {operation}", raw(caller, operation, lone))


# --------------------------------------------------------------------------- lists


CURSORS = ["x", "@@@", "A" * 500, "eyJpZCI6ICJ4In0", "%00", "null", "9" * 1900]
LIMITS = ["0", "101", "-1", "abc", "1e3", "", "10" * 30, "1.5"]
NEARS = ["117,31", "a,b,wgs84", "117,31,mars", "nan,nan,wgs84", "1e999,0,wgs84", "31,117,wgs84", ",,"]


def test_broken_pages_and_filters_are_400(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation in operations:
        caller = permitted(operation, callers, service)
        if caller is None:
            continue
        for cursor in CURSORS if "cursor" in operation.query else ():
            answer = send(caller, operation, cursor=cursor)
            trials.refused(f"cursor {cursor[:9]}: {operation}", answer, 400, code="invalid_cursor")
        for limit in LIMITS if "limit" in operation.query else ():
            answer = send(caller, operation, limit=limit)
            trials.refused(f"limit {limit[:9]}: {operation}", answer, 400, faulty="limit")
        for name, schema in operation.query.items():
            for value in wrong_filters(name, operation.resolved(schema)):
                answer = send(caller, operation, **{name: value})
                trials.refused(f"?{name}={value[:9]}: {operation}", answer, 400, 404)


def wrong_filters(name: str, schema: dict[str, Any]) -> list[str]:
    if "enum" in schema or schema.get("type") == "boolean":
        return ["rubbish", "", "ISSUED"]
    if schema.get("format") == "date":
        return ["2026-13-45", "yesterday", "20260701", ""]
    return {"division": ["99", "3", "abcdef", "34011" * 100, "三四"], "near": NEARS}.get(name, [])


def test_a_cursor_of_another_list_or_caller_is_400(
    service: Service, callers: dict[str, Caller], trials: Trials
) -> None:
    page = service.anyone().get("/v1/projects", limit=1).wanted["next"]
    assert page is not None
    trials.refused("another list", service.anyone().get("/v1/institutions", cursor=page), 400)
    altered = page[:-2] + ("AA" if page[-2:] != "AA" else "BB")
    trials.refused("altered", service.anyone().get("/v1/projects", cursor=altered), 400)


# --------------------------------------------------------------------------- ids


def test_unknown_ids_are_404(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    writes_anew = {
        "PUT /v1/projects/{project_id}",
        "PUT /v1/institutions/{uscc}",
        "PUT /v1/budgets/{division}/{year}",
    }
    for operation in operations:
        caller = permitted(operation, callers, service)
        if caller is None or not operation.parameters or str(operation) in writes_anew:
            continue
        if operation.sheet or str(operation) in NOT_SOUND_ENOUGH:
            continue
        if str(operation) == "GET /v1/budgets/{division}/{year}":
            answer = caller.get("/v1/budgets/3401/2150")
        else:
            answer = send(caller, operation, operation.sound_body())
        trials.refused(f"unknown: {operation}", answer, 404, code="not_found")
    assert trials.tried > 40


def test_odd_ids_are_400_or_404(
    service: Service, callers: dict[str, Caller], operations: list[Operation], trials: Trials
) -> None:
    for operation in operations:
        caller = permitted(operation, callers, service)
        if caller is None or not operation.parameters or str(operation) in CREATES:
            continue
        for odd in ODD_IDS:
            path = operation.at(**dict.fromkeys(operation.parameters, odd))
            body = None if operation.body is None else operation.sound_body()
            trials.refused(
                f"{odd[:20]}: {operation}", caller.send(operation.method, path, body=body), 400, 404
            )
    assert trials.tried > 500


def test_paths_and_methods_that_do_not_exist_are_problems_too(service: Service, trials: Trials) -> None:
    for method, path in (
        ("GET", "/v1"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/vouchers/a/b/c/d"),
        ("GET", "//v1/me"),
        ("GET", "/v1/../v1/me/x"),
        ("DELETE", "/v1/me"),
        ("PATCH", "/v1/vouchers"),
        ("PUT", "/v1/vouchers"),
        ("POST", "/v1/me"),
        ("DELETE", "/v1/vouchers/vch_a"),
    ):
        trials.refused(f"{method} {path}", service.send(method, path), 401, 404, 405)
    place = urlsplit(service.stack["api_url"])
    for path in ("/v1/vouchers/%", "/v1/vouchers/%zz", "/v1/programs/%C0%AF", "/v1/projects/%u0041"):
        trials.refused(path, _exactly(place.netloc, place.path + path), 400, 401, 404)


def _exactly(host: str, path: str) -> Answer:
    """Ask for a path as it is written: other clients tidy it."""
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", path)
        got = connection.getresponse()
        data = got.read()
        body = json.loads(data) if data.startswith(b"{") else None
        return Answer(f"GET {path}", got.status, body, data, dict(got.headers))
    finally:
        connection.close()


# --------------------------------------------------------------------------- headers


def test_headers_that_make_no_sense_are_400(
    service: Service, callers: dict[str, Caller], trials: Trials
) -> None:
    clerk = callers["clerk"]
    for told in (
        "yesterday",
        "2026-07-01",
        "2026-07-01T09:00:00",
        "",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
    ):
        answer = clerk.send("GET", "/v1/me", headers={"X-Local-Now": told})
        trials.refused(f"X-Local-Now: {told}", answer, 400)
    school = callers["institution"]
    body = {"token": "x", "project_id": "prj_x"}
    for key in ("k" * 65, "", "键".encode().decode("latin-1"), "a\tb"):
        answer = school.send("POST", "/v1/verifications", body=body, headers={"Idempotency-Key": key})
        trials.refused(f"Idempotency-Key: {key[:9]!r}", answer, 400)
    key = uuid.uuid4().hex
    token = {"token": "TV1-X-Y-Z-W", "project_id": "prj_internetmarketing-5"}
    headers = {"Idempotency-Key": key}
    first = school.send("POST", "/v1/verifications", body=token, headers=headers)
    again = school.send("POST", "/v1/verifications", body=token, headers=headers)
    assert (first.status, first.body) == (again.status, again.body)
    other = school.send("POST", "/v1/verifications", body={**token, "token": "other"}, headers=headers)
    trials.refused("same key, other body", other, 422, code="idempotency_mismatch")
    english = service.send("GET", "/v1/me", headers={"Accept-Language": "en"})
    trials.refused("no token, in English", english, 401)
    assert english.detail.isascii()
    assert not service.anyone().get("/v1/me").detail.isascii()


def test_messages_of_the_platform_with_anything_wrong_are_401_or_400(
    service: Service, trials: Trials
) -> None:
    def acknowledge(payload: bytes, **claims: Any) -> Answer:
        now = int(time.time())
        usual = {
            "iss": "national-platform",
            "aud": "voucher-service",
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
            "method": "POST",
            "path": "/v1/exchange/acknowledgements",
            "query": {},
            "body_sha256": hashlib.sha256(payload).hexdigest(),
        }
        platform = service.stack["platform"]
        key = ECKey.import_key(platform["private_key_pem"])
        signed = jwt.encode({"alg": platform["alg"], "kid": platform["kid"]}, {**usual, **claims}, key)
        headers = {"Content-Type": "application/json", "X-Message-Signature": signed}
        return service.send("POST", "/v1/exchange/acknowledgements", body=payload, headers=headers)

    item = {"message_id": "msg_unknown", "outcome": "accepted"}
    sound = json.dumps({"items": [item]}).encode()
    assert acknowledge(sound).wanted["unknown"] == ["msg_unknown"]
    for what, claims in {
        "another path": {"path": "/v1/exchange/check-ins"},
        "another method": {"method": "PUT"},
        "another query": {"query": {"day": "2026-09-01"}},
        "no query": {"query": None},
        "another body": {"body_sha256": hashlib.sha256(b"other").hexdigest()},
        "expired": {"exp": int(time.time()) - 5},
        "another issuer": {"iss": "somebody"},
        "another audience": {"aud": "somebody"},
        "too long a life": {"exp": int(time.time()) + 86_400},
        "no expiry": {"exp": None},
        "digest of a wrong type": {"body_sha256": 7},
    }.items():
        trials.refused(what, acknowledge(sound, **claims), 401)
    bare = {"Content-Type": "application/json", "X-Message-Signature": "garbage"}
    answer = service.send("POST", "/v1/exchange/acknowledgements", body=sound, headers=bare)
    trials.refused("garbage", answer, 401)
    bodies: dict[str, Any] = {
        "no items": {},
        "empty": {"items": []},
        "too many": {"items": [item] * 201},
        "unknown outcome": {"items": [{**item, "outcome": "perhaps"}]},
        "unknown field": {"items": [{**item, "surprise": 1}]},
        "no list": {"items": item},
    }
    for what, body in bodies.items():
        trials.refused(what, acknowledge(json.dumps(body).encode()), 400)
    for what, payload in {"broken": b"{", "no object": b"[]"}.items():
        trials.refused(what, acknowledge(payload), 400)
