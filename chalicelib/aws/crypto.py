"""Personal data at rest: AES-256-GCM with a data key from KMS, bound to the item it belongs to.

A sealed text is `v1.<wrapped data key>.<nonce + ciphertext>`, all base64url. The associated data is the
key of the item, so a sealed value copied to another item does not open. One data key serves this process
for a bounded time and number of uses, so sealing costs no KMS call each.
"""

import base64
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.clients import client
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings

if TYPE_CHECKING:  # loaded only where something is sealed or opened
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DATA_KEY_SECONDS = 300
DATA_KEY_USES = 100_000
_OPENED_KEYS_MAX = 256
_NONCE_BYTES = 12
_CONTEXT = {"service": "training-voucher"}


class CannotOpen(Exception):
    """A sealed text is damaged, or belongs to another item."""


@dataclass(frozen=True)
class SealedText:
    """A sealed text and the item it was sealed for."""

    text: str
    item: str


@dataclass
class _DataKey:
    wrapped: bytes
    cipher: "AESGCM"
    until: float
    uses: int = 0


_lock = threading.Lock()
_current: list[_DataKey] = []
_opened: dict[bytes, tuple["AESGCM", float]] = {}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

    return AESGCM(key)


def _sealing_key() -> _DataKey:
    with _lock:
        now = time.monotonic()
        if not _current or _current[0].until < now or _current[0].uses >= DATA_KEY_USES:
            answer = client("kms").generate_data_key(
                KeyId=settings().data_key_id, KeySpec="AES_256", EncryptionContext=_CONTEXT
            )
            _current[:] = [
                _DataKey(answer["CiphertextBlob"], _cipher(answer["Plaintext"]), now + DATA_KEY_SECONDS)
            ]
        key = _current[0]
        key.uses += 1
        return key


def _opening_cipher(wrapped: bytes) -> "AESGCM":
    with _lock:
        now = time.monotonic()
        if _current and _current[0].wrapped == wrapped:
            return _current[0].cipher
        cached = _opened.get(wrapped)
        if cached is not None and cached[1] > now:
            return cached[0]
        plain = client("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=_CONTEXT)["Plaintext"]
        if len(_opened) >= _OPENED_KEYS_MAX:
            _opened.clear()
        cipher = _cipher(plain)
        _opened[wrapped] = (cipher, now + DATA_KEY_SECONDS)
        return cipher


def seal(plain: bytes, *, item: str) -> str:
    """Encrypt bytes for the item with this key, e.g. `person:prs_…`."""
    key = _sealing_key()
    nonce = os.urandom(_NONCE_BYTES)
    return f"v1.{_b64(key.wrapped)}.{_b64(nonce + key.cipher.encrypt(nonce, plain, item.encode()))}"


def reseal(sealed: str, *, item: str) -> str:
    """Seal for the same item under the current data key; what is sealed leaves nobody's hands.

    Raises:
        CannotOpen: the text is damaged or was sealed for another item.

    """
    return seal(_open(sealed, item=item), item=item)


def open_sealed(sealed: str, *, item: str, purpose: str) -> bytes:
    """Decrypt what was sealed for this item; the purpose of looking is logged with the item's key.

    Raises:
        CannotOpen: the text is damaged or was sealed for another item.

    """
    plain = _open(sealed, item=item)
    log("personal_data_opened", item=item, purpose=purpose)
    return plain


def _open(sealed: str, *, item: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above

    try:
        version, wrapped, body = sealed.split(".")
        if version != "v1":
            raise CannotOpen(version)
        raw = _raw(body)
        return _opening_cipher(_raw(wrapped)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], item.encode())
    except (ValueError, InvalidTag) as error:
        raise CannotOpen(item) from error


def forget_data_keys() -> None:
    """Drop every cached data key."""
    with _lock:
        _current.clear()
        _opened.clear()
