"""The voucher (职业培训券): one person's instrument for one program, its states and its reasons."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.kernel.calendar import expires_at, shanghai_date, start_of_day, valid_through
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import EnrolmentId, PersonKey, ProgramId, VoucherId, derived_id
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error, sentence
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.people.eligibility import Bar
from chalicelib.people.eligibility import facts_of as standing_facts
from chalicelib.programs.model import ProgramKind


class VoucherStatus(StrEnum):
    """Where a voucher is in its life; redeemed and settled are the two write-offs."""

    ISSUED = "issued"
    CLAIMED = "claimed"
    REDEEMED = "redeemed"
    SETTLED = "settled"
    CLOSED = "closed"
    EXPIRED = "expired"
    REVOKED = "revoked"


_S = VoucherStatus
VOUCHER_TRANSITIONS: Transitions[VoucherStatus] = Transitions(
    "voucher",
    {
        "claim": Step((_S.ISSUED,), _S.CLAIMED),
        "redeem": Step((_S.CLAIMED,), _S.REDEEMED),
        "release": Step((_S.REDEEMED,), _S.CLAIMED),
        "settle": Step((_S.REDEEMED,), _S.SETTLED),
        "close": Step((_S.REDEEMED,), _S.CLOSED),
        "expire": Step((_S.ISSUED, _S.CLAIMED), _S.EXPIRED),
        "revoke": Step((_S.ISSUED, _S.CLAIMED, _S.REDEEMED), _S.REVOKED),
        "restore_issued": Step((_S.EXPIRED, _S.REVOKED), _S.ISSUED),
        "restore_claimed": Step((_S.EXPIRED, _S.REVOKED), _S.CLAIMED),
        "restore_redeemed": Step((_S.REVOKED,), _S.REDEEMED),
    },
)


FOUND_INELIGIBLE = "voucher.find_ineligible"
"""The action of a change that a cross-match list makes."""


class VoucherFlag(StrEnum):
    """Why somebody has to look at a voucher; lists go by it."""

    RESTORE_ASKED = "restore_asked"
    NAME_MISMATCH = "name_mismatch"


class Restoration(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal to give a lost voucher back: to which state (`target`), good through which day, and why."""

    asked_by: str
    asked_at: datetime
    reason: str
    target: VoucherStatus
    extended_to: date | None = None


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """One voucher. `holder_*` are masks: the people in the clear are in the vault of `people`.

    `device` is the keyed digest of the phone whose card shows its codes; None where the card names none.
    `named_at` is since when its holder's name counts, by the real clock; `name_mismatch_at` tells that a
    card with another name tried to use it. `restoration` is the proposal to give it back that was made
    last, open or lapsed (`restoring.model`). `barred_from` and `barred_until` (exclusive) are when
    cross-match lists stand against it, `bar` says why. `served_in` is the division in which it was redeemed,
    of one that was paid for the division of its class: reports count it there, wherever its institution is.
    """

    id: VoucherId
    program_id: ProgramId
    person_key: PersonKey
    division: str
    batch_id: str
    status: VoucherStatus
    face_value_fen: int
    holder_name: str
    holder_id_number: str
    issued_at: datetime
    expires_at: datetime
    valid_through: date
    claimed_at: datetime | None = None
    redeemed_at: datetime | None = None
    settled_at: datetime | None = None
    enrolment_id: EnrolmentId | None = None
    institution: str | None = None
    redeem_nonce: str | None = None
    last_step: int = 0
    due_shard: str | None = None
    device: str | None = None
    kind: ProgramKind = ProgramKind.TARGETED_FACE_VALUE
    paid_fen: int = 0
    reversed_fen: int = 0
    barred_from: datetime | None = None
    barred_until: datetime | None = None
    bar: Bar | None = None
    named_at: datetime | None = None
    name_mismatch_at: datetime | None = None
    restoration: Restoration | None = None
    restored_at: datetime | None = None
    served_in: str | None = None
    version: int = 1
    last_change: Change | None = None


def voucher_id_of(person_key: str, program_id: str) -> VoucherId:
    """Give the id of the one voucher this person can have under this program (invariant 1)."""
    return VoucherId(derived_id("vch", person_key, program_id))


