"""The table of risk cases and the lawful writes on one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKeys, WaitingTable, queue_of, waiting_since
from chalicelib.aws.writes import Check, insert, lawful, update
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.supervision.cases.model import CASE_TRANSITIONS, CaseStatus, Outcome, RiskCase
from chalicelib.supervision.records.model import Severity


class CasesByArea(GlobalSecondaryIndex[Any]):
    """The cases of a city in one state, the oldest first."""

    class Meta:
        index_name = "by_area"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    opened_at = MomentAttribute(range_key=True)


class CasesByInstitution(GlobalSecondaryIndex[Any]):
    """The cases about one institution, the oldest first."""

    class Meta:
        index_name = "by_institution"
        projection = AllProjection()

    institution = UnicodeAttribute(hash_key=True)
    opened_at = MomentAttribute(range_key=True)


class WaitingCases(GlobalSecondaryIndex[Any]):
    """Cases that wait for a supervisor, or for the end of their toleration, by city and part."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingCases(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "institution", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class RiskCaseRow(WaitingTable[RiskCase]):
    """One row a rule and subject."""

    class Meta:
        table_name = table_name("risk-cases")

    record_type = RiskCase
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute()
    rule = UnicodeAttribute()
    severity = UnicodeAttribute()
    status = UnicodeAttribute()
    subject_kind = UnicodeAttribute()
    subject_id = UnicodeAttribute()
    division = UnicodeAttribute()
    opened_at = MomentAttribute()
    institution = UnicodeAttribute(null=True)
    class_id = UnicodeAttribute(null=True)
    findings = StructAttribute(default=list)
    seen = StructAttribute(default=dict)
    judged = StructAttribute(default=list)
    stops = StructAttribute(default=dict)
    taken_by = UnicodeAttribute(null=True)
    taken_at = MomentAttribute(null=True)
    outcome = UnicodeAttribute(null=True)
    resolution = UnicodeAttribute(null=True)
    resolved_by = UnicodeAttribute(null=True)
    resolved_at = MomentAttribute(null=True)
    tolerated_until = StructAttribute(null=True)
    decisions = StructAttribute(default=list)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_area = CasesByArea()
    by_institution = CasesByInstitution()
    waiting = WaitingCases()
    waiting_all = AllWaitingCases()


def listing_of(group: str, status: CaseStatus) -> str:
    """Name the list of a group's cases in one state."""
    return f"{group}#{status}"


# --------------------------------------------------------------------------- reading


def find_case(case_id: str) -> RiskCase | None:
    """Read a case."""
    return RiskCaseRow.find(case_id)


def find_cases(case_ids: Sequence[str]) -> list[RiskCase]:
    """Read many cases, 100 a call; unknown ones are left out."""
    return RiskCaseRow.find_many(case_ids)


def cases_in(
    listing: str,
    request: PageRequest,
    *,
    division: str | None,
    rule: str | None,
    severity: Severity | None,
) -> Page[RiskCase]:
    """List a city's cases of one state, the oldest first; of one county, rule or severity if given."""
    condition = _picked({"division": division, "rule": rule, "severity": severity})
    return page_of_list(RiskCaseRow, RiskCaseRow.by_area, listing, request=request, picked=condition)


def all_cases_in(listing: str) -> Iterable[RiskCase]:
    """Go through a city's cases of one state."""
    return (row.record for row in RiskCaseRow.by_area.query(listing))


def all_cases_about(institution: str) -> Iterable[RiskCase]:
    """Go through the cases about one institution."""
    return (row.record for row in RiskCaseRow.by_institution.query(institution))


def cases_about(
    institution: str,
    request: PageRequest,
    *,
    status: CaseStatus | None,
    rule: str | None,
    severity: Severity | None,
) -> Page[RiskCase]:
    """List the cases about an institution, the oldest first; of one state, rule or severity if given."""
    condition = _picked({"status": status, "rule": rule, "severity": severity})
    index: Any = RiskCaseRow.by_institution
    return page_of_list(RiskCaseRow, index, institution, request=request, picked=condition)


def _picked(wanted: Mapping[str, str | None]) -> Any:
    condition: Any = None
    for name, value in wanted.items():
        if value is not None:
            here = getattr(RiskCaseRow, name) == str(value)
            condition = here if condition is None else condition & here
    return condition


def tolerated_cases(queue: str, *, until: datetime, after: Mapping[str, Any] | None) -> WaitingKeys:
    """Give those of one list of cases whose toleration ended before a moment."""
    return waiting_since(
        RiskCaseRow, queue, until=until, limit=A_PAGE, after=after, status=str(CaseStatus.RESOLVED)
    )


# --------------------------------------------------------------------------- writing


def stands_check(case: RiskCase) -> Check:
    """Require that a case is as it was read: while it stands, what it holds may be held."""
    return Check(RiskCaseRow, (case.id,), RiskCaseRow.version == case.version)


def open_case(case: RiskCase, change: Change) -> RiskCase:
    """Store a new case.

    Raises:
        ConditionFailed: there is one.

    """
    listed = _queued(case)
    row: Any = RiskCaseRow.from_record(listed)
    row.listing = listing_of(group_of(case.division), case.status)
    insert(row, change=change)
    return listed


_MOVABLE = (
    "severity",
    "status",
    "division",
    "institution",
    "class_id",
    "findings",
    "seen",
    "judged",
    "stops",
    "taken_by",
    "taken_at",
    "outcome",
    "resolution",
    "resolved_by",
    "resolved_at",
    "tolerated_until",
    "decisions",
    "queued_at",
)


def move(before: RiskCase, after: RiskCase, change: Change) -> RiskCase:
    """Write what has become of a case, if it is still as it was read.

    `model.why_not` gives the reasons.

    Raises:
        ConditionFailed: somebody else was first.

    """
    listed = _queued(after)
    actions = []
    for name in _MOVABLE:
        value = getattr(listed, name)
        if value != getattr(before, name):
            column = getattr(RiskCaseRow, name)
            plain = str(value) if isinstance(value, StrEnum) else value
            actions.append(column.remove() if value is None else column.set(plain))
    if listed.queue != before.queue:
        actions += RiskCaseRow.listed_in(listed.queue) if listed.queue else RiskCaseRow.listed_nowhere()
    actions.append(RiskCaseRow.listing.set(listing_of(group_of(listed.division), listed.status)))
    condition = lawful(RiskCaseRow, sources=(before.status,), version=before.version)
    return update(RiskCaseRow, (before.id,), actions, condition=condition, change=change)


def _queued(case: RiskCase) -> RiskCase:
    """Put a case into the list in which it waits; one that is over waits for nothing."""
    waits = case.status in CASE_TRANSITIONS.sources("take") and case.status is not CaseStatus.RESOLVED
    if waits or case.outcome is Outcome.TOLERATED:
        return msgspec.structs.replace(case, queue=queue_of(case.division))
    return msgspec.structs.replace(case, queue=None, queued_at=None)
