"""The writes that place and lift holds on lines, and the table of those that somebody has to decide on."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import Check, ConditionFailed, Put, Update, lawful, until_written, update
from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.claims.facts import is_barred, waits_for_facts
from chalicelib.subsidies.claims.model import (
    Claim,
    LateIneligibility,
    Line,
    LineFlag,
    waits_for_finance,
)
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.claims.store import (
    ClaimRow,
    LineRow,
    find_line,
    flagged_as,
    line_rests,
    line_waits,
)
from chalicelib.subsidies.holds.model import (
    HOLD_TRANSITIONS,
    STOPPABLE,
    UNPAID,
    ClassHolds,
    Hold,
    HoldStatus,
    since_with,
    status_with,
)

_TRIES = 10
"""Lists, sealing and objections change a line's holds at once, and nobody sends a list of thousands again."""


class HoldsByCity(GlobalSecondaryIndex[Any]):
    """A city's holds of one state, by time."""

    class Meta:
        index_name = "by_city"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    placed_at = MomentAttribute(range_key=True)


class PaymentHoldRow(VersionedTable[Hold]):
    """One row a hold that somebody has to decide on; it stays when it was."""

    class Meta:
        table_name = table_name("holds")

    record_type = Hold
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute()
    subject_kind = UnicodeAttribute()
    subject_id = UnicodeAttribute()
    institution = UnicodeAttribute()
    division = UnicodeAttribute()
    city = UnicodeAttribute()
    code = UnicodeAttribute()
    reason = UnicodeAttribute()
    status = UnicodeAttribute()
    placed_by = UnicodeAttribute()
    placed_at = MomentAttribute()
    lifted_by = StructAttribute(default=list)
    by_rule = BooleanAttribute(default=False)
    evidence = UnicodeAttribute(null=True)
    enrolments = StructAttribute(null=True)
    released_by = UnicodeAttribute(null=True)
    released_at = MomentAttribute(null=True)
    release_reason = UnicodeAttribute(null=True)
    by_city = HoldsByCity()


class ClassHoldsRow(VersionedTable[ClassHolds]):
    """One row a class on which supervision ever placed a hold: those that stand now."""

    class Meta:
        table_name = table_name("class-holds")

    record_type = ClassHolds

    class_id = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    holds = StructAttribute(default=dict)


def list_of_holds(city: str, status: HoldStatus) -> str:
    """Name the list of a city's holds of one state."""
    return f"{city}#{status}"


def find_hold(hold_id: str) -> Hold | None:
    """Read a hold that has a record."""
    return PaymentHoldRow.find(hold_id)


def want_holds(hold_ids: Iterable[str | None]) -> None:
    """Have holds come along with the next read of a page."""
    ahead(PaymentHoldRow, hold_ids)


def find_holds(hold_ids: Sequence[str]) -> list[Hold]:
    """Read many holds, 100 a call, the oldest first."""
    return sorted(PaymentHoldRow.find_many(sorted(set(hold_ids))), key=lambda hold: (hold.placed_at, hold.id))


def holds_in(
    city: str, request: PageRequest, *, status: HoldStatus, division: str | None, institution: str | None
) -> Page[Hold]:
    """List a city's holds of one state, oldest first; of one county or institution if these are given."""
    condition: Any = None
    for column, wanted in ((PaymentHoldRow.division, division), (PaymentHoldRow.institution, institution)):
        if wanted is not None:
            condition = column == wanted if condition is None else condition & (column == wanted)
    name = list_of_holds(city, status)
    return page_of_list(PaymentHoldRow, PaymentHoldRow.by_city, name, request=request, picked=condition)


def holds_of_year(city: str, year: int, *, status: HoldStatus) -> Iterable[Hold]:
    """Go through the holds of a city in one state that were placed in a year of Shanghai."""
    first, end = (start_of_day(date(day_of, 1, 1)) for day_of in (year, year + 1))
    placed = PaymentHoldRow.placed_at.between(first, end - timedelta(microseconds=1))
    return (row.record for row in PaymentHoldRow.by_city.query(list_of_holds(city, status), placed))


def hold_write(hold: Hold, *, before: Hold | None = None) -> Put:
    """Store a hold: the first time, or anew in place of one that was released."""
    row: Any = PaymentHoldRow.from_record(hold)
    row.listing = list_of_holds(hold.city, hold.status)
    released = (
        None
        if before is None
        else lawful(PaymentHoldRow, sources=(HoldStatus.RELEASED,), version=before.version)
    )
    return Put(row, released)


def release_write(hold: Hold, *, actor: str, reason: str, now: datetime) -> Update:
    """Note that a hold was lifted; `model.why_not_release` gives the reasons against it."""
    return Update(
        PaymentHoldRow,
        (hold.id,),
        [
            PaymentHoldRow.status.set(str(HOLD_TRANSITIONS.target("release"))),
            PaymentHoldRow.listing.set(list_of_holds(hold.city, HOLD_TRANSITIONS.target("release"))),
            PaymentHoldRow.released_by.set(actor),
            PaymentHoldRow.released_at.set(now),
            PaymentHoldRow.release_reason.set(reason),
        ],
        lawful(PaymentHoldRow, sources=HOLD_TRANSITIONS.sources("release"), version=hold.version),
    )


def released_write(hold: Hold, *, before: Hold | None, actor: str, reason: str, now: datetime) -> Put:
    """Store the record of a hold that had none, or only of an earlier time, as lifted."""
    lifted = msgspec.structs.replace(
        hold,
        status=HOLD_TRANSITIONS.target("release"),
        released_by=actor,
        released_at=now,
        release_reason=reason,
    )
    return hold_write(lifted, before=before)


