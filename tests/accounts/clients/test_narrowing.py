"""A program may ask for less than it has (RFC 6749, 3.3): its token then carries that and no more."""

from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.accounts.access_tokens import read_token, write_token
from chalicelib.accounts.guard import RequestGuard, forget_statuses
from chalicelib.accounts.model import principal_of
from chalicelib.accounts.store import find_account
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.principal import Principal
from tests.accounts.clients.builders import HOST, SCOPES, TOKENS, Program, confirmed, sign_in, signed_in
from tests.classes.builders import application
from tests.support.people import staff_principal


@pytest.fixture
def program(world: Any, api: Any) -> Program:
    ours = Program()
    confirmed(api, ours)
    staff_principal("institution")
    return ours


def test_a_token_of_less_is_refused_the_rest_of_what_its_program_has(
    world: Any, api: Any, program: Program
) -> None:
    answer = sign_in(api, program.assertion(), scope="class.read")
    assert (answer.status, answer.json["scope"]) == (200, "class.read"), answer.text
    reader = signed_in(api, program, scope="class.read")
    assert reader.get("/v1/classes", at=world.now).status == 200
    assert reader.get("/v1/me").json["scopes"] == ["class.read"]
    refused = reader.post("/v1/classes", application(world), by="institution", at=world.now)
    assert (refused.status, refused.json["code"]) == (403, "insufficient_scope")
    assert "class.write" in refused.json["detail"]
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer realm="voucher", error="insufficient_scope", scope="class.write"'
    )
    whole = signed_in(api, program)
    assert whole.post("/v1/classes", application(world), by="institution", at=world.now).status == 201
    assert reader.get("/v1/me").json["scopes"] == ["class.read"], "what is known of the other widens nothing"
    forget_statuses()
    assert reader.get("/v1/me").json["scopes"] == ["class.read"]


def test_what_may_be_done_with_a_thing_is_told_by_the_narrow_token(
    world: Any, api: Any, program: Program
) -> None:
    whole = signed_in(api, program)
    filed = whole.post("/v1/classes", application(world), by="institution", at=world.now).json
    assert filed["allowed_actions"] == ["edit", "submit"]
    reader = signed_in(api, program, scope="class.read class.submit")
    seen = reader.get(f"/v1/classes/{filed['id']}", at=world.now).json
    assert seen["allowed_actions"] == ["submit"]


def test_all_that_it_has_may_be_asked_for_in_any_order_and_more_than_once(api: Any, program: Program) -> None:
    answer = sign_in(api, program.assertion(), scope=" ".join([*reversed(SCOPES), SCOPES[0]]))
    assert answer.status == 200, answer.text
    assert answer.json["scope"].split() == sorted(SCOPES)
    assert sign_in(api, program.assertion()).json["scope"].split() == sorted(SCOPES), "without it: all"


@pytest.mark.parametrize(
    ("scope", "named"),
    [
        ("class.read claim_line.read", "claim_line.read"),
        ("claim.approve", "claim.approve"),
        ("openid", "openid"),
        ("*", "*"),
        ("CLASS.READ", "CLASS.READ"),
        ("x" * 200, "x" * 64),
    ],
)
def test_more_than_it_has_is_refused_and_named(api: Any, program: Program, scope: str, named: str) -> None:
    assertion = program.assertion()
    answer = sign_in(api, assertion, scope=scope)
    assert (answer.status, answer.json["code"]) == (400, "invalid_scope"), answer.text
    assert named in answer.json["detail"]
    assert named + "x" not in answer.json["detail"]
    assert "access_token" not in answer.json
    assert sign_in(api, assertion).status == 200, "the assertion is not used up by it"


@pytest.mark.parametrize("scope", ["", " ", "class.read  class.write", " class.read", "a\nb", "权限", 7, []])
def test_what_is_no_list_of_scopes_is_no_form(api: Any, program: Program, scope: Any) -> None:
    answer = sign_in(api, program.assertion(), scope=scope)
    assert (answer.status, answer.json["code"]) == (400, "malformed"), answer.text
    assert [fault["field"] for fault in answer.json["errors"]] == ["scope"]


