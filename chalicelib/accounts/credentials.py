"""An account name and a password, proven; failures are counted by account and by source."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts.attempts import store as attempts
from chalicelib.accounts.model import (
    Account,
)
from chalicelib.aws.keys import keyed_digest
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.principal import Change

# --------------------------------------------------------------------------- signing in


@dataclass(frozen=True)
class Credentials:
    """What somebody says to be let in, and from where (`source` is their address)."""

    account: str
    password: str
    totp: str | None = None
    source: str = ""


@contextmanager
def counted(source: str, now: datetime) -> Iterator[None]:
    """Count what fails against the address it comes from, which is kept as a keyed digest."""
    key = _source_key(source)
    attempts.require_room(key, now)
    try:
        yield
    except Unauthenticated:
        attempts.note_failure(attempts.read(key, now), attempts.SOURCE, now)
        raise


def _source_key(source: str) -> str:
    return "src_" + base64.b32encode(keyed_digest("source", source)[:15]).decode().lower()


def own_change(account: Account, action: str, now: datetime, request_id: str) -> Change:
    """Word a change that an account's holder makes to it themselves."""
    return Change(
        actor=account.id, role=account.role, action=f"account.{action}", request_id=request_id, at=now
    )
