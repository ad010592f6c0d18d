"""Lists as uploaded: their kinds, their states, and what is wrong with their rows."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import DomainError, Fact
from chalicelib.kernel.ids import ImportId
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

STALLED_AFTER = timedelta(minutes=15)
"""A list that is not decided so long after its last step has its missing work asked for again."""


class ImportKind(StrEnum):
    """What a list is."""

    GRADUATES = "graduates"
    INELIGIBLE_PEOPLE = "ineligible_people"


class ImportStatus(StrEnum):
    """Where an import is in its life."""

    AWAITING_UPLOAD = "awaiting_upload"
    UPLOADED = "uploaded"
    VALIDATING = "validating"
    READY = "ready"
    FAILED = "failed"
    APPLYING = "applying"
    APPLIED = "applied"


_S = ImportStatus
IMPORT_TRANSITIONS: Transitions[ImportStatus] = Transitions(
    "import",
    {
        "receive": Step((_S.AWAITING_UPLOAD,), _S.UPLOADED),
        "validate": Step((_S.UPLOADED, _S.VALIDATING), _S.VALIDATING),
        "accept": Step((_S.VALIDATING,), _S.READY),
        "fail": Step((_S.UPLOADED, _S.VALIDATING), _S.FAILED),
        "apply": Step((_S.READY, _S.APPLYING, _S.APPLIED), _S.APPLYING),
        "finish": Step((_S.APPLYING,), _S.APPLIED),
    },
)


ISSUABLE = (_S.READY, _S.APPLYING, _S.APPLIED)
"""The states of a list from which vouchers may be issued; again, too: a re-run changes nothing."""
UNDECIDED = (_S.UPLOADED, _S.VALIDATING)
"""The states in which workers have something to do before a list is ready or has failed."""


DECIDED = (_S.READY, _S.FAILED, _S.APPLYING, _S.APPLIED)
"""The states of a list that workers have looked through."""


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One uploaded list. Its rows and faults are objects in S3, sealed where they name people.

    `reading` names the one reading of the file that counts, `chunks` how many chunks that has; `faults`
    counts what is wrong, of which a row may have several. `open` marks what workers have yet to decide.
    """

    id: ImportId
    kind: ImportKind
    content_type: str
    size_bytes: int
    sha256: str
    partial: bool
    dry_run: bool = False
    division: str = PROVINCE
    created_by: str
    created_at: datetime
    status: ImportStatus
    total: int = 0
    valid: int = 0
    invalid: int = 0
    chunks: int = 0
    faults: int = 0
    reading: str | None = None
    failure: str | None = None
    failure_facts: dict[str, Fact] = {}
    open: str | None = None
    version: int = 1
    last_change: Change | None = None

    def has_stalled(self, now: datetime) -> bool:
        """Tell whether the workers should be asked again for what is missing."""
        moved = self.last_change.at if self.last_change is not None else self.created_at
        return self.status in UNDECIDED and moved + STALLED_AFTER <= now


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a row; it holds no cell's content."""

    row: int
    column: str
    code: str
    facts: dict[str, str | int] = {}

    @property
    def told(self) -> dict[str, str | int]:
        """Give the facts for its sentence, with its place in the sender's words."""
        return {"column": self.column, "field": self.column, "row": self.row, **self.facts}


def why_not_propose(record: Import) -> DomainError | None:
    """Tell what stands against issuing vouchers from a list; None if nothing does."""
    if record.kind is not ImportKind.GRADUATES or record.status not in ISSUABLE:
        return error("import_not_ready", status=record.status.value)
    if record.dry_run:
        return error("import_not_ready", status="dry_run")
    return None
