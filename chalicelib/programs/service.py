"""Use cases of programs: make one, change its policy, read."""

from typing import Any

from cachetools import TTLCache

from chalicelib.accounts import rights
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import ProgramId, new_id
from chalicelib.kernel.paging import LIMIT_MAX, Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs import store
from chalicelib.programs.model import Face, Policy, PolicyVersion, Program, ProgramKind

CACHE_SECONDS = 60


def create_program(
    context: Context, *, name: str, division: str, kind: ProgramKind, face: Face, policy: Policy
) -> Program:
    """Set up a funded scheme with its first policy (step 1 of the notice)."""
    if not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "program.create", division=division)
    _check_policy(policy)
    program = Program(
        id=ProgramId(new_id("prg")),
        name=name,
        division=division,
        kind=kind,
        face=face,
        policy=policy,
        policy_version=1,
    )
    store.create_program(program, change_of(context, "program.create"))
    return program


def change_policy(
    context: Context,
    program_id: str,
    policy: Policy,
    *,
    version: int,
    face: Face | None = None,
    reason: str | None = None,
) -> Program:
    """Give a program a new policy version, and a new face if one is given.

    Classes keep the version they were approved under; vouchers show the newest face.
    """
    program = store.read_program(program_id)
    rights.require(context.principal, "program.change_policy", division=program.division)
    _check_policy(policy)
    change = change_of(context, "program.change_policy", reason=reason)
    changed = store.change_policy(program, policy, face, version=version, change=change)
    forget_programs()
    return changed


def _check_policy(policy: Policy) -> None:
    shares = {
        "pay_rate.passed": policy.pay_rate.passed,
        "pay_rate.failed": policy.pay_rate.failed,
        "attendance_min": policy.attendance_min,
        "late_addition_until_share": policy.late_addition_until_share,
    }
    wrong = [name for name, share in shares.items() if not 0 <= share <= 1]
    if policy.class_size_min > policy.class_size_max:
        wrong.append("class_size_max")
    if wrong:
        raise error("malformed", faults=tuple(Fault("wrong_type", field=f"policy.{name}") for name in wrong))


def read_program(program_id: str) -> Program:
    """Read a program or raise `NotFound`."""
    return store.read_program(program_id)


_CURRENT: TTLCache[str, Program] = TTLCache(64, CACHE_SECONDS)


def current_program(program_id: str) -> Program:
    """Read a program as it was at most a minute ago: for decisions that are many a second."""
    program = _CURRENT.get(program_id)
    if program is None:
        program = _CURRENT[program_id] = store.read_program(program_id)
    return program


def forget_programs() -> None:
    """Drop the cached programs."""
    _CURRENT.clear()


def list_programs(request: PageRequest) -> Page[Program]:
    """List all programs."""
    return store.list_programs(request)


def all_programs() -> list[Program]:
    """Read every program; there are few."""
    programs: list[Program] = []
    after: dict[str, Any] | None = None
    while True:
        page = store.list_programs(PageRequest(limit=LIMIT_MAX, after=after))
        programs += page.items
        if page.after is None:
            return programs
        after = page.after


def list_policies(context: Context, program_id: str, request: PageRequest) -> Page[PolicyVersion]:
    """List the versions of a program's policy, newest first, with who made each and why."""
    rights.admit(context.principal, "program.read_policies")
    return store.policies_of(store.read_program(program_id).id, request)


def read_policy(context: Context, program_id: str, policy_version: int) -> PolicyVersion:
    """Read one version of a program's policy with who made it and why."""
    rights.admit(context.principal, "program.read_policies")
    return store.read_policy_version(program_id, policy_version)


def policy_at(program_id: str, policy_version: int) -> Policy:
    """Read one version of a program's policy."""
    return store.read_policy(program_id, policy_version)
