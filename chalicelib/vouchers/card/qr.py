"""The QR a holder shows: a token that rotates every minute, signed, and drawn as SVG.

The token uses only the letters of QR's alphanumeric mode, which keeps the symbol small: a phone screen
held at an angle is read from far away. Signing and checking need no call.

Where the card gave its device at the claim, the token carries the tag of that device under its signature,
and the redeeming write demands that the voucher still is this device's: a code photographed on the phone
before does nothing once the holder has moved the voucher to another.
"""

import base64
import hashlib
import hmac
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.kernel.ids import VoucherId
from chalicelib.kernel.reasons import error

PERIOD_SECONDS = 60
_MARK = "TV1"
_MAC_BYTES = 15
_MAC_CHARS = _MAC_BYTES * 8 // 5
_TOKEN_CHARS_MAX = 120
_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]\s*")
"""How a scanner names the symbol it read (ISO/IEC 15424): `]Q1` is a QR code."""
_UNBOUND_PARTS, _BOUND_PARTS = 4, 5
DEVICE_TAG_CHARS = 8
_QUIET_MODULES = 4
_PIXELS_A_MODULE = 8


@dataclass(frozen=True)
class QrToken:
    """A token and the end of the period it was made in (it is good for one more)."""

    text: str
    step: int
    expires_at: datetime


@dataclass(frozen=True)
class ScannedToken:
    """What a good token says; `device` is the tag of the phone that showed it, "" if the card names none."""

    voucher_id: VoucherId
    step: int
    device: str = ""


def step_at(now: datetime) -> int:
    """Tell the period that a moment lies in."""
    return int(now.timestamp()) // PERIOD_SECONDS


def device_tag_of(digest: str | None) -> str:
    """Give what a token carries of a device's keyed digest: 40 bits, enough to tell phones apart."""
    return (digest or "")[:DEVICE_TAG_CHARS]


def make_token(voucher_id: str, *, now: datetime, key: tuple[str, bytes], device: str = "") -> QrToken:
    """Make the token of this minute for a voucher; `key` is (key id, bytes), `device` the phone's tag."""
    step = step_at(now)
    suffix = voucher_id.partition("_")[2].upper()
    parts = [_MARK, key[0].upper(), suffix, f"{step:X}", *([device.upper()] if device else [])]
    body = "-".join(parts)
    text = f"{body}-{_mac(body, key[1])}"
    ends = datetime.fromtimestamp((step + 1) * PERIOD_SECONDS, UTC)
    return QrToken(text, step, ends + timedelta(seconds=PERIOD_SECONDS))


def read_token(text: str, *, now: datetime, keys: Sequence[tuple[str, bytes]]) -> ScannedToken:
    """Check a scanned token: signature first, then its time.

    Example: a code shown at 10:00:40 is of the minute from 10:00. It is good until 10:02:00, not inclusive.
    A code of the next minute is taken as well: clocks differ.

    Raises:
        Impossible: `token_invalid`, it is none of ours or was changed; `token_miskeyed`, the scanner's keys
            went through an input method or Caps Lock.
        Refused: `token_expired`, it is older than its minute and the one after.

    """
    scanned = _genuine(text, keys)
    current = step_at(now)
    if scanned is None and _is_miskeyed(text):
        raise error("token_miskeyed")
    if scanned is None or scanned.step > current + 1:
        raise error("token_invalid")
    if scanned.step < current - 1:
        raise error("token_expired")
    return scanned


def voucher_of_stale(text: str, *, now: datetime, keys: Sequence[tuple[str, bytes]]) -> VoucherId | None:
    """Tell the voucher of a genuine token that has become too old, by which a late repeat is known."""
    scanned = _genuine(text, keys)
    return scanned.voucher_id if scanned is not None and scanned.step < step_at(now) - 1 else None


def _genuine(text: str, keys: Sequence[tuple[str, bytes]]) -> ScannedToken | None:
    """Read a token whose signature is ours: every character is signed, so none needs a check of form."""
    text = _as_scanned(text)
    if len(text) > _TOKEN_CHARS_MAX or not text.isascii():
        return None
    body, _, mac = text.rpartition("-")
    parts = body.split("-")
    if parts[0] != _MARK or len(parts) not in (_UNBOUND_PARTS, _BOUND_PARTS):
        return None
    known = [key for name, key in keys if name.upper() == parts[1]]
    if not any(hmac.compare_digest(_mac(body, key), mac) for key in known):
        return None
    device = parts[4].lower() if len(parts) == _BOUND_PARTS else ""
    return ScannedToken(VoucherId(f"vch_{parts[2].lower()}"), int(parts[3], 16), device)


def _as_scanned(text: str) -> str:
    """Take off what scanners add: blanks, the key Enter or Tab, and what kind of symbol it was (`]Q1`)."""
    return _SYMBOLOGY.sub("", text.strip())


def _is_miskeyed(text: str) -> bool:
    """Tell whether a text would begin as our codes do, had no input method or Caps Lock changed it.

    A scanner types as a keyboard does. Caps Lock turns its letters small, a Chinese input method makes signs
    wide or takes letters away.
    """
    plain = _as_scanned(text)
    meant = "".join(unicodedata.normalize("NFKC", plain).upper().split())
    return meant.startswith(f"{_MARK}-") and meant != plain


def _mac(body: str, key: bytes) -> str:
    digest = hmac.new(key, body.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:_MAC_CHARS]


def draw(text: str) -> str:
    """Draw a token as SVG: dark on a white ground of its own, so that dark mode cannot invert it.

    Error correction M: a screen is flat and clean, and a smaller symbol is read sooner. The size is in
    pixels, eight a module, because programs that do not know millimetres draw nothing.
    """
    import qrcode  # noqa: PLC0415 - loaded only where a QR is shown
    from qrcode.image.svg import SvgPathFillImage  # noqa: PLC0415

    symbol = qrcode.QRCode(
        error_correction=qrcode.constants.ERROR_CORRECT_M,
        border=_QUIET_MODULES,
        image_factory=SvgPathFillImage,
    )
    symbol.add_data(text)
    target = io.BytesIO()
    symbol.make_image().save(target)
    modules = symbol.modules_count + 2 * _QUIET_MODULES
    pixels = modules * _PIXELS_A_MODULE
    drawn = target.getvalue().decode().partition("?>")[2].strip()
    return drawn.replace(
        f'width="{modules}mm" height="{modules}mm"', f'width="{pixels}" height="{pixels}"', 1
    )
