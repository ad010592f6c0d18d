"""Sessions, and who signs in with a second factor."""

from datetime import datetime

import msgspec

from chalicelib.kernel.principal import Role

TOTP_ROLES = frozenset({Role.REVIEWER, Role.FINANCE, Role.PROVINCE})
"""Who needs a second factor where the setting `TOTP_REQUIRED` is on; anyone may have one."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One family of refresh tokens: only its newest member is good, a spent one ends it."""

    id: str
    actor: str
    role: Role
    current_hash: str
    expires: int
    begun_at: datetime | None = None
    person_key: str | None = None
    signed_names: list[str] = []
