"""The page for scanning vouchers: one field that always has the focus, a preview, then green or red."""

import hashlib
from typing import Any, Final

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.visiting import refused, visited
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Pages, Visit
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import first_of

_TOKEN_CHARS_MOST: Final = 4096
api = Pages(__name__, refused)


@api.page("/scan")
def scan(visit: Visit) -> Reply:
    return visited(visit, _show, _act)


def _show(page: Page, **facts: Any) -> Reply:
    assert page.session.principal is not None
    uscc = page.session.principal.institution
    own = page.get("/v1/institutions/{uscc}", {"uscc": uscc}) if uscc else None
    listed = set(own.projects) if own is not None else set()
    projects = [one for one in page.get("/v1/projects", limit=100).items if one.id in listed]
    told = {"preview": None, "verdict": None, "token": ""} | facts
    chosen = page.visit.typed("project_id")
    return page.draw("scan", page.say("扫码报名", "Scan"), own=own, projects=projects, chosen=chosen, **told)


def _act(page: Page, do: str) -> Reply | None:
    token = page.visit.typed("token").strip()[:_TOKEN_CHARS_MOST]
    match do:
        case "scan.look":
            return _look(page, token)
        case "scan.redeem":
            return _redeem(page, token)
        case _:
            return None


def _look(page: Page, token: str) -> Reply:
    """Tell what spending the voucher would do, and change nothing."""
    body = {"token": token, "project_id": page.visit.typed("project_id")}
    try:
        seen = page.asker.ask("POST", "/v1/verifications", body=body)
    except DomainError as failure:
        return _refused(page, failure)
    if seen.redeemable:
        return _show(page, preview=seen, token=token)
    code = first_of(list(seen.reasons))
    return _show(
        page, verdict={"good": False, "text": seen.detail or page.reason(code), "holder": seen.holder}
    )


def _redeem(page: Page, token: str) -> Reply:
    """Spend the voucher; a repeated scan keeps its nonce, and gets the first answer again."""
    body = {
        "token": token,
        "project_id": page.visit.typed("project_id"),
        "nonce": hashlib.sha256(f"{token} {page.visit.typed('project_id')}".encode()).hexdigest()[:32],
        "device_id": f"counter-{hashlib.sha256(page.session.visit_id.encode()).hexdigest()[:16]}",
        "happened_at": page.visit.now.isoformat(),
    }
    try:
        enrolment = page.asker.ask("POST", "/v1/enrolments", body=body)
    except DomainError as failure:
        return _refused(page, failure)
    text = page.say("报名成功，培训券已核销。", "Enrolled: the voucher is spent.")
    return _show(page, verdict={"good": True, "text": text, "holder": enrolment.trainee})


def _refused(page: Page, failure: DomainError) -> Reply:
    """Tell in one sentence why not: what is no code of ours at all is told as such, however long it is."""
    page.refuse(failure)
    problem, page.problem = page.problem, None
    assert problem is not None
    told = [str(fault["detail"]) for fault in problem.errors or ()]
    if any(fault.field == "token" for fault in failure.faults):
        told = [page.reason("token_invalid")]
    text = " ".join(told) if told else problem.detail
    return _show(page, verdict={"good": False, "text": text, "holder": None})
