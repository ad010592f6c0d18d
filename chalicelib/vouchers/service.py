"""Use cases of vouchers: claim, show a QR (steps 4 and 5); `batches` and `expiry` are beside it."""

import base64
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws.keys import keyed_digests, signing_keys
from chalicelib.catalogue.projects.reading import projects_of_program
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.vault import service as people
from chalicelib.programs.model import Program
from chalicelib.programs.service import current_program
from chalicelib.vouchers import qr, store
from chalicelib.vouchers.model import (
    VOUCHER_TRANSITIONS,
    Voucher,
    VoucherStatus,
    facts_of,
    has_expired,
    is_barred,
    status_shown,
)

QR_PURPOSE = "qr-hmac"
_DEVICE_BYTES = 15


@dataclass(frozen=True)
class ShownVoucher:
    """A voucher as its caller may see it: the holder in the clear only for themselves."""

    voucher: Voucher
    status: VoucherStatus
    program: Program
    holder_name: str
    holder_id_number: str
    projects: list[str]
    allowed_actions: list[str]


# --------------------------------------------------------------------------- the holder's card


def claim(context: Context, voucher_id: str, *, device_id: str | None = None) -> ShownVoucher:
    """Accept one's own voucher (step 4); a repeat gives the voucher as it is.

    A card that names its device binds the voucher's codes to it; claiming again on another phone, while the
    voucher is unspent, moves them there, with a record of its own.
    The card shows who holds it; the answer does not open the vault for that, so a claim is one call.
    """
    holder = context.principal.person_key
    if holder is None:
        raise error("not_found")
    digests = _device_digests(voucher_id, device_id)
    voucher = store.claim(
        voucher_id,
        person_key=holder,
        now=context.now,
        change=change_of(context, "voucher.claim"),
        device=digests[0] if digests else None,
    )
    if digests and voucher.device not in digests:
        voucher = store.bind_device(
            voucher, device=digests[0], now=context.now, change=change_of(context, "voucher.bind_device")
        )
    return _shown(context, voucher, masked=True)


def read_voucher(context: Context, voucher_id: str) -> ShownVoucher:
    """Read a voucher: its holder, the institution it was spent at, or a bureau of its division."""
    voucher = store.read_voucher(voucher_id)
    _require_reader(context.principal, voucher)
    return _shown(context, voucher)


def _require_reader(principal: Principal, voucher: Voucher) -> None:
    rights.require(
        principal,
        "voucher.read",
        division=voucher.division,
        institution=voucher.institution,
        person_key=voucher.person_key,
    )


def list_vouchers(
    context: Context, request: PageRequest, *, division: str | None, status: VoucherStatus | None
) -> Page[ShownVoucher]:
    """List one's own vouchers, or a division's."""
    principal = context.principal
    if principal.role is Role.TRAINEE:
        assert principal.person_key is not None
        page = store.vouchers_of(principal.person_key, request)
    elif principal.is_bureau:
        wanted = division or principal.division
        rights.require(principal, "voucher.read", division=wanted)
        page = store.vouchers_in(wanted, request)
    else:
        raise error("not_found")
    return Page(
        items=[
            _shown(context, voucher, masked=True)
            for voucher in page.items
            if status is None or status_shown(voucher, context.now) is status
        ],
        after=page.after,
    )


def _shown(context: Context, voucher: Voucher, *, masked: bool = False) -> ShownVoucher:
    principal = context.principal
    name, number = voucher.holder_name, voucher.holder_id_number
    own = principal.person_key == voucher.person_key
    if own and not masked:
        person = people.find_person(voucher.person_key)
        if person is not None:
            identity = people.open_identity(context, person, purpose="show the holder their voucher")
            name, number = identity.name, identity.id_number
    return ShownVoucher(
        voucher=voucher,
        status=status_shown(voucher, context.now),
        program=current_program(voucher.program_id),
        holder_name=name,
        holder_id_number=number,
        projects=projects_of_program(voucher.program_id),
        allowed_actions=_allowed(context, voucher),
    )


def _allowed(context: Context, voucher: Voucher) -> list[str]:
    allowed = VOUCHER_TRANSITIONS.allowed(status_shown(voucher, context.now))
    usable = not is_barred(voucher, context.now)
    found: list[str] = []
    for action in ("claim", "revoke"):
        right = f"voucher.{action}"
        if (
            action in allowed
            and (usable or action != "claim")
            and rights.reaches(
                context.principal, right, division=voucher.division, person_key=voucher.person_key
            )
        ):
            found.append(action)
    showable = voucher.status is VoucherStatus.CLAIMED and usable and not has_expired(voucher, context.now)
    if showable and rights.reaches(context.principal, "voucher.show_qr", person_key=voucher.person_key):
        found.append("show_qr")
    return found


def _device_digests(voucher_id: str, device_id: str | None) -> tuple[str, ...]:
    """Give a phone's digests for one voucher under each live key: two vouchers do not tell they share it."""
    if not device_id:
        return ()
    found = keyed_digests("card-device", f"{voucher_id}|{device_id}")
    return tuple(base64.b32encode(one[:_DEVICE_BYTES]).decode().lower() for one in found)


def show_qr(context: Context, voucher_id: str, *, device_id: str | None = None) -> qr.QrToken:
    """Make the QR of this minute for a claimed voucher of one's own; one read, no write.

    Raises:
        NotFound: there is none, or it is another person's.
        Refused: it is not claimed, spent, or has expired; or is bound to another phone (`other_device`).

    """
    voucher = store.read_voucher(voucher_id)
    rights.require(context.principal, "voucher.show_qr", person_key=voucher.person_key)
    status = status_shown(voucher, context.now)
    if status is not VoucherStatus.CLAIMED:
        raise error(_QR_REFUSALS[status], **facts_of(voucher))
    if voucher.bar is not None and is_barred(voucher, context.now):
        raise error(voucher.bar.code, **facts_of(voucher))
    if voucher.device is not None and voucher.device not in _device_digests(voucher.id, device_id):
        raise error("other_device")
    tag = qr.device_tag_of(voucher.device)
    return qr.make_token(voucher.id, now=context.now, key=_qr_keys()[0], device=tag)


_QR_REFUSALS = {
    VoucherStatus.ISSUED: "voucher_not_claimed",
    VoucherStatus.REDEEMED: "voucher_already_redeemed",
    VoucherStatus.SETTLED: "voucher_settled",
    VoucherStatus.CLOSED: "voucher_closed",
    VoucherStatus.EXPIRED: "voucher_expired",
    VoucherStatus.REVOKED: "voucher_revoked",
}


def _qr_keys() -> list[tuple[str, bytes]]:
    return [(kid[:4], key) for kid, key in signing_keys().derive(QR_PURPOSE)]


def read_scan(context: Context, token: str) -> qr.Scanned:
    """Check a scanned token; needs no call."""
    return qr.read_token(token, now=context.now, keys=_qr_keys())


def voucher_of_stale_scan(context: Context, token: str) -> str | None:
    """Tell the voucher of a token that is genuine but too old; None if it is not genuine."""
    return qr.voucher_of_stale(token, now=context.now, keys=_qr_keys())
