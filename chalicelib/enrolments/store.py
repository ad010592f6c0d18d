"""The table of enrolments, and every lawful write on one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import MomentAttribute, page_of, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKey, WaitingKeys, WaitingTable, queues_of, waiting_since
from chalicelib.aws.writes import Check, Put, Update, lawful
from chalicelib.enrolments.model import ENROLMENT_TRANSITIONS, Enrolment, EnrolmentStatus
from chalicelib.kernel.divisions import covers, divisions_below
from chalicelib.kernel.paging import Page, PageRequest, page_over

_KEYS_A_PAGE = 1_000


class EnrolmentsByInstitution(GlobalSecondaryIndex[Any]):
    """An institution's enrolments, by time."""

    class Meta:
        index_name = "by_institution"
        projection = AllProjection()

    institution = UnicodeAttribute(hash_key=True)
    confirmed_at = MomentAttribute(range_key=True)


class EnrolmentsByPerson(GlobalSecondaryIndex[Any]):
    """A person's enrolments, by time."""

    class Meta:
        index_name = "by_person"
        projection = AllProjection()

    person_key = UnicodeAttribute(hash_key=True)
    confirmed_at = MomentAttribute(range_key=True)


class EnrolmentsByDivision(GlobalSecondaryIndex[Any]):
    """A division's enrolments, by time."""

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    division = UnicodeAttribute(hash_key=True)
    confirmed_at = MomentAttribute(range_key=True)


class WaitingEnrolments(GlobalSecondaryIndex[Any]):
    """Enrolments that are in no class yet, by city and part, oldest first: others lack the moment."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingEnrolments(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "institution", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class EnrolmentRow(WaitingTable[Enrolment]):
    """One row an enrolment."""

    class Meta:
        table_name = table_name("enrolments")

    record_type = Enrolment
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    voucher_id = UnicodeAttribute()
    program_id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    institution = UnicodeAttribute()
    division = UnicodeAttribute()
    person_key = UnicodeAttribute()
    trainee_name = UnicodeAttribute()
    trainee_id_number = UnicodeAttribute()
    status = UnicodeAttribute()
    confirmed_at = MomentAttribute()
    happened_at = MomentAttribute()
    device_id = UnicodeAttribute()
    class_id = UnicodeAttribute(null=True)
    theory = NumberAttribute(null=True)
    practice = NumberAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    rostered_at = MomentAttribute(null=True)
    network = UnicodeAttribute(null=True)
    by_institution = EnrolmentsByInstitution()
    by_person = EnrolmentsByPerson()
    by_division = EnrolmentsByDivision()
    waiting = WaitingEnrolments()
    waiting_all = AllWaitingEnrolments()


def _lawful_for(action: str) -> Condition:
    return lawful(EnrolmentRow, sources=ENROLMENT_TRANSITIONS.sources(action))


def _target(action: str) -> str:
    return str(ENROLMENT_TRANSITIONS.target(action))


# --------------------------------------------------------------------------- reading


def find_enrolment(enrolment_id: str) -> Enrolment | None:
    """Read an enrolment."""
    return EnrolmentRow.find(enrolment_id)


def read_enrolment(enrolment_id: str) -> Enrolment:
    """Read an enrolment or raise `NotFound`."""
    return EnrolmentRow.read(enrolment_id)


def want_enrolments(enrolment_ids: Iterable[str | None]) -> None:
    """Have enrolments come along with the next read of a page."""
    ahead(EnrolmentRow, enrolment_ids)


def find_enrolments(enrolment_ids: Sequence[str]) -> list[Enrolment]:
    """Read many enrolments, 100 a call; unknown ones are left out."""
    return EnrolmentRow.find_many(enrolment_ids)


def enrolments_at(institution: str, request: PageRequest) -> Page[Enrolment]:
    """List an institution's enrolments, newest first."""
    return _newest(EnrolmentRow.by_institution, institution, request)


def enrolments_of(person_key: str, request: PageRequest) -> Page[Enrolment]:
    """List a person's enrolments, newest first."""
    return _newest(EnrolmentRow.by_person, person_key, request)


def enrolments_in(area: str, request: PageRequest) -> Page[Enrolment]:
    """List the enrolments of a division and those below it, division by division, newest first in each."""

    def read(division: str, part: PageRequest) -> Page[Enrolment]:
        return _newest(EnrolmentRow.by_division, division, part)

    return page_over(divisions_below(area), request, read)


