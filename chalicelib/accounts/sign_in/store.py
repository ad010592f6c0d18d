"""The table of refresh-token families."""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.accounts.sign_in.model import Session
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, keep, update
from chalicelib.kernel.ids import new_operation_id


class SessionRow(Table[Session]):
    """One row a refresh-token family."""

    class Meta:
        table_name = table_name("sessions")

    record_type = Session
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    actor = UnicodeAttribute()
    role = UnicodeAttribute()
    current_hash = UnicodeAttribute()
    expires = NumberAttribute()
    begun_at = MomentAttribute(null=True)
    person_key = UnicodeAttribute(null=True)
    signed_names = StructAttribute(default=list)
    spent_hash = UnicodeAttribute(null=True)
    successor_seed = UnicodeAttribute(null=True)
    rotated_at = MomentAttribute(null=True)
    mark = UnicodeAttribute(null=True)


def create_session(session: Session) -> None:
    """Begin a family of refresh tokens."""
    keep(SessionRow.from_record(session))


def find_session(session_id: str) -> Session | None:
    """Read a family of refresh tokens."""
    return SessionRow.find(session_id)


def rotate_session(session: Session, *, next_hash: str, seed: str, expires: int, now: datetime) -> bool:
    """Replace a family's good token; False if another refresh was first. The SDK's repeat knows its own."""
    try:
        update(
            SessionRow,
            (session.id,),
            [
                SessionRow.current_hash.set(next_hash),
                SessionRow.spent_hash.set(session.current_hash),
                SessionRow.successor_seed.set(seed),
                SessionRow.rotated_at.set(now),
                SessionRow.expires.set(expires),
            ],
            condition=SessionRow.current_hash == session.current_hash,
        )
    except ConditionFailed as failure:
        return failure.old is not None and failure.old.current_hash == next_hash
    return True


def repeat_successor(session: Session) -> bool:
    """Give the newest token out a second time; False if that was done. The SDK's repeat knows its own."""
    mark = new_operation_id()
    try:
        update(
            SessionRow,
            (session.id,),
            [SessionRow.spent_hash.remove(), SessionRow.mark.set(mark)],
            condition=(SessionRow.current_hash == session.current_hash)
            & (SessionRow.spent_hash == session.spent_hash),
        )
    except ConditionFailed as failure:
        return failure.old is not None and failure.old.mark == mark
    return True


def end_session(session_id: str) -> None:
    """End a family of refresh tokens."""
    SessionRow(session_id).delete()