# --------------------------------------------------------------------------- on classes


def find_class_holds(class_id: str) -> ClassHolds | None:
    """Read the holds that stand on a class."""
    return ClassHoldsRow.find(class_id)


def class_holds_check(class_id: str, standing: ClassHolds | None) -> Check:
    """Require that the holds on a class are as they were read: lines are filed with just these."""
    absent: Condition = ClassHoldsRow.class_id.does_not_exist()
    unchanged = absent if standing is None else ClassHoldsRow.version == standing.version
    return Check(ClassHoldsRow, (class_id,), unchanged)


def class_holds_put(after: ClassHolds) -> Put:
    """Store the first hold on a class, if there is none yet."""
    return Put(ClassHoldsRow.from_record(after))


def class_holds_update(after: ClassHolds, standing: ClassHolds) -> Update:
    """Replace the holds on a class, if they are still as they were read."""
    unchanged = ClassHoldsRow.version == standing.version
    return Update(ClassHoldsRow, (after.class_id,), [ClassHoldsRow.holds.set(after.holds)], unchanged)


def widen_write(hold: Hold, enrolments: Sequence[str]) -> Update:
    """Let an open hold on a class stop these, if it is still as it was read."""
    column = PaymentHoldRow.enrolments
    action = column.set(list(enrolments)) if enrolments else column.remove()
    unchanged = lawful(PaymentHoldRow, sources=(HoldStatus.OPEN,), version=hold.version)
    return Update(PaymentHoldRow, (hold.id,), [action], unchanged)


def claim_check(claim_id: str, claim: Claim | None) -> Check:
    """Require that a claim is as it was read, or that there is none where none was found."""
    absent: Condition = ClaimRow.id.does_not_exist()
    return Check(ClaimRow, (claim_id,), absent if claim is None else ClaimRow.version == claim.version)


# --------------------------------------------------------------------------- on lines


def holds_write(line: Line, holds: Sequence[str], *, at: datetime) -> Update:
    """Replace the holds of a line that is not in a batch, if it is still as it was read."""
    return Update(LineRow, (line.id,), _actions(line, holds, at), _unchanged(line))


def unpaid_holds_write(line: Line, holds: Sequence[str], *, at: datetime) -> Update:
    """Replace the holds of a line that is not paid, in a batch or not, if it is still as it was read."""
    unchanged = lawful(LineRow, sources=UNPAID, version=line.version)
    return Update(LineRow, (line.id,), _actions(line, holds, at), unchanged)


def lift_derived_write(line: Line, hold: str, *, at: datetime) -> Update:
    """Lift a derived hold for good: it does not come back when its facts are looked at again."""
    holds = [other for other in line.holds if other != hold]
    lifted = LineRow.lifted.set([*line.lifted, hold])
    return Update(LineRow, (line.id,), [*_actions(line, holds, at), lifted], _unchanged(line))


def set_holds(line: Line, holds: Sequence[str], change: Change) -> Line | None:
    """Replace the holds of a line by what was decided on it; None if it is no longer as it was read."""
    try:
        return replace_holds(line, holds, change)
    except ConditionFailed:
        return None


def place_hold(line_id: str, hold: str, change: Change) -> Line | None:
    """Stop a line that is not in a batch yet; a hold placed twice is one. None if it is too late."""
    return _change_holds(line_id, change, lambda holds: [*holds, hold] if hold not in holds else holds)


def flag_late(line: Line, late: LateIneligibility | None, change: Change) -> None:
    """Note on a line in a batch or paid that a list came too late for it, or on any that it was corrected.

    Raises:
        ConditionFailed: the line has changed meanwhile.

    """
    key = LineRow.flagged
    listed = key.set(flagged_as(LineFlag.LATE_INELIGIBILITY, line.city)) if late else key.remove()
    told = LineRow.late_ineligibility
    update(
        LineRow,
        (line.id,),
        [told.set(late) if late else told.remove(), listed],
        condition=LineRow.version == line.version,
        change=change,
    )


def _change_holds(line_id: str, change: Change, replaced: Callable[[list[str]], list[str]]) -> Line | None:
    def attempt() -> Line | None:
        line = find_line(line_id)
        if line is None or line.status not in STOPPABLE:
            return None
        holds = replaced(line.holds)
        return line if holds == line.holds else replace_holds(line, holds, change)

    return until_written(attempt, tries=_TRIES)


def replace_holds(line: Line, holds: Sequence[str], change: Change) -> Line:
    """Replace the holds of a line that is not in a batch, if it is still as it was read.

    Raises:
        ConditionFailed: it is not.

    """
    return update(
        LineRow, (line.id,), _actions(line, holds, change.at), condition=_unchanged(line), change=change
    )


def _actions(line: Line, holds: Sequence[str], at: datetime) -> list[Action]:
    since, status = since_with(line, holds, at), status_with(line, holds)
    after = msgspec.structs.replace(line, holds=list(holds), status=status)
    listed: list[Action] = []
    if is_barred(after) or (status is LineStatus.HELD and waits_for_facts(holds)):
        listed = line_waits(line.city, min(since[hold] for hold in holds if waits_for_facts([hold])))
    elif is_barred(line) or line.status is LineStatus.HELD:
        listed = line_rests(still=waits_for_finance(line))
    return [
        LineRow.holds.set(list(holds)),
        LineRow.held_since.set(since),
        LineRow.status.set(str(status)),
        *listed,
    ]


def _unchanged(line: Line) -> Condition:
    return lawful(LineRow, sources=STOPPABLE, version=line.version)
