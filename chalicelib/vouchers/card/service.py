"""Use cases of the holder's card: accept a voucher, show its QR (steps 4 and 5); read what is scanned."""

import base64
from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.aws.keys import keyed_digests, signing_keys
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.vouchers import store
from chalicelib.vouchers.card import qr
from chalicelib.vouchers.card import store as card_store
from chalicelib.vouchers.model import Voucher, is_name_proven, why_not
from chalicelib.vouchers.names import service as names
from chalicelib.vouchers.service import ShownVoucher, shown_masked

QR_PURPOSE = "qr-hmac"
_DEVICE_BYTES = 15


def claim(context: Context, voucher_id: str, *, device_id: str | None = None) -> ShownVoucher:
    """Accept one's own voucher (step 4); a repeat gives the voucher as it is.

    A card that names its device binds the voucher's codes to it; claiming again on another phone, while the
    voucher is unspent, moves them there, with a record of its own.
    The card shows who holds it; the answer does not open the vault for that, so a claim is one call.

    Raises:
        NotFound: there is none, or it is another person's.
        Refused: `name_mismatch`, the card is signed with another name than the list has; or see
            `model.why_not`, asked by the write itself.

    """
    holder = context.principal.person_key
    if holder is None:
        raise error("not_found")
    digests = _device_digests(voucher_id, device_id)
    device = digests[0] if digests else None
    proven_at = context.principal.name_proven_at or names.prove(context, voucher_id)
    try:
        voucher = _claim(context, voucher_id, holder, device, proven_at)
    except Refused as refusal:
        if refusal.code != names.MISMATCH:
            raise
        proven_at = names.prove(context, voucher_id)  # by the list as it is now, not as the card signed in
        voucher = _claim(context, voucher_id, holder, device, proven_at)
    if digests and voucher.device not in digests:
        voucher = card_store.bind_device(
            voucher, device=digests[0], now=context.now, change=change_of(context, "voucher.bind_device")
        )
    return shown_masked(context, [voucher])[0]


def _claim(
    context: Context, voucher_id: str, holder: str, device: str | None, proven_at: datetime
) -> Voucher:
    return card_store.claim(
        voucher_id,
        person_key=holder,
        name_proven_at=proven_at,
        now=context.now,
        change=change_of(context, "voucher.claim"),
        device=device,
    )


def show_qr(context: Context, voucher_id: str, *, device_id: str | None = None) -> qr.QrToken:
    """Make the QR of this minute for a claimed voucher of one's own; one read, no write.

    Raises:
        NotFound: there is none, or it is another person's. Refused: `name_mismatch`; it is not claimed,
        spent, or has expired; or is bound to another phone (`other_device`).

    """
    voucher = store.read_voucher(voucher_id)
    rights.require(context.principal, "voucher.show_qr", person_key=voucher.person_key)
    if not is_name_proven(voucher, context.principal.name_proven_at):
        names.prove(context, voucher_id)
    refuse(why_not("show_qr", voucher, now=context.now))
    if voucher.device is not None and voucher.device not in _device_digests(voucher.id, device_id):
        raise error("other_device")
    tag = qr.device_tag_of(voucher.device)
    return qr.make_token(voucher.id, now=context.now, key=qr_keys()[0], device=tag)


def _device_digests(voucher_id: str, device_id: str | None) -> tuple[str, ...]:
    """Give a phone's digests for one voucher under each live key: two vouchers do not tell they share it."""
    if not device_id:
        return ()
    digests = keyed_digests("card-device", f"{voucher_id}|{device_id}")
    return tuple(base64.b32encode(digest[:_DEVICE_BYTES]).decode().lower() for digest in digests)


# --------------------------------------------------------------------------- for the counter


def qr_keys() -> list[tuple[str, bytes]]:
    """Give the live keys under which codes are signed, the current first: (key id, bytes)."""
    return [(kid[:4], key) for kid, key in signing_keys().derive(QR_PURPOSE)]


def read_scan(context: Context, token: str) -> qr.ScannedToken:
    """Check a scanned token; needs no call."""
    return qr.read_token(token, now=context.now, keys=qr_keys())


def voucher_of_stale_scan(context: Context, token: str) -> str | None:
    """Tell the voucher of a token that is genuine but too old; None if it is not genuine."""
    return qr.voucher_of_stale(token, now=context.now, keys=qr_keys())