def test_who_proved_no_key_is_told_nothing_of_scopes(api: Any, program: Program) -> None:
    stranger = Program(id=program.id)
    answer = sign_in(api, stranger.assertion(), scope="claim.approve")
    assert (answer.status, answer.json["code"]) == (401, "client_unproven")


def test_a_library_of_oauth_sends_it_as_a_field(api: Any, program: Program) -> None:
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": program.assertion(),
        "scope": "class.read scan.redeem",
    }
    raw, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    answer = api().send("POST", TOKENS, None, raw=raw, headers={"Host": HOST}, content_type=kind)
    assert (answer.status, answer.json["scope"]) == (200, "class.read scan.redeem"), answer.text


def test_a_token_gives_nothing_that_its_program_has_not_got(api: Any, program: Program) -> None:
    account = find_account(program.id)
    assert account is not None
    assert account.software is not None
    wide = {"class.read", "claim.approve", "subsidy_claim.read"}
    said = {"key": account.software.keys[0].mark, "scopes": frozenset(wide)}
    token = write_token(_with(principal_of(account), **said))
    held = RequestGuard().authenticate({"authorization": f"Bearer {token}"}, b"", target=None)
    assert held.scopes == {"class.read"}


def test_a_token_of_less_changes_no_key_and_so_regains_nothing(
    world: Any, api: Any, program: Program
) -> None:
    """Whoever holds it would add a key of their own, sign in by it without a scope, and retire the true one."""
    keys = f"/v1/clients/{program.id}/keys"
    slipped_in, following = Program(kid="slipped-in", id=program.id), Program(kid="2027", id=program.id)
    version = api("institution").get(f"/v1/clients/{program.id}").json["version"]
    whole = signed_in(api, program)
    for narrow in ("class.read", " ".join(SCOPES[1:])):
        reader = signed_in(api, program, scope=narrow)
        refused = reader.post(keys, {"version": version, "public_key": slipped_in.public_key()})
        assert (refused.status, refused.json["code"]) == (403, "insufficient_scope"), refused.text
        assert "client.rotate" in refused.json["detail"]
        assert "scope" in refused.headers["WWW-Authenticate"]
    assert sign_in(api, slipped_in.assertion()).json["code"] == "client_unproven"
    added = whole.post(keys, {"version": version, "public_key": following.public_key()})
    assert [key["kid"] for key in added.json["keys"]] == [program.kid, "2027"], added.text
    reader = signed_in(api, following, scope="class.read")
    refused = reader.post(f"{keys}/{program.kid}/retire", {"version": version})
    assert (refused.status, refused.json["code"]) == (403, "insufficient_scope"), refused.text
    assert sign_in(api, program.assertion()).status == 200
    all_named = signed_in(api, following, scope=" ".join(SCOPES))
    retired = all_named.post(f"{keys}/{program.kid}/retire", {"version": version})
    assert [key["kid"] for key in retired.json["keys"]] == ["2027"], retired.text


def test_a_token_of_less_is_told_nothing_of_another_programs_keys(api: Any, program: Program) -> None:
    reader = signed_in(api, program, scope="class.read")
    body = {"version": 1, "public_key": Program().public_key()}
    assert reader.post("/v1/clients/cli_aaaaaaaaaaaa/keys", body).status == 404


def test_no_persons_token_bears_scopes(world: Any, api: Any) -> None:
    clerk = staff_principal("clerk")
    token = write_token(_with(clerk, scopes=frozenset({"class.read"}), hands=frozenset(), own=frozenset()))
    assert read_token(token)[0].scopes == {"class.read"}
    with pytest.raises(Unauthenticated):
        RequestGuard().authenticate({"authorization": f"Bearer {token}"}, b"", target=None)


def _with(principal: Principal, **facts: Any) -> Principal:
    import msgspec

    return msgspec.structs.replace(principal, **facts)
