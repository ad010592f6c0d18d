"""Lists cover what is below; a cursor is good for one list; what cannot be an identifier names nothing."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

import app  # noqa: F401 - declares the endpoints
from chalicelib.accounts import rights
from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC, Endpoint, PageQuery
from chalicelib.kernel.principal import Role
from chalicelib.programs.thresholds import Thresholds
from tests.architecture.rights_world import COUNTY, build
from tests.support import people

BUREAUS = (Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR)
LISTS = [e for e in ENDPOINTS if isinstance(e.query, type) and issubclass(e.query, PageQuery)]
CHANGING = {"allowed_actions", "supervision", "patterns_stop_payment"}
OWN_WORK = {"GET /v1/waiting"}
"""Lists of what waits for the caller: the province has other work than a city."""
PAGES_MAX = 50


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def caller(role: Role, division: str) -> str:
    name = f"lists-{role}-{division}"
    people.STAFF.setdefault(name, (role, division, None))
    return name


def role_for(endpoint: Endpoint) -> Role | None:
    """Give a role that a county's bureau and a city's have, and that may read the list."""
    reach = rights.RIGHTS.get(endpoint.action, {})
    return next((role for role in BUREAUS if reach.get(role) is rights.Scope.DIVISION), None)


def identity(item: dict[str, Any]) -> str:
    """Write an item without what depends on who reads it: what may be done, and the limits of supervision."""
    for finding in item.get("findings", ()):
        for limit in Thresholds.__struct_fields__:
            finding["evidence"].pop(limit, None)
    return msgspec.json.encode(
        {name: value for name, value in item.items() if name not in CHANGING}, order="deterministic"
    ).decode()


def all_of(client: Any, path: str, query: dict[str, Any], at: Any) -> set[str]:
    found: set[str] = set()
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        answer = client.get(path, {**query, **({"cursor": cursor} if cursor else {})}, at=at)
        assert answer.status == 200, answer.text
        found |= {identity(item) for item in answer.json["items"]}
        cursor = answer.json["next"]
        if cursor is None:
            return found
    raise AssertionError(f"{path} does not end")


def test_each_list_of_an_area_gives_city_and_province_what_a_county_has(world, api):
    built = build(world)
    compared, empty = [], []
    for endpoint in LISTS:
        role, case = role_for(endpoint), built.cases[(endpoint.method, endpoint.path)]
        if role is None or name_of(endpoint) in OWN_WORK:
            continue
        query = {name: value for name, value in case.query.items() if name != "division"}
        if api(caller(role, COUNTY)).get(case.path, query, at=world.now).status == 404:
            assert "{" in endpoint.path, name_of(endpoint)  # of a thing that is not the county's
            continue
        county = all_of(api(caller(role, COUNTY)), case.path, query, world.now)
        city = all_of(api(caller(role, COUNTY[:4])), case.path, query, world.now)
        (empty if not county else compared).append(name_of(endpoint))
        assert county <= city, name_of(endpoint)
        if Role.PROVINCE in rights.RIGHTS[endpoint.action]:
            assert city <= all_of(api("province"), case.path, query, world.now), name_of(endpoint)
    assert {"GET /v1/enrolments", "GET /v1/accounts", "GET /v1/classes", "GET /v1/vouchers"} <= set(compared)
    assert {"GET /v1/subsidy-claims", "GET /v1/make-ups", "GET /v1/objections"} <= set(compared)
    assert {name for name in empty if "{" not in name} <= {
        "GET /v1/settlement-batches",
        "GET /v1/scans",
        "GET /v1/check-ins",
    }, empty


def test_the_province_pages_through_a_list_kept_by_division(world, api):
    world.enrolment(world.person(1))
    found = all_of(api("province"), "/v1/enrolments", {"limit": 1}, world.now)
    assert len(found) == 1


@pytest.mark.parametrize("endpoint", LISTS, ids=name_of)
def test_a_cursor_is_good_for_its_own_filter_only(world, api, endpoint):
    """A cursor of the list as asked by default, used with another filter: told, not "busy"."""
    from chalicelib.edge.cursors import write_cursor

    names = [name for name in endpoint.query.__struct_encode_fields__ if name not in {"limit", "cursor"}]
    needed = {part.encode_name for part in msgspec.structs.fields(endpoint.query) if part.required}
    samples = {
        "division": ("3401", "3402"),
        "subject": ("thing",),
        "status": ("submitted", "approved", "open"),
        "claim": ("clm_one",),
        "state": ("pending", "dead"),
        "near": ("117.2,31.8,wgs84", "117.3,31.8,wgs84"),
        "radius_m": ("100", "200"),
        "outcome": ("refused",),
        "kind": ("class", "change"),
        "flag": ("late_ineligibility",) if "claim-lines" in endpoint.path else ("late", "overdue"),
        "program": (world.program_id,),
        "project": (world.project_id,),
        "from": ("2026-01-01", "2026-01-02"),
        "to": ("2026-12-30", "2026-12-31"),
    }
    who = people.staff_principal("supervisor") if endpoint.action != PUBLIC else None
    if endpoint.action != PUBLIC and not rights.may(who, endpoint.action):
        who = people.staff_principal("province")
    path = re.sub(r"{\w+}", "thing", endpoint.path)
    tried = 0
    for name in names:
        for value in samples.get(name, ("prg_one", "prg_two")):
            others = {
                other: samples[other][0]
                for other in names
                if other in {"claim", "subject", "near", *needed} and other != name
            }
            query = {name: value, **others}
            try:
                msgspec.convert(query, endpoint.query, strict=False)
            except msgspec.ValidationError:
                continue
            actor = who.actor if who is not None else "public"
            place = f"{endpoint.method} {endpoint.path} {actor} another filter"
            cursor = write_cursor({"id": "x"}, place=place)
            answer = api(who).get(path, {**query, "cursor": cursor}, at=world.now)
            assert (answer.status, answer.json["code"]) in {(400, "invalid_cursor"), (404, "not_found")}, (
                answer.text
            )
            tried += 1
    assert tried or not names


def test_a_cursor_used_with_another_filter_is_told(world, api):
    for index in range(3):
        world.voucher(world.person(index), claimed=False)
    first = api("clerk").get("/v1/vouchers", {"division": "3401", "limit": 1}, at=world.now)
    cursor = first.json["next"]
    assert cursor
    same = api("clerk").get("/v1/vouchers", {"division": "3401", "limit": 2, "cursor": cursor}, at=world.now)
    assert same.status == 200
    for query in ({}, {"division": "340111"}):
        other = api("clerk").get("/v1/vouchers", {**query, "cursor": cursor}, at=world.now)
        assert (other.status, other.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "identifier",
    ["x" * 129, "x" * 3000, "名", "a b", "a\x00b", "a/b", "%", "\udcff".encode(errors="surrogatepass").hex()],
)
def test_what_cannot_be_an_identifier_names_nothing(world, api, identifier):
    asked = 0
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET" or "{" not in endpoint.path or endpoint.action == PUBLIC:
            continue
        path = re.sub(r"{\w+}", quote(identifier, safe=""), endpoint.path)
        role = next(iter(rights.RIGHTS[endpoint.action]))
        who = "province" if role is not Role.TRAINEE else world.person(1)
        answer = api(who).get(path, at=world.now)
        assert answer.status in {400, 403, 404}, (path, answer.text)
        asked += 1
    assert asked > 20
