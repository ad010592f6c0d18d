"""Lists as uploaded: their states, what a row says, and what makes it wrong."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.calendar import read_date
from chalicelib.kernel.divisions import PROVINCE, is_known
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number, parse_phone
from chalicelib.kernel.ids import ImportId
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.people.eligibility import UNEMPLOYED

GRADUATE_COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "school": ("毕业院校",),
    "degree": ("学历",),
    "graduated_on": ("毕业日期",),
    "left_school_on": ("离校日期",),
    "employment_status": ("就业状态",),
    "phone": ("手机号",),
    "division": ("行政区划",),
}
DEGREES = ("专科", "本科", "硕士", "博士")
EMPLOYMENT_STATUSES = (UNEMPLOYED, "已就业", "升学", "参军", "创业")
_NAME_CHARS_MAX = 50
_SCHOOL_CHARS_MAX = 100
_CHOICE_CHARS_SHOWN = 10

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


class Graduate(msgspec.Struct, frozen=True, kw_only=True):
    """One well-formed row of a graduate list."""

    row: int
    name: str
    id_number: str
    school: str
    degree: str
    graduated_on: date
    left_school_on: date
    employment_status: str
    phone: str
    division: str


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a row; it holds no cell's content."""

    row: int
    column: str
    code: str
    facts: dict[str, str | int] = {}


Judgement = tuple[str, dict[str, str | int]]
"""A code and the facts of its sentence."""


def judge_name(text: str) -> Judgement | None:
    """Judge a name; None if nothing is wrong with it."""
    good = len(text) <= _NAME_CHARS_MAX and all(sign.isalpha() or sign in "·. ’'-" for sign in text)
    return None if good else ("invalid_name", {})


def judge_id_number(text: str) -> Judgement | None:
    """Judge an ID number; None if nothing is wrong with it."""
    try:
        parse_id_number(text)
    except InvalidIdentity as error:
        return error.code, {}
    return None


def _judge_phone(text: str) -> Judgement | None:
    try:
        parse_phone(text)
    except InvalidIdentity as error:
        return error.code, {}
    return None


def _judge_school(text: str) -> Judgement | None:
    return None if len(text) <= _SCHOOL_CHARS_MAX else ("wrong_type", {})


def _judge_date(text: str) -> Judgement | None:
    return None if read_date(text) is not None else ("invalid_date", {})


def _judge_division(text: str) -> Judgement | None:
    return None if is_known(text) else ("invalid_division", {})


def one_of(choices: tuple[str, ...]) -> Callable[[str], Judgement | None]:
    """Make the judge of a cell that takes one of some words."""

    def judge(text: str) -> Judgement | None:
        if text in choices:
            return None
        return "invalid_choice", {"value": text[:_CHOICE_CHARS_SHOWN], "accepted": "、".join(choices)}

    return judge


_JUDGES: dict[str, Callable[[str], Judgement | None]] = {
    "name": judge_name,
    "id_number": judge_id_number,
    "school": _judge_school,
    "degree": one_of(DEGREES),
    "graduated_on": _judge_date,
    "left_school_on": _judge_date,
    "employment_status": one_of(EMPLOYMENT_STATUSES),
    "phone": _judge_phone,
    "division": _judge_division,
}


def read_graduate(row: int, cells: dict[str, str], headers: dict[str, str]) -> Graduate | list[RowFault]:
    """Read one row, or name everything that is wrong with it (row, column and code)."""
    faults: list[RowFault] = []
    for column, judge in _JUDGES.items():
        text = cells.get(column, "")
        judged = judge(text) if text else ("empty_cell", {})
        if judged is not None:
            code, facts = judged
            faults.append(RowFault(row=row, column=headers.get(column, column), code=code, facts=facts))
    graduated_on, left_school_on = read_date(cells["graduated_on"]), read_date(cells["left_school_on"])
    if faults or graduated_on is None or left_school_on is None:
        return faults
    return Graduate(
        row=row,
        name=cells["name"],
        id_number=parse_id_number(cells["id_number"]),
        school=cells["school"],
        degree=cells["degree"],
        graduated_on=graduated_on,
        left_school_on=left_school_on,
        employment_status=cells["employment_status"],
        phone=parse_phone(cells["phone"]),
        division=cells["division"],
    )
