"""What is typed outlives a sign-in that ran out: put back into the very page, for its writer, and not sent."""

import hashlib
import re
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.accounts.access_tokens import write_token
from chalicelib.accounts.sign_in.service import REFRESH_VALIDITY
from chalicelib.console.staff.keeping import UNSENT
from chalicelib.console.staff.session import Session
from chalicelib.edge.pages import Asker
from chalicelib.kernel.reasons import error
from tests.console.staff.test_every_page import ROLES, busy, paths_of  # noqa: F401 - the fixture
from tests.subsidies.scored import Money, scored_class
from tests.support.pages import Form, PageView, Visitor
from tests.support.people import HEFEI_SCHOOL, staff_principal

NOT_TYPED = {"csrf", "form", "form_key", "then", "version", "seen_status"}
OWN_PLACES = ("desk.repeat", "sign_out", "scan.look", "scan.redeem")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let anybody of staff sign in by their role's name; no refresh token is good any more."""
    ask = Asker.ask

    def asked(self: Asker, method: str, path: str, **more: Any) -> Any:
        if path != "/v1/auth/tokens":
            return ask(self, method, path, **more)
        if more["body"]["grant_type"] != "password":
            raise error("unauthenticated")
        who = more["body"]["account"]
        return SimpleNamespace(
            access_token=write_token(staff_principal(who)), refresh_token=f"ses_new{who}.x"
        )

    monkeypatch.setattr(Asker, "ask", asked)


def run_out(visitor: Visitor, who: str) -> None:
    visit_id, lang, _, renewal = visitor.cookie.split("~")
    stale = write_token(staff_principal(who), lifetime_seconds=-600)
    visitor.cookie = f"{visit_id}~{lang}~{stale}~{renewal}"


def sign_in(visitor: Visitor, page: PageView, who: str) -> PageView:
    assert page.status == 401, page.text[:300]
    return visitor.press(page, "sign_in", account=who, password="any will do")


def filled(form: Form) -> dict[str, list[str]]:
    """Type something into every field that is empty, each time something else."""
    typed: dict[str, list[str]] = {}
    for place, (name, value) in enumerate(form.fields):
        if name not in NOT_TYPED:
            typed.setdefault(name, []).append(value or f"typed{place}")
    return typed


def lost(page: PageView, form: Form, do: str, typed: dict[str, list[str]]) -> list[tuple[str, str]]:
    known = dict(form.fields).get("form")
    again = [one for one in page.forms if do in one.buttons and dict(one.fields).get("form") == known]
    found = {pair for one in again for pair in one.fields}
    wanted = [(name, value) for name, values in typed.items() for value in values if name not in UNSENT]
    return [pair for pair in wanted if pair not in found]


@pytest.mark.parametrize("role", ROLES)
def test_every_form_that_is_kept_comes_back_whole_on_its_own_page(
    api: Any,
    world: Any,
    busy: Any,  # noqa: F811
    gate: None,
    role: str,
) -> None:
    tried = set()
    for path in paths_of(busy):
        page = Visitor(api, role, at=world.now).get(path)
        for form in page.forms:
            do = next(iter(form.buttons), "")
            kind = (do, path.rpartition("/")[0])
            typed = filled(form)
            if (
                not do
                or do.startswith(("template.", "phones."))
                or do in OWN_PLACES
                or kind in tried
                or not typed
            ):
                continue
            tried.add(kind)
            visitor = Visitor(api, role, at=world.now)
            drawn = visitor.get(path)
            run_out(visitor, role)
            asked = visitor.send(drawn, form, do, **typed)
            again = sign_in(visitor, asked, role)
            assert again.status == 200, (path, do, again.text[:300])
            assert "尚未提交" in again.text, (path, do)
            assert "已提交" not in again.text.replace("于已提交", ""), (path, do)
            assert lost(again, form, do, typed) == [], (path, do)
            assert again.text.count("待办") >= 1
            assert len(again.links) >= len(drawn.links) - 1, "the navigation is that of who signed in"
            for name in typed:
                assert "_" not in name or name not in again.text, (path, do, name)
    assert tried, role


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def test_a_bulk_decision_shows_what_is_about_to_be_sent_and_sends_nothing(
    world: Any, money: Money, gate: None
) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get("/console", kind="subsidy_claim")
    pick = re.search(rf'value="({claim["id"]}[^"]+)"', page.html)
    assert pick
    run_out(clerk, "clerk")
    again = sign_in(clerk, clerk.press(page, "bulk.return", pick=[pick[1]], reason="缺发票"), "clerk")
    assert "尚未提交" in again.text
    assert "退回申领" in again.text
    assert claim["id"] not in again.text, "people see its name"
    assert re.search(rf'value="{re.escape(pick[1])}"[^>]* checked', again.html), "ticked as it was"
    assert money.read(claim)["status"] == "submitted"
    done = clerk.press(again, "bulk.return", pick=[pick[1]])
    assert "已办理 1 件" in done.text
    assert money.read(claim)["status"] == "returned"


