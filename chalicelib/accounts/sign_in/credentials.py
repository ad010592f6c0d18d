"""An account name and a password, proven; failures are counted by account and by source."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import store
from chalicelib.accounts.model import Account, AccountStatus, account_id_of
from chalicelib.accounts.passwords import verify_password
from chalicelib.accounts.sign_in.attempts import store as attempts_store
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT, SOURCE
from chalicelib.accounts.sign_in.one_time_codes import second_factor_holds
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import SIGN_INS_FAILED
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class Credentials:
    """What somebody says to be let in, and from where (`source` is their address)."""

    account: str
    password: str
    totp: str | None = None
    source: str = ""


def prove(credentials: Credentials, now: datetime) -> Account:
    """Prove name, password and one-time code; a failure counts against source and account.

    Raises:
        Unauthenticated: `sign_in_failed`, whatever was wrong.
        TooMany: too many failures from this source.

    """
    account_id = account_id_of(credentials.account)
    with counted(credentials.source, now):
        account = store.find_account(account_id)
        attempts = attempts_store.read(account_id, now)
        hashed = account.password_hash if account is not None else None
        matches = verify_password(hashed, credentials.password)  # always: a hash takes time that can be seen
        open_now = account is not None and account.status is AccountStatus.ACTIVE and not attempts.rests(now)
        if (
            account is None
            or not (matches and open_now)
            or not second_factor_holds(account, credentials.totp, now)
        ):
            if not attempts.rests(now):
                attempts_store.note_failure(attempts, ACCOUNT, now)
            raise error("sign_in_failed")
    if attempts.failures:
        attempts_store.forget(account_id)
    return account


@contextmanager
def counted(source: str, now: datetime) -> Iterator[None]:
    """Count what fails against the address it comes from, which is kept as a keyed digest.

    Raises:
        TooMany: it failed too often just now, so nothing is tried.

    """
    key = _source_key(source)
    seconds = attempts_store.read(key, now).rest_left_seconds(now)
    if seconds:
        raise error("too_many_requests", retry_after_seconds=seconds)
    try:
        yield
    except Unauthenticated:
        measure(SIGN_INS_FAILED)  # each alike, so that its time tells nothing
        attempts_store.note_failure(attempts_store.read(key, now), SOURCE, now)
        raise


def _source_key(source: str) -> str:
    return "src_" + base64.b32encode(keyed_digest("source", source)[:15]).decode().lower()
