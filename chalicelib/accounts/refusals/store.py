"""The table of refused attempts: its stream feeds the audit chain.

Whichever of the staff tries what is not theirs to do, or to decide on their own work, leaves a record (the
edge asks for it); so does who tries to make, reset or activate an account that is not theirs to make.
"""

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import VersionedTable, table_name
from chalicelib.aws.writes import insert
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Change


class RefusedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One refused attempt on a thing, or by an account if it names none: `code` tells why."""

    subject: str
    attempt: str
    division: str
    code: str
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


def keep_refusal(subject: str, *, division: str, code: str, change: Change) -> None:
    """Keep a refused attempt; who tried what, and when, tells `change`. A key keeps it once."""
    attempt = RefusedAttempt(
        subject=subject,
        attempt=new_id("rfs"),
        division=division,
        code=code,
    )
    insert(RefusedAttemptRow.from_record(attempt), change=change)
