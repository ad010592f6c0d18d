"""Signing in to the pages: the cookie, the token in every form, and what is kept when a sign-in runs out."""

import base64
import re
import time

import pytest

from chalicelib.accounts.access_tokens import read_token, write_token
from tests.accounts.builders import GOOD, HOME, ask_for, numbered
from tests.support.keys import card_assertion
from tests.support.pages import Visitor
from tests.support.people import staff_principal

NAME = "yemian-jingban"


@pytest.fixture
def clerk_account(api, world):
    invited = ask_for(api, NAME)
    body = {
        "account": NAME,
        "activation_code": invited.json["activation_code"],
        "password": GOOD,
        "assertion": card_assertion(numbered(NAME).id_number, numbered(NAME).name),
    }
    assert api().post("/v1/auth/activate", body, source=HOME).status == 200
    return NAME


def signed_in(api, account):
    visitor = Visitor(api)
    page = visitor.get("/console")
    return visitor, visitor.press(page, "sign_in", account=account, password=GOOD)


def test_who_signs_in_sees_the_in_tray(api, clerk_account):
    visitor, page = signed_in(api, clerk_account)
    assert page.status == 200
    assert "待办" in page.text
    assert "没有待办事项" in page.text
    assert "经办" in page.text
    assert "合肥市" in page.text
    assert visitor.get("/console/classes").status == 200


