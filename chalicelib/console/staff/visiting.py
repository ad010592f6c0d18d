"""One visit of a page: who looks, what their form says, and what they see of it.

A form is sent to the page it stands on. What is done is told by the page one is sent to; what is refused is
told on the same page, drawn anew, with everything that was typed.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from chalicelib.accounts.sign_in.service import sign_out
from chalicelib.console.staff import keeping
from chalicelib.console.staff.deciding import carry_out
from chalicelib.console.staff.rendering import Page, broken
from chalicelib.console.staff.session import CSRF_FIELD, CSRF_HEADER, Session
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import error

Show = Callable[[Page], Reply]
Act = Callable[[Page, str], Reply | None]
"""A page's own way to carry something out; None where it is a decision like all others."""
_FROM_NOWHERE: Final = frozenset({"sign_in", "activate"})
"""What is sent by who is not signed in yet."""
_OWN_PAGE: Final = re.compile(r"[a-z_]+(/[A-Za-z0-9_-]+){0,2}")


def refused(visit: Visit, failure: DomainError | None) -> Reply:
    """Draw a refusal that no page could tell on itself; None is a failure of ours."""
    session = Session.of(visit)
    page = Page(visit, session)
    if failure is None:
        page.problem = broken(visit, session.english)
    else:
        page.refuse(failure)
    return page.draw("refused", page.problem.title if page.problem is not None else "")


def visited(
    visit: Visit,
    show: Show,
    act: Act | None = None,
    *,
    shown_once: frozenset[str] = frozenset(),
    for_everybody: bool = False,
) -> Reply:
    """Show a page to who is signed in, or to everybody, and carry out what its forms say.

    `shown_once` names decisions whose answer is drawn at once, because it stands nowhere afterwards.
    """
    page = Page(visit, Session.of(visit))
    if visit.method == "POST":
        return _sent(page, show, act, shown_once, for_everybody=for_everybody)
    if page.session.principal is None and not for_everybody:
        return _sign_in_page(page)
    page.done = visit.parameters.get("done", "")
    return show(page)


def _sign_in_page(page: Page, *, kept: str = "", stale: bool = False) -> Reply:
    """Draw the form for signing in, with what is kept in it if that was written here.

    The account in it is one that was typed there, not the field of another form by that name.
    """
    known = keeping.read(kept)
    return page.draw(
        "sign_in",
        page.say("登录", "Sign in"),
        kept=kept if known is not None else "",
        retyped=known is not None and known.retyped,
        stale=stale,
        account=page.visit.typed("account") if page.visit.typed("do") in _FROM_NOWHERE else "",
    )


def _sent(
    page: Page, show: Show, act: Act | None, shown_once: frozenset[str], *, for_everybody: bool
) -> Reply:
    visit, session = page.visit, page.session
    token = visit.typed(CSRF_FIELD) or visit.headers.get(CSRF_HEADER, "")
    do = visit.typed("do") or visit.parameters.get("do", "")
    if session.principal is None and do not in _FROM_NOWHERE and not for_everybody:
        return _ask_to_sign_in(page, keeps=session.drew(token))
    if not session.owns(token):
        return _stale(page, show, do, token)
    return _dispatched(page, show, act, do, shown_once)


def _stale(page: Page, show: Show, do: str, token: str) -> Reply:
    """Answer a form of another session: nothing is sent, and nobody gets to see what another typed.

    Who signed in again in another tab gets back what this tab has kept of theirs.
    """
    if do in _FROM_NOWHERE:
        kept = keeping.read(page.visit.typed("kept"))
        if kept is not None and page.session.principal is not None and kept.writer == page.session.writer:
            return _put_back(page, show, kept)
        return _sign_in_page(page, kept=page.visit.typed("kept"), stale=True)
    page.refuse(error("form_stale"))
    if not page.session.drew_for_writer(token):
        _forget_typed(page)
    return show(page)


def _forget_typed(page: Page) -> None:
    """Put nothing that was typed into the page: another typed it."""
    page.kept = keeping.Kept("", {})
    page.visit = replace(page.visit, fields={})


def _dispatched(page: Page, show: Show, act: Act | None, do: str, shown_once: frozenset[str]) -> Reply:
    match do:
        case "sign_in":
            return _sign_in(page, show)
        case "activate":
            return _activate(page)
        case "sign_out":
            sign_out(page.session.renewal)
            page.become(page.session.anew())
            return page.go(page.visit.root + "console")
        case _:
            return _decide(page, show, act, do, shown_once)


def _decide(page: Page, show: Show, act: Act | None, do: str, shown_once: frozenset[str]) -> Reply:
    try:
        own = act(page, do) if act is not None else None
        if own is not None:
            return own
        page.result = carry_out(page.asker, page.visit)
    except DomainError as failure:
        page.refuse(failure)
        return show(page)
    if do in shown_once:
        page.done = do
        return show(page)
    then = page.visit.typed("then")
    if _OWN_PAGE.fullmatch(then):
        return page.go(f"{page.visit.root}console/{then}?" + urlencode({"done": do}))
    return page.go(page.link(done=do))


# --------------------------------------------------------------------------- signing in


def _ask_to_sign_in(page: Page, *, keeps: bool) -> Reply:
    """Keep what was typed while its writer signs in again, if a form of theirs was sent.

    What another site's page sends is not kept: a supervisor would sign in and send an attacker's decision.
    """
    page.refuse(error("token_stale"))
    kept = keeping.write(page.session.writer, page.visit.fields) if keeps else ""
    return _sign_in_page(page, kept=kept, stale=True)


def _sign_in(page: Page, show: Show) -> Reply:
    visit = page.visit
    body = {
        "grant_type": "password",
        "account": visit.typed("account").strip(),
        "password": visit.typed("password"),
    }
    code = visit.typed("totp").replace(" ", "").strip()
    if code:
        body["totp"] = code
    try:
        answer = page.asker.ask("POST", "/v1/auth/tokens", body=body)
        page.become(page.session.anew().signed_in(answer, visit))
    except DomainError as failure:
        page.refuse(failure)
        return _sign_in_page(page, kept=visit.typed("kept"))
    kept = keeping.read(visit.typed("kept"))
    return page.go(page.link()) if kept is None else _put_back(page, show, kept)


def _put_back(page: Page, show: Show, kept: keeping.Kept) -> Reply:
    """Draw the page again with what was typed in its forms, for who typed it: nothing is sent by that.

    It has the names, labels and states of the page itself: its writer sees what they are about to send.
    """
    if kept.writer == page.session.writer:
        page.kept = kept
        page.visit = replace(page.visit, fields=kept.fields)
    else:
        _forget_typed(page)
    try:
        return show(page)
    except DomainError as failure:
        page.refuse(failure)
        return page.draw("refused", page.say("未能打开", "Not opened"))


def _activate(page: Page) -> Reply:
    """Set the first password of an account, by its code and its person's own card."""
    names = ("account", "activation_code", "password", "assertion")
    body = {name: page.visit.typed(name).strip() for name in names}
    body["password"] = page.visit.typed("password")
    try:
        page.asker.ask("POST", "/v1/auth/activate", body=body)
    except DomainError as failure:
        page.refuse(failure)
        return _sign_in_page(page)
    page.done = "activate"
    return _sign_in_page(page)