def has_expired(voucher: Voucher, now: datetime) -> bool:
    """Tell whether the date has passed, recorded or not: an unspent voucher is then worth nothing.

    This gives the reason. The truth is `expires_at > now` in the condition of every write that uses a voucher
    (`card.store.claim`, `store.redeem_write`); the night only records it (`expiry`).
    """
    return voucher.status is _S.EXPIRED or (
        voucher.status in VOUCHER_TRANSITIONS.sources("expire") and voucher.expires_at <= now
    )


def barred(voucher: Voucher, bar: Bar | None) -> Voucher:
    """Give the voucher with what cross-match lists say of its holder, as moments a write can compare."""
    first, end = bar_moments(bar)
    return msgspec.structs.replace(voucher, barred_from=first, barred_until=end, bar=bar)


def bar_moments(bar: Bar | None) -> tuple[datetime | None, datetime | None]:
    """Give the first moment of a bar and the first one after it; None where there is none."""
    if bar is None:
        return None, None
    return start_of_day(bar.first_day), None if bar.last_day is None else expires_at(bar.last_day)


def is_barred(voucher: Voucher, now: datetime) -> bool:
    """Tell whether a cross-match list stands against using the voucher now."""
    return (
        voucher.barred_from is not None
        and voucher.barred_from <= now
        and (voucher.barred_until is None or now < voucher.barred_until)
    )


def bar_reason(bar: Bar) -> str:
    """Tell why lists stand against a voucher, so that the decision traces to a list and who uploaded it."""
    standing = bar.standing
    text = sentence(bar.code, standing_facts(standing))
    return f"{text} [{bar.code} import={standing.import_id} applied_by={standing.listed_by}]"


def extended(voucher: Voucher, now: datetime) -> Voucher:
    """Give a redeemed voucher with the days that it lost on a class which was cancelled.

    Example: redeemed on 1 March, good through 1 September. The class is cancelled on 1 May, 61 days later:
    the voucher is good through 1 November. Who had 184 days when they spent it has 184 days again.
    """
    if voucher.redeemed_at is None:
        return voucher
    lost = shanghai_date(now) - shanghai_date(voucher.redeemed_at)
    last_day = voucher.valid_through + lost
    return msgspec.structs.replace(voucher, valid_through=last_day, expires_at=expires_at(last_day))


def status_released(voucher: Voucher, now: datetime) -> VoucherStatus:
    """Decide what a redeemed voucher becomes when it is given back (the truth: `store.release_write`).

    One whose date has passed expires at once; one whose holder was found ineligible meanwhile is lost, as
    every unspent one is.
    """
    if voucher.expires_at <= now:
        return _S.EXPIRED
    return _S.REVOKED if is_barred(voucher, now) else _S.CLAIMED


class Consequence(StrEnum):
    """What a cross-match list does to a voucher."""

    REVOKE = "revoke"
    MARK = "mark"


def consequence_of(voucher: Voucher, bar: Bar | None, *, now: datetime) -> Consequence | None:
    """Decide what follows for a voucher from what lists say of its holder now.

    Unspent, it is lost once a situation holds, and before carries from when on. Redeemed, it carries the mark
    for whoever decides about payment. Otherwise its life is over and nothing follows.

    Example, on 20 September, the holder listed as employed since 1 September: a claimed voucher is revoked, a
    redeemed one marked. Listed as employed from 1 October on: the claimed one is marked too, and is worth
    nothing from that day on.
    """
    unspent = voucher.status in VOUCHER_TRANSITIONS.sources("expire")
    if has_expired(voucher, now) or not (unspent or voucher.status is _S.REDEEMED):
        return None
    if unspent and bar is not None and bar.counts_on(shanghai_date(now)):
        return Consequence.REVOKE
    return Consequence.MARK if bar != voucher.bar else None


def is_late_mark(voucher: Voucher, bar: Bar | None, *, stands_against_payment: bool) -> bool:
    """Tell whether a list that came after the payment is to be seen on the settled voucher.

    It is if the payment stands against it: whoever was ineligible on the opening day. A job found after the
    training is what that was for. What is seen already is kept as lists say it now.
    """
    if voucher.status is not _S.SETTLED or bar == voucher.bar:
        return False
    return stands_against_payment or voucher.bar is not None


def status_shown(voucher: Voucher, now: datetime) -> VoucherStatus:
    """Tell the state as it is at this moment, though the nightly job may not have recorded expiry yet."""
    return _S.EXPIRED if has_expired(voucher, now) else voucher.status


