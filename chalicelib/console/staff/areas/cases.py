"""Risk cases: the list by rule, severity, state and institution, and one case with its evidence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.classes.store import heads_by_id
from chalicelib.console import words
from chalicelib.console.findings import figures_of, ids_in, rule_name, sentence_of
from chalicelib.console.rule_words import RULES
from chalicelib.console.staff.naming import names_of
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import states
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.ids import is_id, whole_of
from chalicelib.programs.service import current_program
from chalicelib.supervision.cases.model import Outcome
from chalicelib.supervision.records.model import Severity
from chalicelib.supervision.rules.register import NOT_EVALUATED, ONLY_ALIKE

PAGE_ROWS: Final = 50
_LINES_SHOWN: Final = 20
_FORMS_MOST: Final = 20
"""So many consequences have their form on the page; what is beyond stands on its own page."""
_CASE: Final = "/v1/risk-cases/{case_id}"
_WHERE: Final = {
    "subsidy_claim.reject": ("claim", "reject", "claims"),
    "claim_line.reject": ("line", "reject", "lines"),
    "claim_line.reverse": ("line", "reverse", "lines"),
    "voucher.revoke": ("voucher", "revoke", "vouchers"),
    "institution.suspend": ("institution", "suspend", "institutions"),
}
"""Of each right that a consequence names: the decision as pages know it, and the area it stands in."""
_UNDECIDED: Final[Mapping[bool | None, words.Pair]] = {
    True: ("所涉明细已停付，待监督人员处理", "the lines it concerns are not paid until it is decided on"),
    False: (
        "按计划政策，须先认定属实才停付（此前已停付的仍停付）",
        "by its program's policy it stops payment once it is confirmed; what was stopped before stays so",
    ),
    None: (
        "所涉明细已停付，待监督人员处理（计划政策规定须先认定的除外）",
        "the lines it concerns are not paid until it is decided on, unless their policy waits for that",
    ),
}
"""What a grave case does to payments before it is decided on, by whether the policy lets it."""
_AREAS: Final = {
    "cls": "classes",
    "enr": "enrolments",
    "vch": "vouchers",
    "clm": "claims",
    "lin": "lines",
    "isp": "inspections",
}


@dataclass(frozen=True)
class Consequence:
    """What may follow: what it is called, where it is done, by whom; its form for who may do it here."""

    do: str
    subject: str
    href: str
    roles: Sequence[str]
    forms: Sequence[Any]


def show(page: Page) -> Reply:
    """Show the list, or one case."""
    case_id = page.visit.values.get("id")
    return _list(page) if case_id is None else _case(page, case_id)


def _list(page: Page) -> Reply:
    asked = page.visit.parameters
    wanted = ("rule", "severity", "status", "institution", "division")
    filters: dict[str, Any] = {name: asked.get(name) for name in wanted}
    listing = page.get("/v1/risk-cases", **filters, cursor=asked.get("cursor"), limit=PAGE_ROWS)
    page.know(item.institution for item in listing.items)
    english = page.english
    choices = [
        ("rule", ("规则", "Rule"), [(name, rule_name(name, english=english)) for name in RULES]),
        ("severity", ("程度", "Severity"), _choices(words.SEVERITIES, english=english)),
        ("status", ("状态", "State"), states(page, "risk_case", ["open", "under_review", "resolved"])),
    ]
    return page.draw(
        "cases",
        page.say("风险案件", "Risk cases"),
        listing=listing,
        choices=choices,
        told={item.id: _told(page, item) for item in listing.items},
        classes=names_of_classes(item.class_id for item in listing.items),
        rule=lambda name: rule_name(name, english=english),
    )


def _choices(table: Any, *, english: bool) -> list[tuple[str, str]]:
    return [(name, words.said(pair, english=english)) for name, pair in table.items()]


def _told(page: Page, case: Any) -> str:
    return sentence_of(case.rule, case.findings[-1].evidence, english=page.english) if case.findings else ""


def _case(page: Page, case_id: str) -> Reply:
    case = page.get(_CASE, {"case_id": case_id})
    english = page.english
    page.know([case.institution, *(finding.institution for finding in case.findings)])
    findings = [
        (
            finding,
            sentence_of(case.rule, finding.evidence, english=english),
            figures_of(finding.evidence, english=english),
        )
        for finding in reversed(case.findings)
    ]
    named = names_of(page, _records_in(case))  # reads the head of the class, which payment goes by
    return page.draw(
        "case",
        rule_name(case.rule, english=english),
        case=case,
        findings=findings,
        before=_decided_before(case),
        overturned=_is_overturned(case),
        payment=words.said(_payment(case), english=english),
        place=place_of,
        named=named,
        consequences=[
            _consequence(page, one, here=number < _FORMS_MOST) for number, one in enumerate(case.consequences)
        ],
    )


def _decided_before(case: Any) -> list[Any]:
    """Give what was made of a case before what counts now, the newest first."""
    return list(reversed(case.decisions[:-1] if case.outcome is not None else case.decisions))


def _is_overturned(case: Any) -> bool:
    """Tell whether what was confirmed once is no more."""
    confirmed = any(decision.outcome is Outcome.CONFIRMED for decision in case.decisions)
    return confirmed and case.outcome not in (None, Outcome.CONFIRMED)


def _payment(case: Any) -> words.Pair:
    """Say what a case does to payments now."""
    if case.outcome is Outcome.CONFIRMED:
        return "已认定属实，所涉明细停付", "confirmed: the lines it concerns are not paid"
    if case.outcome is not None:
        return "已解除，本案不再停付", "this case stops nothing any more"
    if case.rule == NOT_EVALUATED:
        return (
            "未完成核查的班级不予支付；作出误报或容忍的结论后可付",
            "not paid until every rule is carried out, or you decide that it is a false alarm or tolerated",
        )
    if case.severity is Severity.WARN:
        return "仅提示，认定属实后才停付", "a warning: it stops payment once it is confirmed"
    return _UNDECIDED[_stops_undecided(case)]


def _stops_undecided(case: Any) -> bool | None:
    """Tell whether a grave case stops payment before it is decided on; None where it is of no one class."""
    if case.rule not in ONLY_ALIKE:
        return True
    heads = heads_by_id([case.class_id]) if case.class_id else []
    if not heads:
        return None
    return current_program(heads[0].program_id).policy.patterns_stop_payment


def names_of_classes(class_ids: Iterable[str | None]) -> dict[str, str]:
    """Read the names of classes, in one call; what is no class's id has none."""
    wanted = {class_id for class_id in class_ids if class_id and is_id(class_id, "cls")}
    return {head.id: head.name for head in heads_by_id(wanted)} if wanted else {}


def _records_in(case: Any) -> Iterator[str | None]:
    """Name the records that a case, its evidence and what may follow are about, what stands first first."""
    yield case.class_id
    yield case.subject.id
    yield from (case.taken_by, case.resolved_by)
    yield from (decision.decided_by for decision in case.decisions)
    yield from case.lines[:_LINES_SHOWN]
    yield from (one.subject for one in case.consequences)
    for finding in reversed(case.findings):
        yield finding.class_id
        for value in finding.evidence.values():
            yield from ids_in(value)


def _consequence(page: Page, one: Any, *, here: bool) -> Consequence:
    kind, action, area = _WHERE[one.action]
    forms = page.forms_of(kind, one.subject, [action], version=one.version) if one.mine and here else []
    roles = [words.word(words.ROLES, str(role), english=page.english) for role in one.roles]
    return Consequence(f"{kind}.{action}", one.subject, f"console/{area}/{one.subject}", roles, forms)


def place_of(record: str) -> str:
    """Give the page of a record by its id; empty where it has none of its own."""
    prefix = record.partition("_")[0]
    if prefix == "les":
        return f"console/classes/{whole_of('cls', record)[0]}/{record}"
    area = _AREAS.get(prefix)
    return f"console/{area}/{record}" if area else ""
