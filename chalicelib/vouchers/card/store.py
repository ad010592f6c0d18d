"""The writes of the holder's card: a voucher accepted, and its codes moved to another phone."""

from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.aws.writes import ConditionFailed, lawful, update
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.vouchers.model import Voucher, VoucherStatus, has_expired, is_name_proven, why_not
from chalicelib.vouchers.store import VoucherRow, lawful_for, not_barred, target_of


def claim(
    voucher_id: str,
    *,
    person_key: str,
    name_proven_at: datetime,
    now: datetime,
    change: Change,
    device: str | None = None,
) -> Voucher:
    """Accept a voucher for its holder, once; a repeat by the holder gives the voucher as it is.

    `name_proven_at` is when the name on the holder's card was found to be the list's. `device`, if the card
    names one, is the digest of the phone that is to show the codes.

    Raises:
        NotFound: there is none, or it is another person's.
        Refused: `name_mismatch`; or it has expired, was revoked, or is spent.

    """
    try:
        return update(
            VoucherRow,
            (voucher_id,),
            [
                VoucherRow.status.set(target_of("claim")),
                VoucherRow.claimed_at.set(now),
                *([VoucherRow.device.set(device)] if device is not None else []),
            ],
            condition=lawful_for("claim")
            & (VoucherRow.person_key == person_key)
            & VoucherRow.name_mismatch_at.does_not_exist()
            & (VoucherRow.named_at.does_not_exist() | (VoucherRow.named_at < name_proven_at))
            & (VoucherRow.expires_at > now)
            & not_barred(now),
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        if not isinstance(old, Voucher) or old.person_key != person_key:
            raise error("not_found") from None
        named_otherwise = not is_name_proven(old, name_proven_at)
        repeated = old.status is VoucherStatus.CLAIMED and not has_expired(old, now)
        if repeated and not named_otherwise:
            return old
        refusal = why_not("claim", old, now=now, named_otherwise=named_otherwise)
        raise refusal or error("try_again") from None


def bind_device(voucher: Voucher, *, device: str, now: datetime, change: Change) -> Voucher:
    """Move a claimed voucher's codes to another phone; those of the phone before are worth nothing then.

    Raises:
        Refused: it was spent, revoked or has expired, or another phone was first (`version_conflict`).

    """
    bound: Condition = VoucherRow.device.does_not_exist()
    if voucher.device is not None:
        bound = VoucherRow.device == voucher.device
    try:
        return update(
            VoucherRow,
            (voucher.id,),
            [VoucherRow.device.set(device)],
            condition=lawful(VoucherRow, sources=[VoucherStatus.CLAIMED])
            & (VoucherRow.expires_at > now)
            & bound,
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        if not isinstance(old, Voucher):
            raise error("not_found") from None
        if old.status is VoucherStatus.CLAIMED and not has_expired(old, now):
            raise error("version_conflict", version=old.version) from None
        raise why_not("claim", old, now=now) or error("try_again") from None
