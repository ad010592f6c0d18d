"""Use cases of vouchers: read and list them, with what their caller may do (claiming and the QR: `card`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.catalogue.projects.reading import projects_of_program
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Role
from chalicelib.kernel.reasons import error
from chalicelib.people.vault import service as people
from chalicelib.programs.model import Program
from chalicelib.programs.service import current_program
from chalicelib.vouchers import store
from chalicelib.vouchers.model import Voucher, VoucherStatus, status_shown, why_not

ACTIONS = {"claim": "voucher.claim", "revoke": "voucher.revoke", "show_qr": "voucher.show_qr"}
"""What may be done with a voucher, and the right to it."""

_on_roster: Port[[Sequence[str]], set[str]] = Port("enrolments_on_roster")
"""Tells which of some enrolments are on a roster or further: enrolments are a later step."""


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
        if person is not None:
            identity = people.open_identity(context, person, purpose="show the holder their voucher")
            names = identity.name, identity.id_number
    return _shown(context, voucher, names, _bound_enrolments(context, [voucher]))


def list_vouchers(
    context: Context, request: PageRequest, *, division: str | None, status: VoucherStatus | None
) -> Page[ShownVoucher]:
    """List one's own vouchers, or a division's."""
    principal = context.principal
    if principal.role is Role.TRAINEE:
        assert principal.person_key is not None
        page = store.vouchers_of(principal.person_key, request)
    elif principal.is_bureau:
        area = division or principal.division
        rights.require(principal, "voucher.read", division=area)
        page = store.vouchers_in(area, request)
    else:
        raise error("not_found")
    listed = [
        voucher for voucher in page.items if status is None or status_shown(voucher, context.now) is status
    ]
    return Page(items=shown_masked(context, listed), after=page.after)


def shown_masked(context: Context, vouchers: Sequence[Voucher]) -> list[ShownVoucher]:
    """Show vouchers without opening the vault."""
    bound = _bound_enrolments(context, vouchers)
    return [
        _shown(context, voucher, (voucher.holder_name, voucher.holder_id_number), bound)
        for voucher in vouchers
    ]


def _shown(
    context: Context, voucher: Voucher, names: tuple[str, str], bound_enrolments: set[str]
) -> ShownVoucher:
    return ShownVoucher(
        voucher=voucher,
        status=status_shown(voucher, context.now),
        program=current_program(voucher.program_id),
        holder_name=names[0],
        holder_id_number=names[1],
        projects=projects_of_program(voucher.program_id),
        allowed_actions=_allowed_actions(context, voucher, bound_enrolments),
    )


def _allowed_actions(context: Context, voucher: Voucher, bound_enrolments: set[str]) -> list[str]:
    """List what this caller may do with a voucher now."""
    on_roster = voucher.enrolment_id in bound_enrolments
    return rights.offered(
        context.principal,
        ACTIONS,
        lambda action: why_not(action, voucher, now=context.now, on_roster=on_roster),
        division=voucher.division,
        person_key=voucher.person_key,
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
