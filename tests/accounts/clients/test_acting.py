"""What a program may do: what it was given of what its role may now, for a person whom it names."""

from typing import Any

import pytest

from chalicelib.accounts import rights
from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC
from chalicelib.kernel.principal import BUREAU_ROLES, Role
from tests.accounts.clients.builders import Program, confirmed, sign_in, signed_in
from tests.classes.builders import application
from tests.support.people import HEFEI_SCHOOL, staff_principal


@pytest.fixture
def software(world: Any, api: Any) -> Any:
    program = Program()
    confirmed(api, program)
    staff_principal("institution")
    return signed_in(api, program)


def test_it_files_a_class_for_a_person_and_the_audit_tells_both(
    world: Any, api: Any, software: Any, emulator: Any
) -> None:
    from chalicelib.classes.store import ClassRow

    filed = software.post("/v1/classes", application(world), by="institution", at=world.now)
    assert filed.status == 201, filed.text
    assert filed.json["allowed_actions"] == ["edit", "submit"], "what it was given, of what may be done"
    changes = [row.last_change for row in emulator.rows(ClassRow)]
    change = next(change for change in changes if change.actor.startswith("cli_"))
    me = software.get("/v1/me").json
    assert me["actor"].startswith("cli_")
    assert me["scopes"] == sorted(
        ["class.read", "class.write", "class.submit", "roster.write", "scan.redeem", "enrolment.read"]
    )
    assert (change.actor, change.on_behalf_of, change.role) == (
        me["actor"],
        account_id_of("institution"),
        "institution",
    )


def test_the_chain_keeps_who_it_was_done_for_and_holds(world: Any, api: Any) -> None:
    from chalicelib.kernel.principal import Change, system_context
    from chalicelib.supervision.audit import jobs
    from tests.support.streams import stream_event, voucher_changes

    context = system_context("test", now=world.now, request_id="req_test")
    changes = voucher_changes(versions=2)
    jobs.record_audit(stream_event(*changes), context)
    from chalicelib.supervision.audit.model import AuditRecord, digest_of

    plain = AuditRecord(
        subject="cls_a", entry="1", chain="3401", seq=1, table="classes", division="3401", at=world.now,
        actor="acc_a", role="institution", action="class.submit", request_id="req_a",
    )  # fmt: skip
    import msgspec

    named = msgspec.structs.replace(plain, on_behalf_of="acc_b")
    assert digest_of(named, "") != digest_of(plain, "")
    assert digest_of(named, "") != digest_of(msgspec.structs.replace(plain, on_behalf_of="acc_c"), "")
    assert Change(actor="a", role=Role.SYSTEM, action="x", request_id="r", at=world.now).on_behalf_of is None


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (None, "person_missing"),
        ("nobody-here", "person_unknown"),
        ("institution_two", "person_unknown"),
        ("clerk", "person_unknown"),
        ("software:cli_x", "person_unknown"),
        ("张三", "person_unknown"),
    ],
)
def test_what_it_changes_it_changes_for_one_of_its_institutions_staff(
    world: Any, api: Any, software: Any, by: str | None, code: str
) -> None:
    for other in ("institution_two", "clerk"):
        staff_principal(other)
    answer = software.post(
        "/v1/classes", application(world), by=by and by.encode().decode("latin-1"), at=world.now
    )
    assert answer.status == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json["errors"]] == [("X-On-Behalf-Of", code)]


def test_a_person_who_left_is_named_no_more(world: Any, api: Any, software: Any) -> None:
    account = account_id_of("institution")
    off = api("clerk").post(f"/v1/accounts/{account}/disable", {"version": 1, "reason": "离职"})
    assert off.status == 200, off.text
    answer = software.post("/v1/classes", application(world), by="institution", at=world.now)
    assert answer.json["errors"][0]["code"] == "person_unknown"


def test_what_it_was_not_given_it_may_not_do_and_the_attempt_is_kept(
    world: Any, api: Any, software: Any
) -> None:
    from chalicelib.accounts.refusals.store import RefusedAttemptRow

    for method, path, body, code in (
        ("GET", "/v1/statements?institution=" + HEFEI_SCHOOL, None, "insufficient_scope"),
        ("POST", "/v1/classes/cls_x/completion/submit", {"version": 1}, "insufficient_scope"),
        ("POST", "/v1/clients", Program(name="又一个").wish(), "forbidden"),
        ("GET", "/v1/clients", None, "forbidden"),
        ("POST", "/v1/classes/cls_x/approve", {"version": 1}, "forbidden"),
    ):
        answer = software.send(method, path, body, by="institution")
        assert (answer.status, answer.json["code"]) == (403, code), path
        assert ("WWW-Authenticate" in answer.headers) is (code == "insufficient_scope"), path
    me = software.get("/v1/me").json["actor"]
    kept = [row.record for row in RefusedAttemptRow.scan()]
    assert len([attempt for attempt in kept if attempt.last_change.actor == me]) >= 3


