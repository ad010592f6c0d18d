"""待办: what waits for the caller, oldest first, and deciding several at once where the API can."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from chalicelib.console.events import event_name
from chalicelib.console.findings import rule_name
from chalicelib.console.staff import numbers
from chalicelib.console.staff.actions import ACTS
from chalicelib.console.staff.deciding import FORM_KEY
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.session import claimed_holder
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.kernel.ids import whole_of
from chalicelib.supervision.waiting.service import look_ahead

PAGE_ROWS: Final = 50
_PLACES: Final[Mapping[str, str]] = {
    "class": "classes/{subject}",
    "completion": "classes/{subject}",
    "marks": "classes/{subject}/marks",
    "claim_due": "classes/{subject}/claim",
    "change": "classes/{within}",
    "check_in": "classes/{room}/{within}",
    "make_up": "classes/{room}/attendance",
    "footage": "classes/{room}/{within}",
    "override": "classes/{room}/claim",
    "subsidy_claim": "claims/{subject}",
    "stopped_claim": "claims/{subject}",
    "claim_line": "lines/{subject}",
    "idle_voucher": "enrolments/{subject}",
    "restoration": "vouchers/{subject}",
    "settlement_batch": "money/{subject}",
    "issuance_batch": "issuance/{within}/{subject}",
    "rename": "lists/{within}",
    "account": "accounts?division={division}",
    "client": "clients?division={division}",
    "payee": "payees",
    "hold": "holds",
    "objection": "objections",
    "risk_case": "cases/{subject}",
    "delivery": "deliveries?message={subject}",
    "webhook": "clients?webhook={subject}",
}
"""On which page each kind of thing that waits is decided; `room` is the class that its id names,
`division` that in whose list it stands."""
_OF_LESSONS: Final = frozenset({"check_in", "footage"})
"""What waits once a lesson: a class has several, alike but for it."""
_BULK: Final[Mapping[str, tuple[str, ...]]] = {
    "subsidy_claim": ("review", "approve", "return", "reject"),
    "objection": ("resolve",),
}
"""Kinds that the API decides several of in one call, and as what."""


def ahead(visit: Visit) -> None:
    """Have what the list rests on come along with the account of who asks for it."""
    principal = claimed_holder(visit)
    if principal is not None:
        look_ahead(principal, visit.now)


def show(page: Page, results: Any = None) -> Reply:
    """Show the in-tray, by the filters in its address."""
    asked = page.visit.parameters
    listing = page.get(
        "/v1/waiting",
        kind=asked.get("kind"),
        institution=asked.get("institution"),
        flag=asked.get("flag"),
        cursor=asked.get("cursor"),
        limit=PAGE_ROWS,
    )
    page.know([*(item.institution for item in listing.items), asked.get("institution")])
    return page.draw(
        "waiting",
        page.say("待办", "In-tray"),
        listing=listing,
        rows=listing.items,
        counts=sorted(listing.counts.items(), key=lambda entry: entry[1].oldest),
        chosen=asked.get("kind"),
        places={item.subject: place_of(item) for item in listing.items},
        titles={item.subject: _title(page, item) for item in listing.items},
        bulk=_bulk_actions(page, asked.get("kind"), listing.items),
        results=results,
        names={item.subject: item.name for item in listing.items}
        | {one.id: one.name for one in _picked(page)},
        ticked={f"{one.id}|{one.version}" for one in _picked(page)},
        gone=_gone(page, listing.items) if results is None else [],
    )


class _Pick(NamedTuple):
    """One thing that was ticked, as it was when it was: its name is told whatever became of it."""

    id: str
    version: str
    name: str


def _picked(page: Page) -> list[_Pick]:
    """Read what was ticked: `id|version|name`."""
    parts = ((*pick.split("|", 2), "", "") for pick in page.visit.fields.get("pick", ()))
    return [_Pick(part[0], part[1], part[2] or part[0]) for part in parts]


def _gone(page: Page, rows: Any) -> list[str]:
    """Name what was ticked and waits no more as it was: somebody else decided it, or it changed."""
    there = {(item.subject, str(item.version)) for item in rows}
    return [one.name for one in _picked(page) if (one.id, one.version) not in there]


def place_of(item: Any) -> str:
    """Tell on which page a thing that waits is decided."""
    room = whole_of("cls", item.subject)[0]
    return _PLACES[str(item.kind)].format(
        subject=item.subject, within=item.within, room=room, division=item.division
    )


def _title(page: Page, item: Any) -> str:
    """Name a thing: a case by its rule's name, a message by its event's, what is of a lesson by that, too."""
    if str(item.kind) == "risk_case":
        return rule_name(item.name, english=page.english)
    if str(item.kind) == "delivery":
        return event_name(item.name, english=page.english)
    lesson = whole_of("cls", item.within or "")[1].lstrip("0") if str(item.kind) in _OF_LESSONS else ""
    return f"{item.name} {page.say(f'第 {lesson} 课', f'lesson {lesson}')}" if lesson else str(item.name)


def _bulk_actions(page: Page, kind: str | None, rows: Any) -> list[tuple[str, str, bool]]:
    """Name the decisions that can be taken together: those that some row offers."""
    offered = {action for item in rows for action in item.allowed_actions}
    acts = ACTS["objection" if kind == "objection" else "claim"]
    pick: Callable[[Any], str] = lambda act: act.label[1 if page.english else 0]  # noqa: E731 - said once
    return [
        (action, pick(acts[action]), acts[action].soft)
        for action in _BULK.get(kind or "", ())
        if action in offered
    ]


def act(page: Page, do: str) -> Reply | None:
    """Decide the ticked ones together, and tell what became of each; None if that was not asked for."""
    if not do.startswith("bulk."):
        return None
    visit = page.visit
    action = do.removeprefix("bulk.")
    reason = visit.typed("reason").strip()
    picked = _picked(page)
    if action == "resolve":
        path = "/v1/objection-decisions"
        decisions: list[dict[str, Any]] = [
            {
                "objection_id": one.id,
                "version": numbers.as_sent(one.version),
                "outcome": visit.typed("outcome"),
                "reason": reason,
            }
            for one in picked
        ]
    else:
        path = "/v1/claim-decisions"
        said = {"reason": reason} if reason else {}
        decisions = [
            {"claim_id": one.id, "version": numbers.as_sent(one.version), "action": action, **said}
            for one in picked
        ]
    results = page.asker.ask("POST", path, body={"decisions": decisions}, key=visit.typed(FORM_KEY))
    return show(page, results)
