"""What may follow from a confirmed case: existing actions on what it is about, each with its own right.

A case gives nobody a new power. It names the endpoints that its subject is open to in its present state, so
that who has the right finds them in one click, and who has not sees whose turn it is. What an action refuses,
it refuses there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.model import InstitutionStatus
from chalicelib.catalogue.institutions.reading import find_institution
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Role
from chalicelib.subsidies.claims.model import (
    APPROVED,
    CLAIM_TRANSITIONS,
    LINE_TRANSITIONS,
    Claim,
    Line,
    claim_id_of,
)
from chalicelib.subsidies.claims.store import find_claims, find_lines
from chalicelib.subsidies.holds.model import concerns
from chalicelib.supervision.cases.model import Outcome, RiskCase
from chalicelib.supervision.records.model import FindingKind
from chalicelib.vouchers.model import VOUCHER_TRANSITIONS
from chalicelib.vouchers.store import find_vouchers

CONSEQUENCES_MAX = 200


@dataclass(frozen=True)
class Consequence:
    """An existing action: its right, where it is done, on what, by whom, and whether this caller may.

    `version` is what it is sent with, None where it takes none.
    """

    action: str
    path: str
    subject: str
    version: int | None
    roles: tuple[Role, ...]
    mine: bool


def consequences_of(context: Context, case: RiskCase) -> list[Consequence]:
    """List what may follow from a case that was confirmed; nothing follows from any other."""
    if case.outcome is not Outcome.CONFIRMED:
        return []
    found = [*_on_money(context, case), *_on_vouchers(context, case), *_on_institution(context, case)]
    return found[:CONSEQUENCES_MAX]


def _consequence(
    context: Context, action: str, path: str, subject: str, *, version: int | None, division: str
) -> Consequence:
    return Consequence(
        action=action,
        path=path,
        subject=subject,
        version=version,
        roles=tuple(rights.RIGHTS[action]),
        mine=rights.reaches(context.principal, action, division=division),
    )


def _on_money(context: Context, case: RiskCase) -> Iterator[Consequence]:
    """Reject a claim under review, take a line out of an approved one, take back what was paid."""
    claims: list[Claim] = find_claims([claim_id_of(class_id) for class_id in case.class_ids])
    for claim in sorted(claims, key=lambda claim: claim.id):
        if CLAIM_TRANSITIONS.allows("reject", claim.status):
            yield _consequence(
                context,
                "subsidy_claim.reject",
                f"/v1/subsidy-claims/{claim.id}/reject",
                claim.id,
                version=claim.version,
                division=claim.division,
            )
        whom = case.lines_in(claim.class_id)
        for line in find_lines(claim.line_ids):
            if concerns(whom, line.enrolment_id):
                yield from _on_line(context, claim, line)


def _on_line(context: Context, claim: Claim, line: Line) -> Iterator[Consequence]:
    path = f"/v1/claim-lines/{line.id}"
    if claim.status in APPROVED and LINE_TRANSITIONS.allows("drop", line.status):
        yield _consequence(
            context,
            "claim_line.reject",
            f"{path}/reject",
            line.id,
            version=line.version,
            division=line.division,
        )
    if LINE_TRANSITIONS.allows("reverse", line.status):
        yield _consequence(
            context, "claim_line.reverse", f"{path}/reverse", line.id, version=None, division=line.division
        )


def _on_vouchers(context: Context, case: RiskCase) -> Iterator[Consequence]:
    """Revoke vouchers that may still be: of a voucher, an enrolment or trainees in no class yet."""
    named = {case.subject_id} if case.subject_kind is FindingKind.VOUCHER else set()
    enrolment_ids = [line for line in {*case.lines, case.subject_id} if is_id(line, "enr")]
    named |= {enrolment.voucher_id for enrolment in find_enrolments(sorted(enrolment_ids))}
    for voucher in sorted(find_vouchers(sorted(named)), key=lambda voucher: voucher.id):
        if VOUCHER_TRANSITIONS.allows("revoke", voucher.status):
            yield _consequence(
                context,
                "voucher.revoke",
                f"/v1/vouchers/{voucher.id}/revoke",
                voucher.id,
                version=voucher.version,
                division=voucher.division,
            )


def _on_institution(context: Context, case: RiskCase) -> Iterator[Consequence]:
    uscc = case.institution
    institution = find_institution(uscc) if uscc is not None else None
    if institution is None or institution.status is InstitutionStatus.SUSPENDED:
        return
    yield _consequence(
        context,
        "institution.suspend",
        f"/v1/institutions/{institution.uscc}/suspend",
        institution.uscc,
        version=institution.version,
        division=institution.division,
    )
