"""The table of refused attempts: its stream feeds the audit chain.

Whichever of the staff tries what is not theirs to do, or to decide on their own work, leaves a record (the
edge asks for it); so does who tries to make, reset or activate an account that is not theirs to make.
"""

import contextlib
from datetime import UTC

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import VersionedTable, table_name
from chalicelib.aws.writes import ConditionFailed, insert
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Change

DECIDED = "decided"
"""The code of what was no refused attempt, but a decision."""


class RefusedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One refused attempt on a thing, or by an account if it names none: `code` tells why.

    `left_out` tells of a caller how many attempts of one hour are not kept each, at least.
    """

    subject: str
    attempt: str
    division: str
    code: str
    left_out: int | None = None
    version: int = 1
    last_change: Change | None = None


class RefusedAttemptRow(VersionedTable[RefusedAttempt]):
    """One row an attempt; rows are only ever added."""

    class Meta:
        table_name = table_name("refused-attempts")

    record_type = RefusedAttempt
    streamed = True

    subject = UnicodeAttribute(hash_key=True)
    attempt = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    code = UnicodeAttribute()
    left_out = NumberAttribute(null=True)


def keep_refusal(subject: str, *, division: str, code: str, change: Change) -> None:
    """Keep a refused attempt; who tried what, and when, tells `change`. A key keeps it once."""
    attempt = RefusedAttempt(
        subject=subject,
        attempt=new_id("rfs"),
        division=division,
        code=code,
    )
    insert(RefusedAttemptRow.from_record(attempt), change=change)


def keep_decision(subject: str, *, division: str, change: Change) -> None:
    """Keep what somebody decided of a thing whose own rows stand in no chain; a key keeps it once.

    It goes the way of a refused attempt, the only one there is for what changes no audited row.
    """
    decided = RefusedAttempt(subject=subject, attempt=new_id("dcs"), division=division, code=DECIDED)
    insert(RefusedAttemptRow.from_record(decided), change=change)


def keep_left_out(actor: str, *, division: str, count: int, change: Change) -> None:
    """Keep that an account made so many more attempts in an hour; once, whichever process counted them.

    Rows here are only ever added: each count that is told is a row of its own.
    """
    hour = change.at.astimezone(UTC).strftime("%Y%m%dT%H")
    attempt = RefusedAttempt(
        subject=actor,
        attempt=f"left-out#{hour}#{count:09}",
        division=division,
        code="too_many_requests",
        left_out=count,
    )
    with contextlib.suppress(ConditionFailed):
        insert(RefusedAttemptRow.from_record(attempt), change=change)
