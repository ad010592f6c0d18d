"""An account name and a password, proven; tries are counted by account and source, so that the guesser waits.

Example: a stranger tries the supervisor's account from one address. After five tries that address rests, for
that account; after sixty in an hour from many addresses all strange ones do. The supervisor signs in at the
bureau, as yesterday, and notices nothing.
"""

import base64
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.accounts import store
from chalicelib.accounts.model import REPEAT_VALIDITY, Account, AccountStatus, account_id_of
from chalicelib.accounts.passwords import verify_password
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT, KNOWN, KNOWN_FOR, SOURCE, STRANGER
from chalicelib.accounts.sign_in.one_time_codes import second_factor_holds
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import SIGN_INS_FAILED
from chalicelib.kernel.errors import DomainError, Unauthenticated
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class Credentials:
    """What somebody says to be let in, and from where (`source` is their address)."""

    account: str
    password: str
    totp: str | None = None
    source: str = ""


def prove(credentials: Credentials, now: datetime, *, just_proved_hash: str | None = None) -> Account:
    """Prove name, password and one-time code; a try counts against source and account before it is made.

    `just_proved_hash` stands for the code of who switches their second factor on, and asks it again.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        TooMany: too many failures from this source.

    """
    account_id = account_id_of(credentials.account)
    with counted(credentials.source, now):
        let_through = _take_try(account_id, credentials.source, now)
        account = store.find_account(account_id)
        hashed = account.password_hash if account is not None else None
        matches = verify_password(hashed, credentials.password)  # always: a hash takes time that can be seen
        open_now = account is not None and account.status is AccountStatus.ACTIVE and let_through
        if (
            account is None
            or not (matches and open_now)
            or not (
                second_factor_holds(account, credentials.totp, now)
                or _switched_on_by(account, just_proved_hash, now)
            )
        ):
            raise error("sign_in_failed")
    welcome(account_id, credentials.source, now)
    return account


def _switched_on_by(account: Account, proof_hash: str | None, now: datetime) -> bool:
    """Tell whether this very proof has just switched the second factor on, its answer maybe lost."""
    return (
        proof_hash is not None
        and account.totp_proof_hash is not None
        and account.totp_on_at is not None
        and hmac.compare_digest(account.totp_proof_hash, proof_hash)
        and now < account.totp_on_at + REPEAT_VALIDITY
    )


def _take_try(account_id: str, source: str, now: datetime) -> bool:
    """Tell whether a try may be made, and count it; the account's cap holds up strangers only."""
    known = attempts.read(_key("kno", account_id, source), now).expires > 0
    if not attempts.take(_key("try", account_id, source), KNOWN if known else STRANGER, now):
        return False
    return known or attempts.take_under(account_id, ACCOUNT, now) == 0


def welcome(account_id: str, source: str, now: datetime) -> None:
    """Know a source as the holder's from now on; what was mistyped there is forgotten."""
    attempts.forget(_key("try", account_id, source))
    key = _key("kno", account_id, source)
    nearly = (now + KNOWN_FOR - timedelta(days=1)).timestamp()
    if attempts.read(key, now).expires < nearly:
        attempts.remember(key, until=now + KNOWN_FOR)


@contextmanager
def counted(source: str, now: datetime) -> Iterator[None]:
    """Count what fails against the address it comes from, which is kept as a keyed digest.

    Raises:
        TooMany: it failed too often just now, so nothing is tried.

    """
    key = source_key(source)
    seconds = attempts.take_under(key, SOURCE, now)
    if seconds:
        raise error("too_many_requests", retry_after_seconds=seconds)
    try:
        yield
    except Unauthenticated:
        measure(SIGN_INS_FAILED)  # each alike, so that its time tells nothing
        raise
    except DomainError:
        attempts.give_back(key, now)
        raise
    attempts.give_back(key, now)


def source_key(source: str) -> str:
    """Name the row that counts the tries from an address."""
    return _key("src", source)


def _key(kind: str, *parts: str) -> str:
    digest = keyed_digest("source", " ".join(parts))[:15]
    return f"{kind}_" + base64.b32encode(digest).decode().lower()
