"""HTTP of institutions."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.catalogue.answers import CatalogueWarning, Ids, status_of, warnings_answer
from chalicelib.catalogue.institutions import reading, service
from chalicelib.catalogue.institutions import search as searching
from chalicelib.catalogue.institutions.model import (
    ROOMS_MAX,
    BankAccount,
    Institution,
    InstitutionEntry,
    InstitutionStatus,
    Location,
    Suspender,
)
from chalicelib.catalogue.payees.routes import PayeeAnswer, payee_answer
from chalicelib.edge.endpoints import (
    PUBLIC,
    AnswerKind,
    Call,
    Listing,
    NoQuery,
    PageQuery,
    Reply,
    VersionReason,
)
from chalicelib.edge.forms import Answer, Form, Reason, Version, line, malformed
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.geo import CoordSystem, Point
from chalicelib.kernel.ids import ProgramId, ProjectId

api = Api(__name__)


class BankAccountForm(Form):
    """Where an institution is paid."""

    holder: Annotated[str, line(100)]
    bank: Annotated[str, line(100)]
    number: Annotated[str, Meta(min_length=1, max_length=40)]


class PayeeRequest(BankAccountForm):
    """Another account for an institution, and why; `version` is the institution's."""

    version: Version
    reason: Reason


class InstitutionRequest(Form):
    """An institution's entry; without an account its account stays as it is, without rooms their number."""

    name: Annotated[str, line(100)]
    division: Annotated[str, Meta(max_length=6)]
    address: Annotated[str, line(200)]
    phone: Annotated[str, Meta(min_length=1, max_length=30)]
    location: Location
    programs: Ids
    projects: Ids
    bank_account: BankAccountForm | None = None
    rooms: Annotated[int, Meta(ge=1, le=ROOMS_MAX)] | None = None
    version: Version | None = None


class InstitutionAnswer(Answer):
    """An institution as everybody may see it."""

    uscc: str
    name: str
    division: str
    address: str
    phone: str
    location: Location
    programs: list[ProgramId]
    projects: list[ProjectId]
    status: InstitutionStatus
    version: int


class BankAccountAnswer(Answer):
    """The account in force, with its number masked."""

    id: str
    holder: str
    bank: str
    number: str


class OwnInstitutionAnswer(InstitutionAnswer):
    """An institution as itself and its bureau see it.

    `bank_account` is the one in force, `payees` those that wait to be confirmed or to count.
    `suspended_for` is why it is suspended, `suspended_as` by whom, `rooms` how many classrooms it has.
    `former_name` is the name it had until `renamed_at`.
    """

    bank_account: BankAccountAnswer | None
    payees: list[PayeeAnswer]
    suspended_for: str | None
    suspended_as: Suspender | None
    former_name: str | None
    renamed_at: datetime | None
    rooms: int | None
    allowed_actions: list[str]
    warnings: list[CatalogueWarning]


class HitAnswer(InstitutionAnswer):
    """An institution of a search; metres from the place asked for."""

    distance_m: int | None


class InstitutionQuery(PageQuery):
    """A search; `near` is `lng,lat,coord_system`, `radius_m` metres from there."""

    program: Annotated[str, Meta(max_length=80)] | None = None
    division: Annotated[str, Meta(max_length=6)] | None = None
    project: Annotated[str, Meta(max_length=80)] | None = None
    near: Annotated[str, Meta(max_length=80)] | None = None
    radius_m: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


@api.endpoint(
    "PUT",
    "/v1/institutions/{uscc}",
    action="institution.write",
    body=InstitutionRequest,
    answer=OwnInstitutionAnswer,
    also=(AnswerKind(OwnInstitutionAnswer, 201),),
    summary="List an institution or change its entry",
)
def put_institution(call: Call[InstitutionRequest, NoQuery], uscc: str) -> Reply:
    body = call.body
    account = body.bank_account
    entry = InstitutionEntry(
        name=body.name,
        division=body.division,
        address=body.address,
        phone=body.phone,
        location=body.location,
        programs=body.programs,
        projects=body.projects,
        bank_account=_account(account) if account is not None else None,
        rooms=body.rooms,
    )
    saved = service.save_institution(call.context, uscc, entry, version=body.version)
    return Reply(_own(call, saved.institution, saved.warnings), status_of(saved.outcome))


