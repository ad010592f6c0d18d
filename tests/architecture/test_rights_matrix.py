"""Every endpoint × every caller: no cell allows more than the table of rights says."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.accounts import rights
from chalicelib.accounts.guard import RequestGuard
from chalicelib.edge import tokens
from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC, Endpoint
from chalicelib.kernel.principal import Principal, Role
from tests.architecture.rights_world import Case, Owner, RightsWorld, build
from tests.support import keys

BUREAUS = (Role.CLERK, Role.REVIEWER, Role.FINANCE, Role.SUPERVISOR)
AREAS = {
    "county": "340111",
    "neighbouring county": "340104",
    "city above": "3401",
    "neighbouring city": "3402",
    "county of the neighbouring city": "340202",
    "province above": "34",
}


@dataclass(frozen=True)
class Caller:
    """Somebody who calls; `proven` unless their token must be refused."""

    name: str
    principal: Principal
    kind: str = "proven"


def account_of(name: str, role: Role, division: str, institution: str | None = None) -> Principal:
    """Give a staff member with an active account."""
    from tests.support import people

    people.STAFF.setdefault(name, (role, division, institution))
    return people.staff_principal(name)


def callers_of(built: RightsWorld) -> list[Caller]:
    """Give everybody: each role from each area, and each role with a stale or a forged token."""
    from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL, trainee_principal

    found = [
        Caller(f"{role} of the {area}", account_of(f"m-{role}-{division}", role, division))
        for role in BUREAUS
        for area, division in AREAS.items()
    ]
    schools = {
        "own": (HEFEI_SCHOOL, "340111"),
        "other": (HEFEI_OTHER, "340111"),
        "far": (WUHU_SCHOOL, "340202"),
    }
    found += [
        Caller(f"{which} institution", account_of(f"m-school-{which}", Role.INSTITUTION, division, uscc))
        for which, (uscc, division) in schools.items()
    ]
    found.append(Caller("province", account_of("m-province", Role.PROVINCE, "34")))
    found.append(Caller("the holder", trainee_principal(built.holder)))
    found.append(Caller("another trainee", trainee_principal(built.other_person)))
    found.append(
        Caller("the platform", Principal(actor="platform:national", role=Role.PLATFORM, division="34"))
    )
    one_of_each = {caller.principal.role: caller.principal for caller in reversed(found)}
    for kind in ("expired", "forged"):
        found += [Caller(f"{role} with a token {kind}", who, kind) for role, who in one_of_each.items()]
    found.append(Caller("nobody", Principal(actor="public", role=Role.PUBLIC), "nobody"))
    return found


_FORGED = keys.ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})


def bearer(principal: Principal, kind: str) -> str:
    """Make an access token; a forged one is signed with a key of the same name that is not ours."""
    from joserfc import jwt
    from joserfc.jwk import OKPKey

    from chalicelib.accounts.access_tokens import write_token

    good = write_token(principal)
    if kind == "proven":
        return good
    own = tokens._own_keys("access")[0]
    claims = tokens.verify_own("access", good, issuer=tokens.STAFF_ISSUER, audience=tokens.STAFF_AUDIENCE)
    key = own
    if kind == "expired":
        claims |= {"exp": int(time.time()) - 1}
    else:
        key = OKPKey.generate_key("Ed25519", {"kid": own.kid})
    return jwt.encode({"alg": "Ed25519", "kid": own.kid}, claims, key, algorithms=["Ed25519"])


def headers_of(
    caller: Caller, tokens_made: dict[str, str], method: str, path: str, raw: bytes
) -> dict[str, str]:
    """Prove (or pretend to prove) the caller."""
    if caller.kind == "nobody":
        return {}
    if caller.principal.role is not Role.PLATFORM:
        if caller.name not in tokens_made:
            tokens_made[caller.name] = bearer(caller.principal, caller.kind)
        return {"Authorization": "Bearer " + tokens_made[caller.name]}
    claims = {
        "iss": tokens.PLATFORM_ISSUER,
        "aud": tokens.SERVICE_ISSUER,
        **keys.call_of(path, method),
        "body_sha256": tokens.body_digest(raw),
    }
    if caller.kind == "expired":
        claims |= {"exp": int(time.time()) - 1}  # type: ignore[dict-item]
    key = _FORGED if caller.kind == "forged" else keys.PLATFORM_KEY
    return {"X-Message-Signature": keys.sign(key, claims)}


def reaches(principal: Principal, action: str, owner: Owner) -> bool:
    """Tell what the table says."""
    return rights.reaches(
        principal,
        action,
        division=owner.division,
        institution=owner.institution,
        person_key=owner.person_key,
    )


def complaint(endpoint: Endpoint, case: Case, caller: Caller, answer: Any) -> str | None:
    """Say what is wrong with an answer; None if it is what the table says."""
    code = (answer.json or {}).get("code") if isinstance(answer.json, dict) else None
    if answer.status >= 500:
        return "failed"
    if endpoint.action == PUBLIC:
        return "a public endpoint refused" if answer.status == 403 else None
    if caller.kind != "proven":
        return None if answer.status == 401 else "should be 401"
    alone = endpoint.action in rights.OF_SOFTWARE_ALONE and not caller.principal.is_software
    if alone or caller.principal.role not in rights.RIGHTS[endpoint.action]:
        return None if (answer.status, code) == (403, "forbidden") else "should be 403"
    if answer.status in (400, 401) or code == "forbidden":
        return "the role may, so the request has to get to the area"
    if case.owner is None:
        return "should be there" if answer.status == 404 else None
    if case.listing and not caller.principal.is_bureau:
        return None
    if reaches(caller.principal, endpoint.action, case.owner):
        return "inside the area, should be found" if answer.status == 404 else None
    return None if code == case.outside else f"outside the area, should be {case.outside}"


def leaks(built: RightsWorld, case: Case, caller: Caller, answer: Any, *, public: bool) -> list[str]:
    """List the ids in a good answer that are none of this caller's business."""
    if answer.status >= 400 or public:
        return []
    return [
        one
        for one, owners in built.secrets.items()
        if one in answer.text
        and one not in case.path
        and not any(reaches(caller.principal, action, owner) for action in rights.RIGHTS for owner in owners)
    ]


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep thousands of log lines out of the captured output: they are half the time."""
    logger = logging.getLogger("training-voucher")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture(autouse=True)
def _no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no record of each refusal: here are thousands; `tests/subsidies/test_clerk_and_school.py` asks for them."""
    monkeypatch.setattr(RequestGuard, "note_refused", lambda *_, **__: None)


