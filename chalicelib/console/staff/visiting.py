"""One visit of a page: who looks, what their form says, and what they see of it.

A form is sent to the page it stands on. What is done is told by the page one is sent to; what is refused is
told on the same page, drawn anew, with everything that was typed.
"""

import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from chalicelib.accounts.sign_in.service import sign_out
from chalicelib.console.staff.deciding import carry_out
from chalicelib.console.staff.rendering import Page, broken
from chalicelib.console.staff.session import CSRF_FIELD, CSRF_HEADER, Session
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.edge.problems import problem_of
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import error

Show = Callable[[Page], Reply]
Act = Callable[[Page, str], Reply | None]
"""A page's own way to carry something out; None where it is a decision like all others."""
_FROM_NOWHERE: Final = frozenset({"sign_in", "activate"})
"""What is sent by who is not signed in yet."""
_UNSENT: Final = frozenset(
    {CSRF_FIELD, "account", "password", "totp", "kept", "activation_code", "assertion", "id_number"}
)
"""Fields that are not kept over a sign-in."""
_OWN_PAGE: Final = re.compile(r"[a-z_]+(/[A-Za-z0-9_-]+){0,2}")


def refused(visit: Visit, failure: DomainError | None) -> Reply:
    """Draw a refusal that no page could tell on itself; None is a failure of ours."""
    session = Session.of(visit)
    page = Page(visit, session)
    if failure is None:
        page.problem = broken(visit, session.english)
    else:
        page.problem = problem_of(failure, request_id=visit.request_id, english=session.english)
    return page.draw("refused", page.problem.title)


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
    return page.draw("sign_in", page.say("登录", "Sign in"), kept=kept, stale=stale)


def _sent(
    page: Page, show: Show, act: Act | None, shown_once: frozenset[str], *, for_everybody: bool
) -> Reply:
    visit, session = page.visit, page.session
    token = visit.typed(CSRF_FIELD) or visit.headers.get(CSRF_HEADER, "")
    do = visit.typed("do") or visit.parameters.get("do", "")
    if session.principal is None and do not in _FROM_NOWHERE and not for_everybody:
        return _ask_to_sign_in(page, keeps=session.drew(token))
    if not session.owns(token):
        if do in _FROM_NOWHERE:
            return _sign_in_page(page, stale=True)
        page.refuse(error("form_stale"))
        return show(page)
    return _dispatched(page, show, act, do, shown_once)


def _dispatched(page: Page, show: Show, act: Act | None, do: str, shown_once: frozenset[str]) -> Reply:
    match do:
        case "sign_in":
            return _sign_in(page)
        case "activate":
            return _activate(page)
        case "sign_out":
            sign_out(page.session.renewal)
            page.session = page.session.anew()
            return page.go(page.visit.root + "console")
        case "review_kept":
            return show(page)
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
    if not keeps:
        return _sign_in_page(page, stale=True)
    fields = {name: list(values) for name, values in page.visit.fields.items() if name not in _UNSENT}
    return _sign_in_page(page, kept=json.dumps(fields), stale=True)


def _sign_in(page: Page) -> Reply:
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
        page.session = page.session.anew().signed_in(answer, visit)
    except DomainError as failure:
        page.refuse(failure)
        return _sign_in_page(page, kept=visit.typed("kept"))
    kept = _kept(visit.typed("kept"))
    if kept:
        page.know(values[-1] for name, values in kept.items() if name.startswith("at_") and values)
        return page.draw("kept", page.say("请核对后再提交", "Check, then send"), kept=kept)
    return page.go(page.link())


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


def _kept(text: str) -> dict[str, list[str]]:
    """Read back what was kept; whatever it is not is left out."""
    try:
        kept = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(kept, dict):
        return {}
    return {
        name: [str(value) for value in values]
        for name, values in kept.items()
        if isinstance(values, list) and values and name not in _UNSENT
    }
