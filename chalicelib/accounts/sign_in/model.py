"""Sessions, and who signs in with a second factor."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from chalicelib.kernel.principal import Role

TOTP_ROLES = frozenset({Role.REVIEWER, Role.FINANCE, Role.PROVINCE})
"""Who needs a second factor where the setting `TOTP_REQUIRED` is on; anyone may have one."""
UNHEARD_FOR = timedelta(seconds=15)
"""So long a client that did not hear the answer gets the same successor again, once."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One family of refresh tokens: only its newest member is good, a spent one ends it.

    `spent_hash` is of the member before, `successor_seed` what made the newest of it (`successor_of`);
    neither leads to a token without the other.
    """

    id: str
    actor: str
    role: Role
    current_hash: str
    expires: int
    begun_at: datetime | None = None
    person_key: str | None = None
    signed_names: list[str] = []
    spent_hash: str | None = None
    successor_seed: str | None = None
    rotated_at: datetime | None = None
    mark: str | None = None


def successor_of(secret: str, seed: str) -> str:
    """Give the secret that follows another in its family: the same again from the same seed."""
    following = hmac.digest(seed.encode(), secret.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(following).decode().rstrip("=")


def is_unheard(session: Session, secret_hash: str, now: datetime) -> bool:
    """Tell whether a spent secret is the one just traded, whose answer may have been lost."""
    return (
        session.spent_hash is not None
        and session.successor_seed is not None
        and session.rotated_at is not None
        and hmac.compare_digest(session.spent_hash, secret_hash)
        and now < session.rotated_at + UNHEARD_FOR
    )
