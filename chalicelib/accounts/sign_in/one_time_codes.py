"""One-time codes (RFC 6238) of a second factor: good for some seconds, and once."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.accounts.model import Account
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.aws import crypto

TOTP_DIGITS = 6
TOTP_SECONDS = 30
TOTP_SECRET_BYTES = 20


def second_factor_holds(account: Account, code: str | None, now: datetime) -> bool:
    """Tell whether the code is good and unspent (RFC 6238, one step of tolerance), and spend it."""
    if not account.totp_on:
        return code is None
    assert account.sealed_totp is not None
    return code is not None and spend_code(account, code, now)


def spend_code(account: Account, code: str, now: datetime) -> bool:
    """Tell whether the code is good now and was never used, and use it up."""
    from cryptography.hazmat.primitives.twofactor import InvalidToken  # noqa: PLC0415 - only with TOTP

    totp = _totp_of(account)
    step = int(now.timestamp()) // TOTP_SECONDS
    for near in (step, step - 1, step + 1):
        try:
            totp.verify(code.encode(), near * TOTP_SECONDS)
        except InvalidToken:
            continue
        spent_until = now + timedelta(seconds=10 * TOTP_SECONDS)
        return attempts.spend(f"totp:{account.id}:{near}", until=spent_until)
    return False


def _totp_of(account: Account) -> Any:
    assert account.sealed_totp is not None
    secret = crypto.open_sealed(account.sealed_totp, item=f"totp:{account.id}", purpose="check one-time code")
    return new_totp(secret)


def new_totp(secret: bytes) -> Any:
    """Give the generator of a secret's codes."""
    from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415
    from cryptography.hazmat.primitives.twofactor.totp import TOTP  # noqa: PLC0415

    return TOTP(secret, TOTP_DIGITS, SHA1(), TOTP_SECONDS)  # noqa: S303 - what authenticator apps know