def test_the_cookie_is_for_no_script_and_no_other_site(api, clerk_account):
    visitor = Visitor(api)
    page = visitor.get("/console")
    told = page.answer.headers["Set-Cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Strict" in told
    assert "Path=/" in told


def test_a_deployed_stage_sends_the_cookie_over_tls_only(api, world, monkeypatch):
    from chalicelib.console.staff import session

    monkeypatch.setattr(session, "_OPEN_STAGES", frozenset())
    assert "; Secure" in session.Session("x", english=False).cookie()


def test_a_wrong_password_keeps_the_account_typed(api, clerk_account):
    visitor = Visitor(api)
    page = visitor.press(visitor.get("/console"), "sign_in", account=clerk_account, password="wrong wrong")
    assert page.status == 401
    assert f'value="{clerk_account}"' in page.html
    assert "账号或密码不正确" in page.text
    assert "wrong wrong" not in page.html


def test_a_form_of_another_session_is_refused(api, clerk_account):
    visitor, _ = signed_in(api, clerk_account)
    other = Visitor(api, "clerk").get("/console")
    stolen = next(value for name, value in other.form_of("sign_out").fields if name == "csrf")
    refused = visitor.post("/console", [("csrf", stolen), ("do", "sign_out")])
    assert refused.status == 403
    assert "页面已过期" in refused.text
    assert visitor.get("/console").status == 200
    assert "退出登录" in visitor.get("/console").text, "still signed in"


def test_signing_out_ends_the_session_for_good(api, clerk_account):
    visitor, page = signed_in(api, clerk_account)
    renewal = visitor.cookie.split("~")[3]
    visitor.press(page, "sign_out")
    assert "工作人员登录" in visitor.get("/console").text
    body = {"grant_type": "refresh_token", "refresh_token": renewal}
    assert api().post("/v1/auth/tokens", body).status == 401


def test_an_access_token_that_ran_out_is_renewed_unseen(api, clerk_account):
    visitor, _ = signed_in(api, clerk_account)
    visit_id, lang, _, renewal = visitor.cookie.split("~")
    visitor.cookie = f"{visit_id}~{lang}~stale.token.here~{renewal}"
    page = visitor.get("/console/classes")
    assert page.status == 200
    assert "班级" in page.text
    assert visitor.cookie.split("~")[3] != renewal, "the refresh token was traded"


CLASS_PAGE = "/console/classes/cls_any"
TYPED = [("do", "class.return"), ("at_id", "cls_any"), ("reason", "课程表缺少实操教师"), ("version", "3")]


def ran_out(api, account):
    """Give a visitor whose sign-in ran out under a form that was drawn before, and that form's token."""
    visitor, page = signed_in(api, account)
    token = dict(page.form_of("sign_out").fields)["csrf"]
    elsewhere = Visitor(api)
    elsewhere.cookie = visitor.cookie
    elsewhere.press(page, "sign_out")
    visit_id, lang, access, renewal = visitor.cookie.split("~")
    stale = write_token(read_token(access)[0], lifetime_seconds=-600)
    visitor.cookie = f"{visit_id}~{lang}~{stale}~{renewal}"
    return visitor, token


def test_what_was_typed_outlives_a_sign_in_that_ran_out(api, clerk_account):
    visitor, token = ran_out(api, clerk_account)
    page = visitor.post(CLASS_PAGE, [("csrf", token), *TYPED])
    assert page.status == 401
    assert "已保留" in page.text
    again = visitor.press(page, "sign_in", account=clerk_account, password=GOOD)
    assert again.status == 404, "there is no such class to put it back into"
    assert "课程表缺少实操教师" in again.text, "and it is not lost all the same"
    assert "class.return" not in again.decisions
    assert "待办" in visitor.get("/console").text, "signed in"


@pytest.mark.parametrize("token", ["", "old"])
def test_what_another_sites_page_sends_is_not_kept_over_a_sign_in(api, clerk_account, token):
    visitor, _ = ran_out(api, clerk_account)
    page = visitor.post(CLASS_PAGE, [("csrf", token), *TYPED])
    assert page.status == 401
    assert "课程表缺少实操教师" not in page.html
    again = visitor.press(page, "sign_in", account=clerk_account, password=GOOD)
    assert "class.return" not in again.decisions


@pytest.mark.parametrize("do", ["class.return", "sign_in", "sign_out"])
def test_a_form_that_comes_without_the_cookie_brings_no_session_and_keeps_nothing(api, clerk_account, do):
    """Another site's page may send a form, but never the cookie: an answer with one would end the session."""
    stranger = Visitor(api)
    forged = [("csrf", ""), ("kept", '{"do": ["class.return"], "reason": ["x"]}'), *TYPED, ("do", do)]
    page = stranger.post(CLASS_PAGE, forged)
    assert "Set-Cookie" not in page.answer.headers
    assert "课程表缺少实操教师" not in page.html
    assert dict(page.form_of("sign_in").fields)["kept"] == ""


@pytest.mark.parametrize(("who", "do"), [("supervisor", "case.take"), ("finance", "hold.place")])
def test_who_was_switched_off_decides_nothing_more_on_the_pages(api, world, who, do):
    from chalicelib.accounts.store import AccountRow

    visitor = Visitor(api, who)
    page = visitor.get("/console/holds")
    assert page.status == 200, "the account is known to stand, and is believed for half a minute"
    token = dict(page.form_of("sign_out").fields)["csrf"]
    row = AccountRow.get(staff_principal(who).actor)
    row.update(actions=[AccountRow.status.set("disabled")])
    sent = visitor.post("/console/holds", [("csrf", token), ("do", do), ("reason", "停止支付")])
    assert sent.status == 401
    assert "工作人员登录" in sent.text


def test_the_language_is_kept(api, clerk_account):
    visitor, _ = signed_in(api, clerk_account)
    assert "In-tray" in visitor.get("/console", lang="en").text
    assert "In-tray" in visitor.get("/console").text


@pytest.mark.parametrize("path", ["/console", "/console/classes", "/console/money", "/console/nothing"])
def test_pages_are_strict_and_load_nothing_from_outside(api, world, path):
    page = Visitor(api, "finance").get(path)
    policy = page.answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    for link in re.findall(r'(?:src|href|action)="([^"]+)"', page.html):
        assert not re.match(r"(https?:)?//|/", link), link
    assert "<style" not in page.html
    assert not re.search(r"\sstyle=", page.html)
    assert not re.search(r"<script(?![^>]*src=)", page.html)
    assert not re.search(r"\son\w+=", page.html)


def test_a_page_that_is_not_there_says_so(api, world):
    page = Visitor(api, "clerk").get("/console/nothing")
    assert page.status == 404
    assert "返回待办" in page.text


def test_an_account_is_activated_on_the_page_by_its_persons_card(api, world):
    invited = ask_for(api, NAME)
    visitor = Visitor(api)
    page = visitor.get("/console")
    typed = {
        "account": NAME,
        "activation_code": invited.json["activation_code"],
        "password": GOOD,
        "assertion": card_assertion(numbered("other").id_number, numbered("other").name),
    }
    refused = visitor.press(page, "activate", **typed)
    assert refused.status == 401
    assert invited.json["activation_code"] in refused.html
    assert GOOD not in refused.html
    own = card_assertion(numbered(NAME).id_number, numbered(NAME).name)
    done = visitor.press(refused, "activate", password=GOOD, assertion=own)
    assert done.status == 200, done.text
    assert "激活账号" in done.text
    assert "待办" in visitor.press(done, "sign_in", account=NAME, password=GOOD).text


def test_who_has_a_second_factor_types_its_code(api, clerk_account):
    from chalicelib.accounts.sign_in.one_time_codes import new_totp

    own = card_assertion(numbered(NAME).id_number, numbered(NAME).name)
    asked = {"account": NAME, "password": GOOD, "assertion": own}
    offer = api().post("/v1/auth/totp", asked, source=HOME)
    assert offer.status == 200, offer.text
    totp = new_totp(base64.b32decode(offer.json["secret"]))
    code = totp.generate(int(time.time())).decode()
    confirmed = {"account": NAME, "password": GOOD, "totp": code}
    assert api().post("/v1/auth/totp/confirm", confirmed, source=HOME).status == 200
    visitor = Visitor(api)
    page = visitor.get("/console")
    bare = visitor.press(page, "sign_in", account=NAME, password=GOOD)
    assert bare.status == 401
    later = totp.generate(int(time.time()) + 30).decode()
    assert "待办" in visitor.press(bare, "sign_in", password=GOOD, totp=f"{later[:3]} {later[3:]}").text
