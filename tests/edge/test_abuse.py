"""What strangers may try: floods, other origins, bodies without end; and what every answer carries."""

import os
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from chalicelib.aws.settings import settings
from chalicelib.edge import pace
from chalicelib.edge.endpoints import ENDPOINTS, HEADERS, JSON_BYTES_MAX, SHEET_BYTES_MAX
from chalicelib.edge.problems import TITLES, Problem, status_of
from chalicelib.kernel.errors import TooMany
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import REASONS
from chalicelib.sheets.content_types import XLSX

# --------------------------------------------------------------------------- pace


def test_a_person_who_asks_for_codes_without_end_is_told_to_wait() -> None:
    pace.forget_paces()
    holder = Principal(actor="prs_a", role=Role.TRAINEE, person_key="prs_a")
    limit = pace.PACES["voucher.show_qr"]
    for _ in range(limit.burst):
        pace.spend("voucher.show_qr", holder, clock=0)
    with pytest.raises(TooMany) as refused:
        pace.spend("voucher.show_qr", holder, clock=0)
    assert refused.value.facts == {"retry_after_seconds": 1}
    pace.spend("voucher.show_qr", Principal(actor="prs_b", role=Role.TRAINEE), clock=0)
    pace.spend("voucher.show_qr", holder, clock=1)
    pace.spend("voucher.read", holder, clock=1)
    pace.forget_paces()


def test_all_counters_of_an_institution_share_its_pace(world: Any, api: Any) -> None:
    client = api("institution")
    now = __import__("time").monotonic()
    pace._buckets["scan.verify", client_institution()] = (0.0, now + 3600)
    answer = client.post("/v1/verifications", {"token": "x", "project_id": world.project_id})
    assert (answer.status, answer.json["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (
        api("institution_two")
        .post("/v1/verifications", {"token": "x", "project_id": world.project_id})
        .status
        == 200
    )


def client_institution() -> str:
    from tests.support.people import HEFEI_SCHOOL

    return HEFEI_SCHOOL


# --------------------------------------------------------------------------- origins and headers


@pytest.fixture
def origins() -> Iterator[str]:
    os.environ["CORS_ORIGINS"] = "https://a.example https://b.example"
    settings.cache_clear()
    yield "https://b.example"
    del os.environ["CORS_ORIGINS"]
    settings.cache_clear()


def cors(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("Access-Control")}


def test_no_other_origin_reads_anything_by_default(api: Any) -> None:
    sent = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = api().send("OPTIONS", "/v1/classes", None, headers=sent)
    assert (preflight.status, cors(preflight.headers)) == (204, {})
    assert cors(api().get("/healthz", headers=sent).headers) == {}


def test_listed_origins_may_read_and_ask_before(api: Any, origins: str) -> None:
    preflight = api().send("OPTIONS", "/v1/classes", None, headers={"Origin": origins})
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == origins
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert preflight.headers["Vary"] == "Origin"
    refused = api().get("/v1/me", headers={"Origin": origins})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, origins)
    for other in ("https://evil.example", "null", "https://b.example.evil", "https://b.example/", "*"):
        assert cors(api().get("/healthz", headers={"Origin": other}).headers) == {}
        assert cors(api().send("OPTIONS", "/v1/me", None, headers={"Origin": other}).headers) == {}


def test_every_answer_carries_the_security_headers(world: Any, api: Any) -> None:
    for endpoint in ENDPOINTS:
        path = re.sub(r"\{\w+\}", "x", endpoint.path)
        for method in (endpoint.method, "OPTIONS"):
            answer = api().send(method, path, None)
            missing = {name for name in HEADERS if name not in answer.headers}
            assert not missing, (method, path, missing)


def gateway_answers(stage: str) -> Iterator[tuple[int, set[str], str]]:
    """Give status, names of headers and body of what the gateway answers by itself."""
    from infra.deployment.template import _api

    resources = _api(stage)
    responses = resources.pop("RestAPI")["Properties"].get("GatewayResponses")
    as_resources = (
        one for one in resources.values() if one.get("Type") == "AWS::ApiGateway::GatewayResponse"
    )
    for response in responses.values() if responses else [one["Properties"] for one in as_resources]:
        parameters = response["ResponseParameters"]
        headers = {
            name.removeprefix("gatewayresponse.header.") for name in parameters.get("Headers", parameters)
        }
        yield int(response["StatusCode"]), headers, response["ResponseTemplates"]["application/json"]


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_the_gateways_own_answers_are_the_services(stage: str) -> None:
    answers = list(gateway_answers(stage))
    assert len(answers) == 8
    for status, headers, body in answers:
        assert set(HEADERS) < headers
        assert ("Retry-After" in headers) == (status in (429, 503))
        problem = msgspec.json.decode(body, type=Problem, strict=True)
        assert status == problem.status == status_of(REASONS[problem.code].kind)
        assert problem.title == " ".join(TITLES[status])
        assert {"X-Request-Id", "Content-Language"} < headers
        assert REASONS[problem.code].en.partition("{")[0] in problem.detail
        assert problem.type.endswith(problem.code)
        assert problem.request_id == "$context.requestId"
        assert problem.detail.startswith(REASONS[problem.code].zh.partition("{")[0])


def test_bodies_over_the_limit_are_413(api: Any) -> None:
    too_long = b'{"account": "' + b"x" * JSON_BYTES_MAX + b'"}'
    assert api().post("/v1/auth/tokens", raw=too_long).status == 413
    path = "/v1/classes/cls_x/roster?version=1"
    sheet = b"x" * (SHEET_BYTES_MAX + 1)
    assert api("institution").send("PUT", path, None, raw=sheet, content_type=XLSX).status == 413