@api.endpoint(
    "GET",
    "/v1/institutions/{uscc}",
    action=PUBLIC,
    knows_caller=True,
    answer=InstitutionAnswer,
    also=(AnswerKind(OwnInstitutionAnswer),),
    summary="Read an institution; itself and its bureau also see the accounts, masked, and what waits",
)
def read_institution(call: Call[None, NoQuery], uscc: str) -> Reply:
    institution = reading.read_institution(uscc)
    if service.sees_payees(call.context, institution):
        return Reply(_own(call, institution))
    return Reply(InstitutionAnswer(**_facts(institution)))


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/payee",
    action="payee.propose",
    body=PayeeRequest,
    answer=PayeeAnswer,
    status_code=201,
    summary="Propose another account for an institution; a finance officer confirms it",
)
def propose_payee(call: Call[PayeeRequest, NoQuery], uscc: str) -> PayeeAnswer:
    body = call.body
    proposed = service.propose_payee(
        call.context, uscc, _account(body), version=body.version, reason=body.reason
    )
    return payee_answer(call, proposed)


@api.endpoint(
    "GET",
    "/v1/institutions",
    action=PUBLIC,
    query=InstitutionQuery,
    answer=Listing[HitAnswer],
    summary="Search institutions, nearest first where a place is given",
)
def search_institutions(call: Call[None, InstitutionQuery]) -> Listing[HitAnswer]:
    query = call.query
    near = _near(query.near)
    if near is None and query.radius_m is not None:
        raise malformed([Fault("near_missing", field="radius_m")])
    searched = searching.search_query(division=query.division, program=query.program, project=query.project)
    request = call.page_request()
    if near is None:
        page = searching.search(searched, request)
    else:
        page = searching.nearest(searched, near, request, radius_m=query.radius_m)
    return call.listing(
        page,
        lambda hit: HitAnswer(
            **_facts(hit.institution),
            distance_m=round(hit.distance_m) if hit.distance_m is not None else None,
        ),
    )


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/suspend",
    action="institution.suspend",
    body=VersionReason,
    answer=OwnInstitutionAnswer,
    summary="Suspend an institution",
)
def suspend_institution(call: Call[VersionReason, NoQuery], uscc: str) -> OwnInstitutionAnswer:
    return _moved(call, uscc, "suspend")


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/reinstate",
    action="institution.reinstate",
    body=VersionReason,
    answer=OwnInstitutionAnswer,
    summary="Reinstate an institution",
)
def reinstate_institution(call: Call[VersionReason, NoQuery], uscc: str) -> OwnInstitutionAnswer:
    return _moved(call, uscc, "reinstate")


def _near(text: str | None) -> Point | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) == 2:  # noqa: PLR2004 - longitude and latitude without a system
        raise malformed([Fault("coord_system_missing", field="near")])
    try:
        lng, lat, system = parts
        return Point(float(lng), float(lat), CoordSystem(system.strip()))
    except ValueError:
        raise malformed([Fault("wrong_type", field="near")]) from None


def _moved(call: Call[VersionReason, NoQuery], uscc: str, action: str) -> OwnInstitutionAnswer:
    body = call.body
    institution = service.move_institution(
        call.context, uscc, action, version=body.version, reason=body.reason
    )
    return _own(call, institution)


def _facts(institution: Institution) -> dict[str, Any]:
    return {
        "uscc": institution.uscc,
        "name": institution.name,
        "division": institution.division,
        "address": institution.address,
        "phone": institution.phone,
        "location": institution.location,
        "programs": institution.programs,
        "projects": institution.projects,
        "status": institution.status,
        "version": institution.version,
    }


def _account(form: BankAccountForm) -> BankAccount:
    return BankAccount(form.holder, form.bank, form.number)


def _own(
    call: Call[object, object], institution: Institution, warnings: Sequence[str] = ()
) -> OwnInstitutionAnswer:
    shown = service.accounts_shown(call.context, institution)
    in_force = shown.in_force
    return OwnInstitutionAnswer(
        **_facts(institution),
        bank_account=BankAccountAnswer(**asdict(in_force)) if in_force is not None else None,
        payees=[payee_answer(call, payee) for payee in shown.waiting],
        suspended_for=institution.suspended_for,
        suspended_as=institution.suspended_as,
        former_name=institution.former_name,
        renamed_at=institution.renamed_at,
        rooms=institution.rooms,
        allowed_actions=service.allowed_actions(call.context, institution),
        warnings=warnings_answer(warnings, english=call.english),
    )
