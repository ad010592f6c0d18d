"""Use cases of vouchers: read and list them, with what their caller may do (claiming and the QR: `card`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.catalogue.projects.reading import projects_of_program
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import VoucherId
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.people.eligibility import Bar
from chalicelib.people.vault import service as people
from chalicelib.programs.model import Program
from chalicelib.programs.service import current_program
from chalicelib.vouchers import store
from chalicelib.vouchers.ineligibility.service import bars_of
from chalicelib.vouchers.model import OVER, Voucher, VoucherFlag, VoucherStatus, status_shown, why_not
from chalicelib.vouchers.names.service import is_named_otherwise
from chalicelib.vouchers.restoring import model as restoring

ACTIONS = {
    "claim": "voucher.claim",
    "revoke": "voucher.revoke",
    "show_qr": "voucher.show_qr",
    **restoring.ACTIONS,
}
"""What may be done with a voucher, and the right to it."""

_on_roster: Port[[Sequence[str]], set[str]] = Port("enrolments_on_roster")
"""Tells which of some enrolments are on a roster or further: enrolments are a later step."""

_vouchers_enrolled_at: Port[[str, PageRequest], Page[VoucherId]] = Port("vouchers_enrolled_at")
"""Lists the vouchers of an institution's enrolments, the newest first."""


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


def read_voucher(context: Context, voucher_id: str) -> ShownVoucher:
    """Read a voucher: its holder, the institution it was spent at, or a bureau of its division."""
    voucher = store.read_voucher(voucher_id)
    rights.require(
        context.principal,
        "voucher.read",
        division=voucher.division,
        institution=voucher.institution,
        person_key=voucher.person_key,
    )
    names = voucher.holder_name, voucher.holder_id_number
    if context.principal.person_key == voucher.person_key:
        person = people.find_person(voucher.person_key)
        if person is not None and person.name_digest in context.principal.signed_names:
            identity = people.open_identity(context, person, purpose="show the holder their voucher")
            names = identity.name, identity.id_number
    return _shown(context, voucher, names, _facts_for(context, [voucher]))


def list_vouchers(
    context: Context,
    request: PageRequest,
    *,
    division: str | None,
    status: VoucherStatus | None,
    flag: VoucherFlag | None = None,
) -> Page[ShownVoucher]:
    """List one's own vouchers, those spent at one's institution, or a division's.

    With a `flag` those of a division that somebody has to look at.
    """
    principal = context.principal
    if principal.role is Role.TRAINEE:
        assert principal.person_key is not None
        page = store.vouchers_of(principal.person_key, request)
    elif principal.role is Role.INSTITUTION:
        page = _spent_at(str(principal.institution), request)
    else:
        area = division or principal.division
        rights.require(principal, "voucher.read", division=area)
        page = store.vouchers_flagged(flag, area, request) if flag else store.vouchers_in(area, request)
    listed = [
        voucher
        for voucher in page.items
        if status in (None, status_shown(voucher, context.now))
        and (flag is None or _stands(flag, voucher, context.now))
    ]
    return Page(items=shown_masked(context, listed), after=page.after)


def _spent_at(institution: str, request: PageRequest) -> Page[Voucher]:
    """List the vouchers that are spent at an institution now, the newest enrolment first."""
    ids = _vouchers_enrolled_at(institution, request)
    found = {voucher.id: voucher for voucher in store.find_vouchers(ids.items)}
    spent = [found[voucher_id] for voucher_id in dict.fromkeys(ids.items) if voucher_id in found]
    return Page(items=[v for v in spent if v.institution == institution], after=ids.after)


def _stands(flag: VoucherFlag, voucher: Voucher, now: datetime) -> bool:
    """Tell whether the reason for a flag is still there: a proposal lapses without a write."""
    match flag:
        case VoucherFlag.RESTORE_ASKED:
            return restoring.open_restoration(voucher, now) is not None
        case VoucherFlag.NAME_MISMATCH:
            return voucher.name_mismatch_at is not None and status_shown(voucher, now) not in OVER


def shown_masked(context: Context, vouchers: Sequence[Voucher]) -> list[ShownVoucher]:
    """Show vouchers without opening the vault."""
    facts = _facts_for(context, vouchers)
    return [
        _shown(context, voucher, (voucher.holder_name, voucher.holder_id_number), facts)
        for voucher in vouchers
    ]


def _shown(context: Context, voucher: Voucher, names: tuple[str, str], facts: "_OtherFacts") -> ShownVoucher:
    return ShownVoucher(
        voucher=voucher,
        status=status_shown(voucher, context.now),
        program=current_program(voucher.program_id),
        holder_name=names[0],
        holder_id_number=names[1],
        projects=projects_of_program(voucher.program_id),
        allowed_actions=_allowed_actions(context, voucher, facts),
    )


@dataclass(frozen=True)
class _OtherFacts:
    """What else decides on what may be done: enrolments gone further, what lists say of lost vouchers.

    And whether the holder, who looks at their own, has a card with another name than the list has.
    """

    bound_enrolments: set[str]
    bars: Mapping[VoucherId, Bar | None]
    named_otherwise: bool


def _facts_for(context: Context, vouchers: Sequence[Voucher]) -> _OtherFacts:
    lost = [
        voucher
        for voucher in vouchers
        if status_shown(voucher, context.now) in restoring.LOST
        and rights.reaches(context.principal, ACTIONS["restore"], division=voucher.division)
    ]
    return _OtherFacts(
        bound_enrolments=_bound_enrolments(context, vouchers),
        bars=bars_of(context, lost) if lost else {},
        named_otherwise=_is_named_otherwise(context.principal, vouchers),
    )


def _is_named_otherwise(principal: Principal, vouchers: Sequence[Voucher]) -> bool:
    own = [voucher for voucher in vouchers if voucher.person_key == principal.person_key]
    return is_named_otherwise(own, principal)


def _allowed_actions(context: Context, voucher: Voucher, facts: _OtherFacts) -> list[str]:
    """List what this caller may do with a voucher now."""
    now, hands = context.now, context.principal.hands
    on_roster = voucher.enrolment_id in facts.bound_enrolments

    def against(action: str) -> DomainError | None:
        if action in restoring.ACTIONS:
            return restoring.why_not(action, voucher, hands=hands, now=now, bar=facts.bars.get(voucher.id))
        return why_not(action, voucher, now=now, on_roster=on_roster, named_otherwise=facts.named_otherwise)

    return rights.offered(
        context.principal, ACTIONS, against, division=voucher.division, person_key=voucher.person_key
    )


def _bound_enrolments(context: Context, vouchers: Sequence[Voucher]) -> set[str]:
    """Tell on which enrolments vouchers are spent for good; read only for who might revoke them otherwise."""
    spent = [
        voucher.enrolment_id
        for voucher in vouchers
        if voucher.status is VoucherStatus.REDEEMED
        and voucher.enrolment_id is not None
        and rights.reaches(context.principal, ACTIONS["revoke"], division=voucher.division)
    ]
    return _on_roster(spent) if spent else set()
