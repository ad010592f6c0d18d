"""The table of decisions on check-ins, and the write that decides one."""

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.attendance.check_ins.model import CheckIn
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.attendance.reviews.model import Review
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import ConditionFailed, Put, Update, transact
from chalicelib.classes.store import evidence_check
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import has_happened


class ReviewRow(VersionedTable[Review]):
    """One row a decision, by class; only ever added to."""

    class Meta:
        table_name = table_name("check-in-reviews")

    record_type = Review
    streamed = True

    class_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    check_in_id = UnicodeAttribute()
    enrolment_id = UnicodeAttribute()
    division = UnicodeAttribute()
    kinds = StructAttribute()
    verdict = UnicodeAttribute()
    reason = UnicodeAttribute()
    decided_by = UnicodeAttribute()
    decided_at = MomentAttribute()


def decide(before: CheckIn, review: Review, *, change: Change) -> CheckIn:
    """Record a decision on this version of a check-in and take it off the list, in one transaction.

    Gives the check-in as it is now. The conditions are the truth of what `model.why_not` told.

    Raises:
        Refused: the completion was approved meanwhile, or the check-in changed.

    """
    verdicts = (before.verdicts or {}) | dict.fromkeys(review.kinds, review.verdict)
    check_in = Update(
        CheckInRow,
        (before.class_id, before.slot),
        [
            CheckInRow.verdicts.set(verdicts),
            *CheckInRow.listed_nowhere(),
            CheckInRow.queued_at.remove(),
            CheckInRow.division.remove(),
        ],
        CheckInRow.version == before.version,
    )
    try:
        transact(
            [evidence_check(before.class_id), check_in, Put(ReviewRow.from_record(review))], change=change
        )
    except ConditionFailed as failure:
        if failure.index == 0:
            raise error("wrong_state", status=str(failure.old.status if failure.old else "")) from failure
        raise error("version_conflict", version=before.version + 1) from failure
    if has_happened():
        return before
    return msgspec.structs.replace(
        before,
        verdicts=verdicts,
        queue=None,
        queued_at=None,
        division=None,
        version=before.version + 1,
        last_change=change,
    )