def dates_of(issued_at: datetime, validity_months: int) -> tuple[date, datetime]:
    """Give the last day (inclusive) and the moment of expiry (exclusive) of a voucher issued now.

    Example: issued on 1 September 2026 for 12 months, it is good through 1 September 2027, 23:59:59 in
    Shanghai, and expires at 00:00 on the 2nd.
    """
    last_day = valid_through(shanghai_date(issued_at), validity_months)
    return last_day, expires_at(last_day)


def facts_of(voucher: Voucher) -> dict[str, Any]:
    """Give the facts that the sentences about a voucher need."""
    facts = {"valid_through": voucher.valid_through.isoformat(), "status": voucher.status.value}
    return facts if voucher.bar is None else {**facts, **standing_facts(voucher.bar.standing)}


def is_name_proven(voucher: Voucher, proven_at: datetime | None) -> bool:
    """Tell whether a card that had the list's name at a moment may use a voucher without another look.

    Not if the name has counted only since then, or a card with another name has tried to use it.
    """
    if proven_at is None or voucher.name_mismatch_at is not None:
        return False
    return voucher.named_at is None or voucher.named_at < proven_at


def is_of_device(voucher: Voucher, tag: str) -> bool:
    """Tell whether a code with this device tag was shown by the phone that the voucher is bound to."""
    return voucher.device is None if not tag else (voucher.device or "").startswith(tag)


# --------------------------------------------------------------------------- what stands against an action

OVER: dict[VoucherStatus, str] = {
    _S.EXPIRED: "voucher_expired",
    _S.REVOKED: "voucher_revoked",
    _S.SETTLED: "voucher_settled",
    _S.CLOSED: "voucher_closed",
}
"""States at the end of a voucher's life, and the reason each is for refusing anything more."""
_UNUSABLE: dict[VoucherStatus, str] = {
    _S.ISSUED: "voucher_not_claimed",
    _S.REDEEMED: "voucher_already_redeemed",
    **OVER,
}
_STATES_AGAINST: dict[str, dict[VoucherStatus, str]] = {
    "claim": {
        _S.CLAIMED: "wrong_state",
        _S.REDEEMED: "voucher_already_redeemed",
        **OVER,
    },
    "show_qr": _UNUSABLE,
    "revoke": OVER,
}
_ASKS_ELIGIBILITY = frozenset({"claim", "show_qr"})


def why_not(
    action: str,
    voucher: Voucher,
    *,
    now: datetime,
    on_roster: bool = False,
    named_otherwise: bool = False,
    version: int | None = None,
) -> DomainError | None:
    """Tell what stands against claiming a voucher, showing its code or revoking it now; None if nothing does.

    `on_roster` tells that the enrolment it is spent on has gone further than confirmed: that enrolment is
    ended first. `named_otherwise` tells that the holder's card is signed with another name than the list
    has (`names.service`). `version` is the one a caller has read, where they have. The truth is the
    condition of each write: `card.store.claim`, `store.revoke`, `store.revoke_write`.
    """
    if version is not None and voucher.version != version:
        return error("version_conflict", version=voucher.version)
    asks = action in _ASKS_ELIGIBILITY
    code = "name_mismatch" if asks and named_otherwise else None
    code = code or _STATES_AGAINST[action].get(status_shown(voucher, now))
    if code is None and asks and voucher.bar is not None and is_barred(voucher, now):
        code = voucher.bar.code
    if code is None and action == "revoke" and on_roster:
        code = "voucher_already_redeemed"
    return None if code is None else error(code, **facts_of(voucher))


def reasons_against_redeeming(voucher: Voucher, *, step: int, device: str, now: datetime) -> Sequence[str]:
    """List every reason why a scan of this voucher at this QR step is refused; empty if it is not.

    `device` is the tag of the phone that showed the code, "" where its card named none. The truth is the
    condition of `store.redeem_write`.
    """
    reasons = []
    if step <= voucher.last_step:
        reasons.append("token_replayed")
    if not is_of_device(voucher, device):
        reasons.append("other_device")
    status = status_shown(voucher, now)
    if status in _UNUSABLE:
        reasons.append(_UNUSABLE[status])
    elif voucher.bar is not None and is_barred(voucher, now):
        reasons.append(voucher.bar.code)
    if voucher.name_mismatch_at is not None:
        reasons.append("name_mismatch")
    return reasons