def test_no_cell_allows_more_than_the_table(world: Any, api: Any, capsys: Any, quiet: None) -> None:
    built = build(world)
    missing = {(one.method, one.path) for one in ENDPOINTS} ^ set(built.cases)
    assert not missing, f"endpoints without a request here, or requests without an endpoint: {missing}"
    callers = callers_of(built)
    tokens_made: dict[str, str] = {}
    wrong: list[str] = []
    verdicts: Counter[int] = Counter()
    client = api()
    for endpoint in ENDPOINTS:
        case = built.cases[endpoint.method, endpoint.path]
        path = case.path + ("?" + urlencode(case.query) if case.query else "")
        raw = b"" if case.body is None else json.dumps(case.body).encode()
        for caller in callers:
            answer = client.send(
                endpoint.method,
                path,
                case.body,
                headers=headers_of(caller, tokens_made, endpoint.method, path, raw),
                raw=raw,
            )
            verdicts[answer.status] += 1
            said = complaint(endpoint, case, caller, answer)
            leaked = leaks(built, case, caller, answer, public=endpoint.action == PUBLIC)
            if said or leaked:
                wrong.append(
                    f"{endpoint.method} {endpoint.path} by {caller.name}: "
                    f"{said or leaked} ({answer.status} {answer.text[:160]})"
                )
    with capsys.disabled():
        print(  # noqa: T201 - the figure asked for
            f"\nrights: {verdicts.total()} cells, {len(ENDPOINTS)} endpoints x {len(callers)} callers; "
            f"by status {dict(sorted(verdicts.items()))}"
        )
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong[:80])


def test_every_route_of_the_program_is_a_declared_endpoint_or_a_page() -> None:
    """A page has no right of its own: what it shows and does, it asks the endpoints for."""
    import app
    from chalicelib.edge.pages import PAGES

    declared = {(one.method, one.path) for one in ENDPOINTS}
    routed = {
        (method, path)
        for path, entries in app.app.routes.items()
        for method in entries
        if method != "OPTIONS"
    }
    assert routed == declared | PAGES
    assert not declared & PAGES
