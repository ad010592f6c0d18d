"""The indexes of claims and of their lines."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.aws.table import MomentAttribute


class ClaimsByInstitution(GlobalSecondaryIndex[Any]):
    """An institution's claims, by time."""

    class Meta:
        index_name = "by_institution"
        projection = AllProjection()

    institution = UnicodeAttribute(hash_key=True)
    submitted_at = MomentAttribute(range_key=True)


class ClaimsByCity(GlobalSecondaryIndex[Any]):
    """The claims that one city's budget pays, by time."""

    class Meta:
        index_name = "by_city"
        projection = AllProjection()

    city = UnicodeAttribute(hash_key=True)
    submitted_at = MomentAttribute(range_key=True)


class ClaimsDue(GlobalSecondaryIndex[Any]):
    """Claims in publicity or after it, not yet all batched, by the day settlement may take them."""

    class Meta:
        index_name = "by_due"
        projection = AllProjection()

    due_city = UnicodeAttribute(hash_key=True)
    due_on = UnicodeAttribute(range_key=True)


class WaitingClaims(GlobalSecondaryIndex[Any]):
    """Claims that wait for a review, or to be sent again, by city and part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingClaims(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "institution", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class LinesByPerson(GlobalSecondaryIndex[Any]):
    """A person's lines, by time."""

    class Meta:
        index_name = "by_person"
        projection = AllProjection()

    person_key = UnicodeAttribute(hash_key=True)
    submitted_at = MomentAttribute(range_key=True)


class LinesToRetry(GlobalSecondaryIndex[Any]):
    """Lines whose payment failed, waiting for the next batch of their city."""

    class Meta:
        index_name = "by_retry"
        projection = KeysOnlyProjection()

    retry_city = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class LinesByFlag(GlobalSecondaryIndex[Any]):
    """Lines that somebody has to look at, by why and by the city that pays; gone when the reason is."""

    class Meta:
        index_name = "by_flag"
        projection = AllProjection()

    flagged = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class WaitingLines(GlobalSecondaryIndex[Any]):
    """Lines on which a second finance officer has to decide, by city, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)
