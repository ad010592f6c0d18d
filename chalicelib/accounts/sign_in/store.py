"""The table of refresh-token families."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.accounts.sign_in.model import Session
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, keep, update


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


def create_session(session: Session) -> None:
    """Begin a family of refresh tokens."""
    keep(SessionRow.from_record(session))


def find_session(session_id: str) -> Session | None:
    """Read a family of refresh tokens."""
    return SessionRow.find(session_id)


def rotate_session(session: Session, *, next_hash: str, expires: int) -> bool:
    """Replace a family's good token; False if another refresh was first."""
    try:
        update(
            SessionRow,
            (session.id,),
            [SessionRow.current_hash.set(next_hash), SessionRow.expires.set(expires)],
            condition=SessionRow.current_hash == session.current_hash,
        )
    except ConditionFailed:
        return False
    return True


def end_session(session_id: str) -> None:
    """End a family of refresh tokens."""
    SessionRow(session_id).delete()
