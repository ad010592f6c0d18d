"""The tables of programs and of their policy versions."""

from collections.abc import Iterable
from typing import Any, Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import StructAttribute, Table, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, Put, Update, transact
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import Face, Policy, PolicyVersion, Program

_LISTING = "program"


class ByListing(GlobalSecondaryIndex[Any]):
    """All programs; there are few."""

    class Meta:
        index_name = "by_listing"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class PolicyAttribute(StructAttribute):
    """A policy as JSON text; what a policy of before does not name reads as it counted then.

    An earlier program reads the same rows, so this is no new schema version: nothing is written anew.
    """

    def deserialize(self, value: str) -> Any:
        """Read the policy back as plain JSON types."""
        return _BEFORE | super().deserialize(value)


_BEFORE: Final = {"patterns_stop_payment": False}
"""New programs have it on; who set one up before never chose that, and is asked for a new version (049)."""


class ProgramRow(VersionedTable[Program]):
    """One row a program, at its newest policy."""

    class Meta:
        table_name = table_name("programs")

    record_type = Program
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(default=_LISTING)
    name = UnicodeAttribute()
    division = UnicodeAttribute()
    kind = UnicodeAttribute()
    face = StructAttribute()
    policy = PolicyAttribute()
    policy_version = NumberAttribute()
    by_listing = ByListing()


class PolicyRow(Table[PolicyVersion]):
    """One row a policy version, never changed."""

    class Meta:
        table_name = table_name("policies")

    record_type = PolicyVersion

    program_id = UnicodeAttribute(hash_key=True)
    policy_version = NumberAttribute(range_key=True)
    policy = PolicyAttribute()
    face = StructAttribute(null=True)
    change = StructAttribute(null=True)


def create_program(program: Program, change: Change) -> None:
    """Store a new program with the first version of its policy."""
    first = _policy_row(program.id, program.policy, program.face, 1, change)
    transact([Put(ProgramRow.from_record(program)), Put(first)], change=change)


def change_policy(
    program: Program, policy: Policy, face: Face | None = None, *, version: int, change: Change
) -> Program:
    """Give a program a new policy version, and a face if one is given; earlier ones stay as they are.

    Raises:
        Refused: `version_conflict`.

    """
    following = program.policy_version + 1
    face = face or program.face
    try:
        transact(
            [
                Update(
                    ProgramRow,
                    (program.id,),
                    [
                        ProgramRow.policy.set(policy),
                        ProgramRow.face.set(face),
                        ProgramRow.policy_version.set(following),
                    ],
                    ProgramRow.version == version,
                ),
                Put(_policy_row(program.id, policy, face, following, change)),
            ],
            change=change,
        )
    except ConditionFailed as failure:
        if isinstance(failure.old, Program):
            raise error("version_conflict", version=failure.old.version) from None
        raise
    return read_program(program.id)


def _policy_row(program_id: str, policy: Policy, face: Face, version: int, change: Change) -> PolicyRow:
    return PolicyRow.from_record(
        PolicyVersion(program_id=program_id, policy_version=version, policy=policy, face=face, change=change)
    )


def want_programs(program_ids: Iterable[str | None]) -> None:
    """Have programs come along with the next read of a page."""
    ahead(ProgramRow, program_ids)


def read_program(program_id: str) -> Program:
    """Read a program or raise `NotFound`."""
    return ProgramRow.read(program_id)


def list_programs(request: PageRequest) -> Page[Program]:
    """List all programs."""
    rows = ProgramRow.by_listing.query(_LISTING, limit=request.limit, last_evaluated_key=request.after)
    return page_of(rows, request)


def all_programs() -> list[Program]:
    """Read every program."""
    return [row.record for row in ProgramRow.by_listing.query(_LISTING)]


def read_policy(program_id: str, policy_version: int) -> Policy:
    """Read one version of a policy or raise `NotFound`."""
    return read_policy_version(program_id, policy_version).policy


def read_policy_version(program_id: str, policy_version: int) -> PolicyVersion:
    """Read one version of a policy with its history or raise `NotFound`."""
    return PolicyRow.read(program_id, policy_version)


def policies_of(program_id: str, request: PageRequest) -> Page[PolicyVersion]:
    """List the versions of a program's policy, newest first."""
    rows = PolicyRow.query(
        program_id, limit=request.limit, last_evaluated_key=request.after, scan_index_forward=False
    )
    return page_of(rows, request)
