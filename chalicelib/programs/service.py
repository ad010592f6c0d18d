"""Use cases of programs: make one, change its policy, read."""

import functools
from collections.abc import Callable, Iterable

import msgspec
from cachetools import TTLCache

from chalicelib.accounts import rights
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import ProgramId, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs import store
from chalicelib.programs.model import Face, Policy, PolicyVersion, Program, ProgramKind, policy_faults

CACHE_SECONDS = 60


def create_program(
    context: Context, *, name: str, division: str, kind: ProgramKind, face: Face, policy: Policy
) -> Program:
    """Set up a funded scheme with its first policy (step 1 of the notice)."""
    if not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    rights.require(context.principal, "program.create", division=division)
    _require_lawful(policy)
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
    asked: Callable[[Policy], Policy],
    *,
    version: int,
    face: Face | None = None,
    reason: str | None = None,
) -> Program:
    """Give a program a new policy version, and a new face if one is given.

    `asked` gives the new policy over the one before. Classes keep the version they were approved under;
    vouchers show the newest face.
    """
    program = store.read_program(program_id)
    rights.require(context.principal, "program.change_policy", division=program.division)
    policy = asked(program.policy)
    _require_lawful(policy)
    change = change_of(context, "program.change_policy", reason=reason)
    changed = store.change_policy(program, policy, face, version=version, change=change)
    forget_programs()
    return changed


def _require_lawful(policy: Policy) -> None:
    faults = policy_faults(policy)
    if faults:
        raise error("malformed", faults=faults)


_current: TTLCache[str, Program] = TTLCache(64, CACHE_SECONDS)


def read_program(program_id: str) -> Program:
    """Read a program or raise `NotFound`."""
    program = _current[program_id] = store.read_program(program_id)
    return program


def current_program(program_id: str) -> Program:
    """Read a program as it was at most a minute ago, and never older than this process has read it.

    For decisions that are many a second.
    """
    return _current.get(program_id) or read_program(program_id)


def unknown_programs(program_ids: Iterable[str]) -> list[str]:
    """Name the programs that `current_program` would have to read: somebody may read them along."""
    return sorted({one for one in program_ids if _current.get(one) is None})


def know_programs(programs: Iterable[Program]) -> None:
    """Take programs that were read just now, along with something else."""
    for program in programs:
        _current[program.id] = program


def forget_programs() -> None:
    """Drop the cached programs and policies."""
    _current.clear()
    _policy_at.cache_clear()


def list_programs(request: PageRequest) -> Page[Program]:
    """List all programs."""
    return store.list_programs(request)


def all_programs() -> list[Program]:
    """Read every program; there are few."""
    return store.all_programs()


def list_policies(context: Context, program_id: str, request: PageRequest) -> Page[PolicyVersion]:
    """List the versions of a program's policy, newest first, with who made each and why."""
    rights.admit(context.principal, "program.read_policies")
    return store.policies_of(store.read_program(program_id).id, request)


def read_policy(context: Context, program_id: str, policy_version: int) -> PolicyVersion:
    """Read one version of a program's policy with who made it and why."""
    rights.admit(context.principal, "program.read_policies")
    return store.read_policy_version(program_id, policy_version)


def pinned_policy(program_id: str, policy_version: int) -> Policy:
    """Give one version of a policy, to which something was approved: no version ever changes."""
    return pinned_program(program_id, policy_version).policy


def pinned_program(program_id: str, policy_version: int) -> Program:
    """Give a program under one version of its policy, whatever version is the newest by now."""
    current = current_program(program_id)
    if current.policy_version == policy_version:
        return current
    policy = _policy_at(program_id, policy_version)
    return msgspec.structs.replace(current, policy=policy, policy_version=policy_version)


@functools.lru_cache(maxsize=64)
def _policy_at(program_id: str, policy_version: int) -> Policy:
    return store.read_policy(program_id, policy_version)
