"""Sessions whose answers were lost: nobody is signed out by it, and no token works twice for long."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.passwords import secret_digest
from chalicelib.accounts.sign_in.model import UNHEARD_FOR, successor_of
from chalicelib.accounts.sign_in.store import SessionRow, find_session, repeat_successor, rotate_session
from chalicelib.accounts.store import AccountRow, activate_account
from chalicelib.kernel.principal import Change, Role
from tests.accounts.builders import activate, ask_for, make, refresh, sign_in


def test_a_rotation_whose_answer_was_lost_signs_nobody_out(api: Any, lose_answers: Any) -> None:
    make(api, "known")
    token = sign_in(api, "known").json["refresh_token"]
    session = find_session(token.partition(".")[0])
    assert session is not None
    now = datetime.now(UTC)
    facts = {"next_hash": "next", "seed": "seed", "expires": session.expires, "now": now}
    lose_answers(1)
    assert rotate_session(session, **facts), "its own success"
    assert not rotate_session(session, **{**facts, "next_hash": "another"}), "somebody else's"
    rotated = find_session(session.id)
    assert rotated is not None
    lose_answers(1)
    assert repeat_successor(rotated), "its own success"
    assert not repeat_successor(rotated), "given out already"


def test_an_unheard_refresh_gives_the_same_successor_once(api: Any) -> None:
    make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    second, again = refresh(api, first).json, refresh(api, first).json
    assert second["refresh_token"] == again["refresh_token"]
    third = refresh(api, second["refresh_token"])
    assert third.status == 200, "the family lives on"
    assert refresh(api, first).status == 401
    assert refresh(api, third.json["refresh_token"]).status == 401, "a spent token ends it"


def test_a_refresh_sent_a_third_time_ends_the_family(api: Any) -> None:
    make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    second = refresh(api, first).json["refresh_token"]
    assert refresh(api, first).status == 200
    assert refresh(api, first).status == 401
    assert refresh(api, second).status == 401


def test_an_unheard_refresh_is_given_within_seconds_only(api: Any) -> None:
    make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    assert refresh(api, first).status == 200
    row = SessionRow.get(first.partition(".")[0])
    row.update(actions=[SessionRow.rotated_at.set(datetime.now(UTC) - UNHEARD_FOR - timedelta(seconds=1))])
    assert refresh(api, first).status == 401


def test_a_table_that_leaks_leads_to_no_token(api: Any) -> None:
    make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    second = refresh(api, first).json["refresh_token"]
    row = str(SessionRow.get(first.partition(".")[0]).serialize())
    secret = first.partition(".")[2]
    assert secret not in row
    assert second.partition(".")[2] not in row
    assert successor_of(secret, "one seed") != successor_of(secret, "another")


def test_an_activation_whose_answer_was_lost_is_activated(api: Any, lose_answers: Any) -> None:
    invited = ask_for(api, "new-clerk").json
    change = Change(
        actor="x", role=Role.CLERK, action="account.activate", request_id="r", at=datetime.now(UTC)
    )
    code_hash = secret_digest(invited["activation_code"])
    lose_answers(1)
    after = activate_account(invited["id"], password_hash="hash", code_hash=code_hash, change=change)
    assert (after.status, after.version) == ("active", 2)


def test_an_activation_may_be_sent_again_by_its_holder_for_some_minutes(api: Any) -> None:
    invited = ask_for(api, "new-clerk").json
    code = invited["activation_code"]
    assert activate(api, "new-clerk", code).status == 200
    version = AccountRow.get(account_id_of("new-clerk")).version
    assert activate(api, "new-clerk", code).status == 200
    assert activate(api, "new-clerk", code, password="another horse battery").status == 401
    assert activate(api, "new-clerk", code, assertion="none").status == 401
    row = AccountRow.get(account_id_of("new-clerk"))
    assert row.version == version, "nothing is written again"
    row.update(actions=[AccountRow.password_set_at.set(datetime.now(UTC) - timedelta(minutes=11))])
    assert activate(api, "new-clerk", code).status == 401