def enrolments_between(area: str, *, since: datetime, until: datetime) -> Iterator[Enrolment]:
    """Go through the enrolments of a division and those below it in a time, oldest first in each."""
    for division in divisions_below(area):
        rows = EnrolmentRow.by_division.query(
            division, EnrolmentRow.confirmed_at.between(since, until - timedelta(microseconds=1))
        )
        yield from (row.record for row in rows)


def _newest(index: Any, key: str, request: PageRequest) -> Page[Enrolment]:
    rows = index.query(key, limit=request.limit, last_evaluated_key=request.after, scan_index_forward=False)
    return page_of(rows, request)


def waiting_enrolments(queue: str, *, until: datetime, after: Mapping[str, Any] | None) -> WaitingKeys:
    """Give a page of one list of enrolments that have been in no class since before a moment."""
    return waiting_since(EnrolmentRow, queue, until=until, limit=A_PAGE, after=after)


def idle_enrolments(area: str, *, until: datetime) -> Iterator[WaitingKey]:
    """Go through all enrolments of a division and below that are in no class, by the index alone."""
    for queue in queues_of(area):
        after: Mapping[str, Any] | None = None
        while True:
            page = waiting_since(EnrolmentRow, queue, until=until, limit=_KEYS_A_PAGE, after=after)
            yield from (key for key in page.keys if covers(area, str(key.division)))
            after = page.after
            if after is None:
                break


# --------------------------------------------------------------------------- parts of transactions


def confirm_write(enrolment: Enrolment) -> Put:
    """Store a new enrolment."""
    return Put(EnrolmentRow.from_record(enrolment))


def release_write(enrolment_id: str, *, waiting_before: datetime | None = None) -> Update:
    """Release an enrolment that is on no roster; only if it has waited since before a moment, where given."""
    condition = _lawful_for("release")
    if waiting_before is not None:
        condition &= EnrolmentRow.queued_at <= waiting_before
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [EnrolmentRow.status.set(_target("release")), EnrolmentRow.queued_at.remove()],
        condition,
    )


def restore_write(enrolment_id: str, *, voucher_id: str) -> Update:
    """Confirm an enrolment again that was released when its voucher was wrongly taken back."""
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [EnrolmentRow.status.set(_target("restore"))],
        _lawful_for("restore")
        & (EnrolmentRow.voucher_id == voucher_id)
        & EnrolmentRow.class_id.does_not_exist(),
    )


def roster_write(
    enrolment_id: str, *, class_id: str, institution: str, project_id: str, now: datetime
) -> Update:
    """Put a confirmed enrolment of this institution and project on a class's roster."""
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [
            EnrolmentRow.status.set(_target("roster")),
            EnrolmentRow.class_id.set(class_id),
            EnrolmentRow.rostered_at.set(now),
            EnrolmentRow.queued_at.remove(),
        ],
        _lawful_for("roster")
        & (EnrolmentRow.institution == institution)
        & (EnrolmentRow.project_id == project_id),
    )


def free_check(enrolment_id: str) -> Check:
    """Require that no class has an enrolment."""
    return Check(EnrolmentRow, (enrolment_id,), EnrolmentRow.class_id.does_not_exist())


def unroster_write(enrolment_id: str, *, class_id: str, now: datetime) -> Update:
    """Take an enrolment off a class's roster again."""
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [
            EnrolmentRow.status.set(_target("unroster")),
            EnrolmentRow.class_id.remove(),
            EnrolmentRow.rostered_at.remove(),
            EnrolmentRow.queued_at.set(now),
        ],
        _lawful_for("unroster") & (EnrolmentRow.class_id == class_id),
    )


def cancel_write(enrolment_id: str, *, class_id: str) -> Update:
    """Release a rostered enrolment because its class is cancelled."""
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [EnrolmentRow.status.set(str(EnrolmentStatus.RELEASED))],
        lawful(EnrolmentRow, sources=[EnrolmentStatus.ROSTERED]) & (EnrolmentRow.class_id == class_id),
    )


def withdraw_write(enrolment_id: str, *, class_id: str) -> Update:
    """Record that a rostered trainee left."""
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [EnrolmentRow.status.set(_target("withdraw"))],
        _lawful_for("withdraw") & (EnrolmentRow.class_id == class_id),
    )


def score_write(enrolment_id: str, *, class_id: str, theory: int, practice: int, passed: bool) -> Update:
    """Record marks (0 to 100) and the outcome."""
    action = "pass" if passed else "fail"
    return Update(
        EnrolmentRow,
        (enrolment_id,),
        [
            EnrolmentRow.status.set(_target(action)),
            EnrolmentRow.theory.set(theory),
            EnrolmentRow.practice.set(practice),
        ],
        _lawful_for(action) & (EnrolmentRow.class_id == class_id),
    )
