"""HTTP of programs."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.accounts import rights
from chalicelib.edge.endpoints import PUBLIC, Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form, Reason, Version, line
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import OVERSEERS
from chalicelib.kernel.reasons import error
from chalicelib.programs import service
from chalicelib.programs.model import (
    AskedPolicy,
    Face,
    Policy,
    PolicyVersion,
    Program,
    ProgramKind,
    Terms,
    terms_of,
)
from chalicelib.programs.thresholds import Thresholds

api = Api(__name__)


class ProgramRequest(Form):
    """A new program; what the policy leaves out has the default of the notice."""

    name: Annotated[str, line(100)]
    division: Annotated[str, Meta(max_length=6)]
    kind: ProgramKind
    face: Face
    policy: AskedPolicy = AskedPolicy()


class PolicyRequest(Form):
    """A new policy version, why, and with it a new face if wanted."""

    version: Version
    policy: AskedPolicy
    face: Face | None = None
    reason: Reason | None = None


class PolicyAnswer(Answer):
    """One version of a program's policy, and who made it when and why."""

    program_id: str
    policy_version: int
    policy: Terms
    supervision: Thresholds | None
    patterns_stop_payment: bool | None
    face: Face | None
    made_by: str | None
    made_at: datetime | None
    reason: str | None


class ProgramAnswer(Answer):
    """A program as everybody may see it."""

    id: str
    name: str
    division: str
    kind: ProgramKind
    face: Face
    policy: Terms
    supervision: Thresholds | None
    patterns_stop_payment: bool | None
    policy_version: int
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "POST",
    "/v1/programs",
    action="program.create",
    body=ProgramRequest,
    answer=ProgramAnswer,
    status_code=201,
    summary="Set up a program",
)
def create_program(call: Call[ProgramRequest, NoQuery]) -> ProgramAnswer:
    body = call.body
    return _answer(
        call,
        service.create_program(
            call.context,
            name=body.name,
            division=body.division,
            kind=body.kind,
            face=body.face,
            policy=body.policy.over(None),
        ),
    )


@api.endpoint(
    "GET",
    "/v1/programs",
    action=PUBLIC,
    query=PageQuery,
    answer=Listing[ProgramAnswer],
    summary="List programs",
    knows_caller=True,
)
def list_programs(call: Call[None, PageQuery]) -> Listing[ProgramAnswer]:
    return call.listing(service.list_programs(call.page_request()), lambda program: _answer(call, program))


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}",
    action=PUBLIC,
    answer=ProgramAnswer,
    summary="Read a program",
    knows_caller=True,
)
def read_program(call: Call[None, NoQuery], program_id: str) -> ProgramAnswer:
    return _answer(call, service.read_program(program_id))


@api.endpoint(
    "POST",
    "/v1/programs/{program_id}/policy",
    action="program.change_policy",
    body=PolicyRequest,
    answer=ProgramAnswer,
    status_code=201,
    summary="Give a program a new policy version",
)
def change_policy(call: Call[PolicyRequest, NoQuery], program_id: str) -> ProgramAnswer:
    body = call.body
    program = service.change_policy(
        call.context, program_id, body.policy.over, version=body.version, face=body.face, reason=body.reason
    )
    return _answer(call, program)


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/policies",
    action="program.read_policies",
    query=PageQuery,
    answer=Listing[PolicyAnswer],
    summary="List the versions of a program's policy, newest first",
)
def list_policies(call: Call[None, PageQuery], program_id: str) -> Listing[PolicyAnswer]:
    return call.listing(
        service.list_policies(call.context, program_id, call.page_request()),
        lambda version: _policy(call, version),
    )


@api.endpoint(
    "GET",
    "/v1/programs/{program_id}/policies/{policy_version}",
    action="program.read_policies",
    answer=PolicyAnswer,
    summary="Read one version of a program's policy",
)
def read_policy(call: Call[None, NoQuery], program_id: str, policy_version: str) -> PolicyAnswer:
    if not (policy_version.isascii() and policy_version.isdigit() and len(policy_version) <= _DIGITS_MAX):
        raise error("not_found")
    return _policy(call, service.read_policy(call.context, program_id, int(policy_version)))


_DIGITS_MAX = 9


def _overseen(call: Call[object, object], policy: Policy, name: str) -> Any:
    """Show what supervision goes by to those who look after others, and to nobody who may be looked after."""
    return getattr(policy, name) if call.context.principal.role in OVERSEERS else None


def _policy(call: Call[object, object], version: PolicyVersion) -> PolicyAnswer:
    change = version.change
    return PolicyAnswer(
        program_id=version.program_id,
        policy_version=version.policy_version,
        policy=terms_of(version.policy),
        supervision=_overseen(call, version.policy, "supervision"),
        patterns_stop_payment=_overseen(call, version.policy, "patterns_stop_payment"),
        face=version.face,
        made_by=change.actor if change is not None else None,
        made_at=change.at if change is not None else None,
        reason=change.reason if change is not None else None,
    )


def _answer(call: Call[object, object], program: Program) -> ProgramAnswer:
    may_change = rights.reaches(call.context.principal, "program.change_policy", division=program.division)
    return ProgramAnswer(
        id=program.id,
        name=program.name,
        division=program.division,
        kind=program.kind,
        face=program.face,
        policy=terms_of(program.policy),
        supervision=_overseen(call, program.policy, "supervision"),
        patterns_stop_payment=_overseen(call, program.policy, "patterns_stop_payment"),
        policy_version=program.policy_version,
        version=program.version,
        allowed_actions=["change_policy"] if may_change else [],
    )