def test_it_loses_what_its_institution_loses(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    version = api("clerk").get(path).json["version"]
    assert api("clerk").post(f"{path}/suspend", {"version": version, "reason": "核查"}).status == 200
    none = sign_in(api, program.assertion())
    assert (none.status, none.json["code"]) == (409, "institution_suspended")
    forget_statuses()
    assert software.get("/v1/classes").status == 401
    back = api("clerk").post(f"{path}/reinstate", {"version": version + 1, "reason": "无误"})
    assert back.status == 200
    forget_statuses()
    assert software.get("/v1/classes").status == 200
    assert sign_in(api, program.assertion()).status == 200


def test_it_goes_where_its_institution_goes(world: Any, api: Any) -> None:
    from chalicelib.accounts.service import take_along
    from chalicelib.kernel.principal import system_context

    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    context = system_context("test", now=world.now, request_id="req_test")
    take_along(context, HEFEI_SCHOOL, "340104")
    forget_statuses()
    assert software.get("/v1/classes").status == 401, "its token says where it was"
    assert signed_in(api, program).get("/v1/me").json["division"] == "340104"


def test_a_bureaus_program_reads_and_changes_nothing(world: Any, api: Any) -> None:
    program = Program(name="部门大屏")
    wish = api("clerk").post("/v1/clients", program.wish(["class.read", "waiting.read"]))
    program.id = wish.json["id"]
    assert api("supervisor").post(f"/v1/clients/{program.id}/confirm", {"version": 1}).status == 200
    software = signed_in(api, program)
    assert software.get("/v1/classes").status == 200
    waiting = software.get("/v1/waiting").json
    assert [item["allowed_actions"] for item in waiting["items"]] == [[]] * len(waiting["items"])
    staff_principal("clerk")
    assert software.post("/v1/classes/cls_x/approve", {"version": 1}, by="clerk").status == 403


def test_no_scope_of_a_program_is_a_decision() -> None:
    """By the endpoints' table: what a bureau's program can be given only reads; a school's is its school's."""
    methods: dict[str, set[str]] = {}
    for endpoint in ENDPOINTS:
        if endpoint.action != PUBLIC:
            methods.setdefault(endpoint.action, set()).add(endpoint.method)
    for role in BUREAU_ROLES:
        given = {action for action in rights.RIGHTS if rights.may_be_softwares(role, action)}
        assert given, role
        assert {action: methods[action] for action in given if methods.get(action, {"GET"}) != {"GET"}} == {}
    schools = {action for action in rights.RIGHTS if rights.may_be_softwares(Role.INSTITUTION, action)}
    deciding = (
        "approve",
        "confirm",
        "decide",
        "refuse",
        "reject",
        "review",
        "resolve",
        "release_hold",
        "correct",
        "seal",
    )
    assert {action for action in schools if action.partition(".")[2].startswith(deciding)} == set()
    assert not {
        action for action in schools if action.startswith(("account.", "client.", "payee.p", "settlement"))
    }


def test_keys_are_rotated_by_the_program_itself_without_a_gap(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    path = f"/v1/clients/{program.id}/keys"
    following = Program(name=program.name, kid="2027-spring", id=program.id)
    version = api("institution").get(f"/v1/clients/{program.id}").json["version"]
    body = {"version": version, "public_key": following.public_key()}
    slipped_in = api("institution").post(path, body)
    assert (slipped_in.status, slipped_in.json["code"]) == (403, "forbidden"), "no person slips a key in"
    assert api("institution").post(f"{path}/{program.kid}/retire", {"version": version}).status == 403
    other = Program(name="另一个")
    confirmed(api, other)
    assert signed_in(api, other).post(path, body).status == 404, "nor another program"
    added = software.post(path, body)
    assert (added.status, [key["kid"] for key in added.json["keys"]]) == (200, ["2026-autumn", "2027-spring"])
    assert sign_in(api, program.assertion()).status == sign_in(api, following.assertion()).status == 200
    third = Program(kid="third").public_key()
    full = software.post(path, {"version": added.json["version"], "public_key": third})
    assert full.json["code"] == "keys_full"
    same = software.post(path, {"version": added.json["version"], "public_key": program.public_key()})
    assert same.json["code"] == "keys_full", "of two reasons the one that stands before in the table"
    retiring = {"version": added.json["version"]}
    own = software.post(f"{path}/{program.kid}/retire", retiring)
    assert (own.status, own.json["code"]) == (409, "key_in_use")
    later = signed_in(api, following)
    retired = later.post(f"{path}/{program.kid}/retire", retiring)
    assert [key["kid"] for key in retired.json["keys"]] == ["2027-spring"], retired.text
    assert sign_in(api, program.assertion()).status == 401
    last = later.post(f"{path}/2027-spring/retire", {"version": retired.json["version"]})
    assert (last.status, last.json["code"]) == (409, "key_in_use"), "so there is always one"
    twice = later.post(
        path, {"version": retired.json["version"], "public_key": following.public_key() | {"kid": "x"}}
    )
    assert twice.json["code"] == "already_exists", "the same numbers under another name"


def test_a_token_ends_with_the_key_that_it_was_got_by(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    old = signed_in(api, program)
    path = f"/v1/clients/{program.id}/keys"
    version = api("institution").get(f"/v1/clients/{program.id}").json["version"]
    following = Program(kid="next", id=program.id)
    added = old.post(path, {"version": version, "public_key": following.public_key()})
    assert added.status == 200, added.text
    new = signed_in(api, following)
    retired = new.post(f"{path}/{program.kid}/retire", {"version": added.json["version"]})
    assert retired.status == 200, retired.text
    forget_statuses()
    assert (old.get("/v1/me").status, new.get("/v1/me").status) == (401, 200)
    same_name = Program(kid=program.kid, id=program.id)
    again = new.post(path, {"version": retired.json["version"], "public_key": same_name.public_key()})
    assert again.status == 200, again.text
    forget_statuses()
    assert old.get("/v1/me").status == 401, "a name does not bring a key back"
