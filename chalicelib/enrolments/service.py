"""Use cases of enrolments: read and list them, with what their caller may do."""

from collections.abc import Sequence

from chalicelib.accounts import rights
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus, why_not
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import VoucherId
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Role
from chalicelib.programs.service import current_program

ACTIONS = {"release": "enrolment.release", "withdraw": "enrolment.withdraw"}
"""What may be done with an enrolment, and the right to it; withdrawing is of a later step (`classes`)."""

_classes_one_may_leave: Port[[Sequence[str]], set[str]] = Port("classes_trainees_may_leave")
"""Tells in which of some classes a trainee may still withdraw: classes are a later step."""


def read_enrolment(context: Context, enrolment_id: str, action: str = "enrolment.read") -> Enrolment:
    """Read an enrolment of one's own, of one's institution, or of one's division."""
    enrolment = store.read_enrolment(enrolment_id)
    rights.require(
        context.principal,
        action,
        division=enrolment.division,
        institution=enrolment.institution,
        person_key=enrolment.person_key,
    )
    return enrolment


def list_enrolments(context: Context, request: PageRequest, *, division: str | None) -> Page[Enrolment]:
    """List one's own enrolments, those of one's institution, or of a division."""
    principal = context.principal
    if principal.role is Role.TRAINEE:
        return store.enrolments_of(str(principal.person_key), request)
    if principal.role is Role.INSTITUTION:
        return store.enrolments_at(str(principal.institution), request)
    area = division or principal.division
    rights.require(principal, "enrolment.read", division=area)
    return store.enrolments_in(area, request)


def vouchers_enrolled_at(institution: str, request: PageRequest) -> Page[VoucherId]:
    """List the vouchers of an institution's enrolments that were not released, the newest first."""
    page = store.enrolments_at(institution, request)
    bound = [one for one in page.items if one.status is not EnrolmentStatus.RELEASED]
    return Page(items=[enrolment.voucher_id for enrolment in bound], after=page.after)


def why_not_now(context: Context, action: str, enrolment: Enrolment) -> DomainError | None:
    """Tell what stands against this caller's doing something with an enrolment now; None if nothing does."""
    policy = current_program(enrolment.program_id).policy
    return why_not(
        action,
        enrolment,
        by_bureau=context.principal.is_bureau,
        within_days=policy.release_within_days,
        now=context.now,
    )


def allowed_actions(context: Context, enrolments: Sequence[Enrolment]) -> list[list[str]]:
    """List what this caller may do with each of some enrolments now; their classes are read together."""
    rostered = [
        enrolment.class_id
        for enrolment in enrolments
        if enrolment.class_id is not None and _may(context, "withdraw", enrolment)
    ]
    running = _classes_one_may_leave(rostered) if rostered else set()
    return [
        [
            action
            for action in ACTIONS
            if _may(context, action, enrolment) and (action != "withdraw" or enrolment.class_id in running)
        ]
        for enrolment in enrolments
    ]


def _may(context: Context, action: str, enrolment: Enrolment) -> bool:
    """Tell whether right, area and the enrolment's own state let this caller do something with it now."""
    return bool(
        rights.offered(
            context.principal,
            {action: ACTIONS[action]},
            lambda action: why_not_now(context, action, enrolment),
            division=enrolment.division,
            institution=enrolment.institution,
        )
    )


def bound_enrolments(enrolment_ids: Sequence[str]) -> set[str]:
    """Tell which of some enrolments are on a roster or further: their vouchers are not to be taken back."""
    return {
        enrolment.id
        for enrolment in store.find_enrolments(enrolment_ids)
        if enrolment.status is not EnrolmentStatus.CONFIRMED
    }