def test_a_claim_keeps_its_ticks_and_the_reason_for_them(world: Any, money: Money, gate: None) -> None:
    claim = money.claim(scored_class(world, 2))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    out = re.findall(r'name="drop" value="([^"]+)"', page.html)
    run_out(clerk, "clerk")
    sent = clerk.press(page, "claim.review", drop=out[:1], drop_reason="课时不实")
    again = sign_in(clerk, sent, "clerk")
    assert "初审通过" in again.text
    assert again.html.count(" checked") == 1
    assert ("drop_reason", "课时不实") in again.form_of("claim.review").fields
    assert "drop_reason" not in again.text
    assert clerk.press(again, "claim.review").status == 200
    assert [line["status"] for line in money.read(claim)["lines"]].count("rejected") == 1


def test_what_another_decided_meanwhile_is_told_by_its_name(world: Any, money: Money, gate: None) -> None:
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get("/console", kind="subsidy_claim")
    picks = re.findall(r'name="pick" value="([^"]+)"', page.html)
    money.ok(money.decide("clerk_two", claims[0], "return", reason="缺发票"))
    run_out(clerk, "clerk")
    again = sign_in(clerk, clerk.press(page, "bulk.review", pick=picks, reason="核对无误"), "clerk")
    gone = re.search(r'id="gone".*?</div>', again.html, re.DOTALL)
    assert gone
    assert "clm_" not in gone[0]
    assert again.html.count(" checked") == 1


