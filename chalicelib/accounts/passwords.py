"""Passwords and other secrets: kept as digests only, and not those that are guessed first."""

import base64
import hashlib
from typing import Any


def secret_digest(secret: str) -> str:
    """Digest a secret of high entropy (codes, refresh tokens), which is never stored itself."""
    return base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


_installed_hasher: list[Any] = []


def _hasher() -> Any:
    if not _installed_hasher:
        from argon2 import PasswordHasher  # noqa: PLC0415 - loaded only where someone signs in
        from argon2.profiles import RFC_9106_LOW_MEMORY  # noqa: PLC0415

        _installed_hasher.append(PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY))
    return _installed_hasher[0]


def hash_password(password: str) -> str:
    """Hash a password with argon2id (RFC 9106, second recommended option)."""
    return str(_hasher().hash(password))


DECOY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$ReCNQKDIyCH8WsN0iimfhQ$zVlzyEa9DJDW1FopF8n1oBdZWpASo6fQkD4tKnXLQao"
)
"""The hash of a password nobody knows, verified where there is no account: it stands here ready-made, since
hashing one first would make a process's first unknown account answer later than a known one."""


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether the password is the account's; without an account it takes as long and is wrong."""
    from argon2.exceptions import VerificationError  # noqa: PLC0415

    try:
        verified = _hasher().verify(password_hash or DECOY_HASH, password)
    except VerificationError:
        return False
    return bool(verified) and password_hash is not None


# --------------------------------------------------------------------------- what is guessed first

_DISTINCT_SIGNS_MIN = 5


def is_weak(account: str, password: str) -> bool:
    """Tell whether a password of good length is still guessed first.

    After NIST SP 800-63B-4, 3.1.1.2: length and a look at what is expected, no rules of composition.
    """
    folded = password.casefold()
    return (
        account.strip().casefold() in folded
        or len(set(folded)) < _DISTINCT_SIGNS_MIN
        or folded in "01234567890123456789" * 2
        or folded in "98765432109876543210" * 2
        or folded in _GUESSED_FIRST
    )


_GUESSED_FIRST = frozenset(
    {
        "password123",
        "password1234",
        "passw0rd123",
        "1q2w3e4r5t6y",
        "qwertyuiop",
        "qwerty123456",
        "qwertyuiop123",
    }
    | {
        "admin123456",
        "abc1234567",
        "abcd123456",
        "a123456789",
        "1qaz2wsx3edc",
        "woaini1314520",
        "changeme123",
    }
)
"""Of ten characters or more, from published lists; shorter ones never get here."""
