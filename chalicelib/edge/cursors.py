"""Page cursors: a store's own key, encrypted, and good for one list, its filters and one caller only."""

import base64
import os
from typing import Any

import msgspec

from chalicelib.aws.keys import signing_keys
from chalicelib.kernel.reasons import error

_NONCE_BYTES = 12
_PURPOSE = "cursor-aes"


def write_cursor(after: dict[str, Any] | None, *, place: str) -> str | None:
    """Turn a store's key into a cursor for this list, its filters and caller (`place`)."""
    if after is None:
        return None
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - few answers have a next page

    nonce = os.urandom(_NONCE_BYTES)
    cipher = AESGCM(signing_keys().derive(_PURPOSE)[0][1])
    body = nonce + cipher.encrypt(nonce, msgspec.json.encode(after), place.encode())
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(cursor: str | None, *, place: str) -> dict[str, Any] | None:
    """Turn a cursor back into the store's key.

    Raises:
        Malformed: it is none of ours, or of another list, filter or caller.

    """
    if cursor is None:
        return None
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - few requests have a cursor
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        body = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise error("invalid_cursor") from None
    for _, key in signing_keys().derive(_PURPOSE):
        try:
            plain = AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            continue
        return dict(msgspec.json.decode(plain))
    raise error("invalid_cursor")
