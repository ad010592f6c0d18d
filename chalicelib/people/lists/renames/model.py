"""A rename (更名): a list row that gives another name to who is known already under that number.

Either the name was wrong before, or the row carries another person's number. So the row tells so, and
counts once a second person of the province has confirmed it: until then the vault keeps the name it had,
and nothing is issued by the row. The list's rows are kept for thirty days, and so long may it be decided.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.clocks import PROPOSED_DAYS
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ImportId, PersonKey
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

UNDECIDED_FOR = timedelta(days=PROPOSED_DAYS)
WARNING = "name_changed"


class RenameStatus(StrEnum):
    """Where a rename is in its life."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


_R = RenameStatus
RENAME_TRANSITIONS: Transitions[RenameStatus] = Transitions(
    "rename",
    {
        "confirm": Step((_R.PROPOSED,), _R.CONFIRMED),
        "refuse": Step((_R.PROPOSED,), _R.REFUSED),
    },
)


class Rename(msgspec.Struct, frozen=True, kw_only=True):
    """One row that renames somebody, without either name: they are sealed, in the list and in the vault."""

    import_id: ImportId
    part: str
    chunk: int
    person_key: PersonKey
    status: RenameStatus
    proposed_by: str
    proposed_at: datetime
    division: str = PROVINCE
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def row(self) -> int:
        """Tell the sheet's line."""
        return int(self.part)


def part_of(row: int) -> str:
    """Name a row within its list."""
    return f"{row:07d}"


def why_not(
    action: str, rename: Rename, hands: Hands, *, now: datetime, version: int | None = None
) -> DomainError | None:
    """Tell what stands against confirming or refusing a rename; None if nothing does.

    Who uploaded the list does not decide. The truth is the condition of `store.decide`.
    """
    if rename.proposed_by in hands:
        return error("self_approval")
    refusal = RENAME_TRANSITIONS.why_not(action, rename, version=version)
    if refusal is None and rename.proposed_at + UNDECIDED_FOR <= now:
        return error("rename_lapsed")
    return refusal
