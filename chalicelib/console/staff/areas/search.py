"""Search: a thing by its id, an institution by its code; what is found is gone to at once.

A person is looked up by ID number: a form is sent, and what is found stands on the page that answers it, in
no address. Sending the same form again (F5) is the same call under the same key: it gives the first answer
and is no second look.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from chalicelib.console.staff.naming import names_of
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import whole_of
from chalicelib.subsidies.publicity.service import told_of

_PLACES: Final = {
    "cls": ("/v1/classes/{class_id}", "classes/{id}", ("班级", "Class")),
    "clm": ("/v1/subsidy-claims/{claim_id}", "claims/{id}", ("补贴申领", "Claim")),
    "lin": ("/v1/claim-lines/{line_id}", "lines/{id}", ("补贴明细", "Claim line")),
    "vch": ("/v1/vouchers/{voucher_id}", "vouchers/{id}", ("培训券", "Voucher")),
    "enr": ("/v1/enrolments/{enrolment_id}", "enrolments/{id}", ("报名", "Enrolment")),
    "bat": ("/v1/settlement-batches/{batch_id}", "money/{id}", ("结算批次", "Payment batch")),
    "imp": ("/v1/imports/{import_id}", "lists/{id}", ("名单", "List")),
    "rsk": ("/v1/risk-cases/{case_id}", "cases/{id}", ("风险案件", "Risk case")),
    "isp": ("/v1/inspections/{inspection_id}", "inspections/{id}", ("抽查", "Inspection")),
}
"""Of each kind of id: where it is read, its page, and what it is."""
_INSTITUTION: Final = ("/v1/institutions/{uscc}", "institutions/{id}")
_OBJECTIONS: Final = "/v1/objections"
_LOOKUPS: Final = "/v1/person-lookups"
SHOWN_ONCE: Final = frozenset({"new.lookup"})
_USCC: Final = re.compile(r"[0-9A-Z]{18}")
_BLANK: Final = re.compile(r"\s+")


def show(page: Page) -> Reply:
    """Go to what is found; say so where nothing is, or nobody may see it who asks."""
    asked = _BLANK.sub("", page.visit.parameters.get("q", ""))
    if not asked:
        return _draw(page, asked, failed=False)
    if _is_of_a_person(asked):
        return _draw(page, "", failed=False)
    if asked.startswith("obj_"):
        return _objection(page, asked)
    path, place = _place_of(asked)
    if not path:
        return _draw(page, asked, failed=True)
    name = path.partition("{")[2].partition("}")[0]
    found = asked.upper() if path == _INSTITUTION[0] else asked
    try:
        page.get(path, {name: found})
    except DomainError:
        return _draw(page, asked, failed=True)
    return page.go(f"{page.visit.root}console/{place.format(id=found)}")


def _objection(page: Page, asked: str) -> Reply:
    """Go to the objections of its claim, for who may read those."""
    told = told_of(asked) if page.may("GET", _OBJECTIONS) else None
    try:
        found = page.get(_PLACES["clm"][0], {"claim_id": told.claim_id}) if told is not None else None
    except DomainError:
        found = None
    if found is None:
        return _draw(page, asked, failed=True)
    return page.go(f"{page.visit.root}console/objections?claim={found.id}")


def _is_of_a_person(asked: str) -> bool:
    """Tell whether it is an ID number: it is looked up by the other form, and is not said again."""
    try:
        parse_id_number(asked)
    except InvalidIdentity:
        return False
    return True


def _place_of(asked: str) -> tuple[str, str]:
    """Tell where a thing is read, and its page; of a lesson the class's."""
    if _USCC.fullmatch(asked.upper()):
        return _INSTITUTION
    if asked.startswith("les_") and whole_of("cls", asked)[0]:
        return "/v1/lessons/{lesson_id}/footage", f"classes/{whole_of('cls', asked)[0]}/{{id}}"
    path, place, _ = _PLACES.get(asked.partition("_")[0], ("", "", ("", "")))
    return path, place


def _records_of(person: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["class_id"] for one in person["classes"])
    yield from (one["voucher_id"] for one in person["vouchers"])


def _draw(page: Page, asked: str, *, failed: bool) -> Reply:
    kinds = [
        (prefix, page.say(*label)) for prefix, (path, _, label) in _PLACES.items() if page.may("GET", path)
    ]
    kinds += [("obj", page.say("公示异议", "Objection"))] if page.may("GET", _OBJECTIONS) else []
    person = msgspec.to_builtins(page.result) if page.done in SHOWN_ONCE else None
    page.know(enrolment["institution"] for enrolment in (person["enrolments"] if person else ()))
    return page.draw(
        "search",
        page.say("查询", "Search"),
        asked=asked,
        failed=failed,
        kinds=kinds,
        person=person,
        named=names_of(page, _records_of(person)) if person else {},
        lookup=page.form_for("lookup") if page.may("POST", _LOOKUPS) else None,
        records=page.may("GET", "/v1/audit"),
    )