def test_two_windows_name_what_one_of_them_decided_and_keep_the_reason(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get("/console", kind="subsidy_claim")
    pick = re.findall(r'name="pick" value="([^"]+)"', page.html)
    money.ok(money.decide("clerk_two", claim, "return", reason="缺发票"))
    refused = clerk.press(page, "bulk.return", pick=pick, reason="金额与发票不符")
    assert "未办理 1" in refused.text
    assert pick[0].split("|")[2] in refused.text
    assert "clm_" not in refused.text
    assert "金额与发票不符" in refused.text, "nothing typed is lost, though nothing is left to decide"


def test_a_used_reason_stands_in_no_field_again(world: Any, money: Money) -> None:
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get("/console", kind="subsidy_claim")
    pick = re.search(rf'value="({claims[0]["id"]}[^"]+)"', page.html)
    assert pick
    done = clerk.press(page, "bulk.return", pick=[pick[1]], reason="缺发票")
    assert ("reason", "") in done.form_of("bulk.return").fields
    assert 'id="done"' in done.html, "by which the page's script forgets the draft"


def test_the_cookie_outlives_the_refresh_token() -> None:
    age = re.search(r"Max-Age=(\d+)", Session("x", english=False).cookie())
    assert age
    assert int(age[1]) > 9 * 24 * 3600 > REFRESH_VALIDITY.total_seconds(), "longer than the longest holiday"


def test_a_form_is_known_after_another_tab_found_the_sign_in_run_out(
    world: Any, money: Money, gate: None
) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    run_out(clerk, "clerk")
    assert "工作人员登录" in clerk.get("/console").text
    asked = clerk.press(page, "claim.return", words="发票抬头不符")
    assert "已保留" in asked.text
    assert "发票抬头不符" in sign_in(clerk, asked, "clerk").form_of("claim.return").fields[-1][1]


def test_what_one_typed_is_not_kept_for_another(world: Any, money: Money, gate: None) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    run_out(clerk, "clerk")
    again = sign_in(clerk, clerk.press(page, "claim.return", words="发票抬头不符"), "reviewer")
    assert again.status == 200
    assert "由另一账号填写" in again.text
    assert "发票抬头不符" not in again.html


def test_every_decision_of_every_page_has_its_word(api: Any, world: Any, busy: Any) -> None:  # noqa: F811
    from chalicelib.console.staff.keeping import Kept
    from chalicelib.console.staff.rendering import Page

    unsaid = set()
    for role in ROLES:
        visitor = Visitor(api, role, at=world.now)
        for path in [*paths_of(busy), "/console?kind=subsidy_claim", "/console?kind=objection"]:
            for do in visitor.get(path).decisions:
                page = Page(None, Session("x", english=False), kept=Kept("a", {"do": [do]}))  # type: ignore[arg-type]
                if not page.kept_label():
                    unsaid.add(do)
    quiet = {"template.institutions", "template.projects", "template.roster", "template.scores"}
    quiet |= {"phones.masked", "phones.opened", "policy.check", "desk.repeat", "sign_out", ""}
    assert unsaid <= quiet, "they change nothing, and need no word"


def test_the_account_that_was_to_be_added_comes_back_and_an_id_number_is_asked_for_again(
    world: Any, money: Money, gate: None
) -> None:
    """The name of a new account was lost to the field of the sign-in form that is called the same."""
    province = Visitor(money.api, "province", at=money.now)
    page = province.get("/console/accounts")
    run_out(province, "province")
    number = "340102199001011234"
    typed = {"account": "xin-jingban", "name": "李新", "id_number": number, "division": "3401"}
    asked = province.press(page, "new.account", **typed)
    assert "身份证号和账号不予保留" in asked.text
    assert number not in asked.html
    assert dict(asked.form_of("sign_in").fields)["account"] == "", "that is who signs in, not who is added"
    assert dict(asked.form_of("activate").fields)["account"] == ""
    again = sign_in(province, asked, "province")
    back = dict(again.form_of("new.account").fields)
    assert (back["account"], back["name"], back["id_number"]) == ("xin-jingban", "李新", "")
    assert "身份证号和账号没有保留，请重新填写" in again.text


def test_the_number_of_an_account_is_kept_in_no_page_and_suggested_by_no_browser(
    world: Any, money: Money, gate: None
) -> None:
    """What finance typed from the paper stood whole in the source of the sign-in page."""
    number = "34010021000000017"
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/institutions/{HEFEI_SCHOOL}")
    assert re.search(r'<input[^>]* name="number"[^>]* autocomplete="off"', page.html)
    run_out(clerk, "clerk")
    typed = {"holder": "合肥学校", "bank": "工商银行", "number": number, "reason": "变更"}
    asked = clerk.press(page, "new.payee", **typed)
    assert "身份证号和账号不予保留" in asked.text
    assert number not in asked.html
    again = sign_in(clerk, asked, "clerk")
    assert number not in again.html
    assert "变更" in again.html


def test_nothing_is_said_of_an_id_number_where_none_was_typed(world: Any, money: Money, gate: None) -> None:
    province = Visitor(money.api, "province", at=money.now)
    page = province.get("/console/accounts")
    run_out(province, "province")
    asked = province.press(page, "new.account", account="xin-jingban", id_number=" ")
    assert "身份证号和账号不予保留" not in asked.text
    assert "身份证号和账号没有保留" not in sign_in(province, asked, "province").text


def two_tabs_asked_to_sign_in(
    money: Money, claims: list[Any], who: str = "clerk"
) -> tuple[Visitor, list[PageView]]:
    clerk = Visitor(money.api, who, at=money.now)
    pages = [clerk.get(f"/console/claims/{claim['id']}") for claim in claims]
    run_out(clerk, who)
    reasons = ("发票抬头不符", "课时不实")
    asked = [
        clerk.press(page, "claim.return", words=reason) for page, reason in zip(pages, reasons, strict=True)
    ]
    return clerk, asked


def test_the_second_of_two_tabs_gets_its_words_back_after_the_first_signed_in(
    world: Any, money: Money, gate: None
) -> None:
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    clerk, (first, second) = two_tabs_asked_to_sign_in(money, claims)
    assert "发票抬头不符" in sign_in(clerk, first, "clerk").form_of("claim.return").fields[-1][1]
    again = sign_in(clerk, second, "clerk")
    assert again.status == 200
    assert "尚未提交" in again.text
    assert ("words", "课时不实") in again.form_of("claim.return").fields
    assert [money.read(claim)["status"] for claim in claims] == ["submitted", "submitted"], "nothing was sent"
    done = clerk.press(again, "claim.return")
    assert "已办理" in done.text
    assert [money.read(claim)["status"] for claim in claims] == ["submitted", "returned"]


def test_the_second_tab_gives_its_words_to_nobody_else_and_keeps_them_for_its_writer(
    world: Any, money: Money, gate: None
) -> None:
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    clerk, (first, second) = two_tabs_asked_to_sign_in(money, claims)
    other = sign_in(clerk, first, "reviewer")
    assert "发票抬头不符" not in other.html
    asked = sign_in(clerk, second, "clerk")
    assert "claim.return" not in asked.decisions
    assert "课时不实" not in asked.text
    again = clerk.press(asked, "sign_in", account="clerk", password="any will do")
    assert ("words", "课时不实") in again.form_of("claim.return").fields, "this tab was theirs"


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("forged", ["changed", "unsigned", "another's signature", "none"])
def test_what_is_kept_and_was_not_signed_here_is_neither_put_back_nor_passed_on(
    world: Any,
    money: Money,
    gate: None,
    forged: str,
    signed_in: bool,
) -> None:
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    clerk, (first, second) = two_tabs_asked_to_sign_in(money, claims)
    good = dict(second.form_of("sign_in").fields)["kept"]
    signature, _, text = good.partition("{")
    theirs = {
        "changed": good.replace("课时不实", "同意支付"),
        "unsigned": "{" + text.replace("课时不实", "同意支付"),
        "another's signature": dict(first.form_of("sign_in").fields)["kept"].partition("{")[0] + "{" + text,
        "none": signature,
    }[forged]
    if signed_in:
        sign_in(clerk, first, "clerk")
        page = clerk.press(second, "sign_in", account="clerk", password="any will do", kept=theirs)
    else:
        fields = {"account": "clerk", "password": "", "kept": theirs, "csrf": "old"}
        page = clerk.press(second, "sign_in", **fields)
    assert dict(page.form_of("sign_in").fields)["kept"] == ""
    for word in ("同意支付", "课时不实"):
        assert word not in page.html
    assert "claim.return" not in page.decisions


def test_what_is_kept_and_was_not_signed_here_is_not_put_back_after_signing_in(
    world: Any, money: Money, gate: None
) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    run_out(clerk, "clerk")
    asked = clerk.press(page, "claim.return", words="发票抬头不符")
    good = dict(asked.form_of("sign_in").fields)["kept"]
    theirs = good.replace("发票抬头不符", "同意支付")
    again = clerk.press(asked, "sign_in", account="clerk", password="any will do", kept=theirs)
    assert again.status == 200
    assert "同意支付" not in again.html
    assert "尚未提交" not in again.text


# --------------------------------------------------------------------------- a form of another session


def test_a_form_that_was_drawn_for_another_comes_back_empty(world: Any, money: Money, gate: None) -> None:
    """At a shared machine the next person got the reason and ticks of the one before, ready to be sent."""
    claim = money.claim(scored_class(world, 2))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    out = re.findall(r'name="drop" value="([^"]+)"', page.html)
    clerk.cookie = Visitor(money.api, "clerk_two").cookie
    stale = clerk.press(page, "claim.review", words="只有经办一写的", drop=out[:1], drop_reason="课时不实")
    assert stale.status == 403
    assert "页面已过期" in stale.text
    assert "由另一账号填写" in stale.text
    assert "claim.review" in stale.decisions, "they may decide, by their own words"
    for word in ("只有经办一写的", "课时不实"):
        assert word not in stale.html
    assert " checked" not in stale.html
    assert money.read(claim)["status"] == "submitted"


def test_a_form_of_ones_own_comes_back_as_it_was_typed_after_another_tab_signed_in_again(
    world: Any, money: Money, gate: None
) -> None:
    claim = money.claim(scored_class(world, 2))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    out = re.findall(r'name="drop" value="([^"]+)"', page.html)
    run_out(clerk, "clerk")
    clerk.press(clerk.get("/console"), "sign_in", account="clerk", password="any will do")
    stale = clerk.press(page, "claim.review", words="自己写的", drop=out[:1], drop_reason="课时不实")
    assert stale.status == 403
    assert "由另一账号填写" not in stale.text
    assert "自己写的" in stale.html
    assert stale.html.count(" checked") == 1
    assert money.read(claim)["status"] == "submitted", "it is not sent by that"
    assert clerk.press(stale, "claim.review").status == 200


@pytest.mark.parametrize("token", ["", "old", "_", "x_" + "0" * 32])
def test_a_form_without_the_mark_of_its_writer_comes_back_empty(world: Any, money: Money, token: str) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = Visitor(money.api, "clerk", at=money.now)
    page = clerk.get(f"/console/claims/{claim['id']}")
    stale = clerk.press(page, "claim.return", words="别的网站写的", csrf=token)
    assert stale.status == 403
    assert "别的网站写的" not in stale.html


def test_every_form_carries_a_mark_of_its_writer_that_names_nobody(
    api: Any,
    world: Any,
    busy: Any,  # noqa: F811 - the fixture
) -> None:
    marks: dict[str, set[str]] = {}
    for who in ("clerk", "clerk_two", "institution"):
        actor = staff_principal(who).actor
        visitor = Visitor(api, who, at=world.now)
        for path in paths_of(busy):
            page = visitor.get(path)
            for form in page.forms:
                fields = dict(form.fields)
                if "csrf" not in fields:
                    assert not set(form.buttons) - {""}, (path, form)
                    continue
                marks.setdefault(who, set()).add(fields["csrf"].partition("_")[2])
            assert not re.search(r'data-csrf="(?!\w{64}_\w{32}")', page.html), path
        (mark,) = marks[who]
        assert re.fullmatch("[0-9a-f]{32}", mark)
        assert actor not in mark
        assert mark not in hashlib.sha256(actor.encode()).hexdigest(), "nobody can reckon it from the id"
    assert len(set.union(*marks.values())) == len(marks)
