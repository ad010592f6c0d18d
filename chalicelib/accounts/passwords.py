"""Passwords and other secrets, kept as digests only."""

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
