"""Use cases of a class's people: roster, withdrawal, scores (steps 7 and 9 of the notice).

Rows have one shape, whether they came as JSON or as a sheet: cells by canonical column, and the name
that each column has for the sender.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws.keys import person_keys_of
from chalicelib.aws.sheets import SheetRow
from chalicelib.classes import store
from chalicelib.classes.model import ROSTER_MAX, WITHDRAWABLE, ClassStatus, TrainingClass, has_passed
from chalicelib.classes.service import read_class, require_class
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import find_enrolments, read_enrolment
from chalicelib.kernel.errors import Fault, NotFound, Refused
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import PersonKey, is_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.service import misnamed
from chalicelib.vouchers.model import voucher_id_of
from chalicelib.vouchers.store import find_voucher, find_vouchers

ROSTER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号", "身份证号码", "公民身份号码"),
}
SCORE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    **ROSTER_COLUMNS,
    "theory": ("理论成绩", "理论"),
    "practice": ("实操成绩", "实操"),
}
_MARK_MAX = 100


@dataclass(frozen=True)
class RosterOutcome:
    """What an upload did: `version` is the class's now, `faults` the rows that were left out."""

    version: int
    accepted: int
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class ScoresOutcome:
    """What an upload of marks did, or on a dry run would do."""

    version: int
    passed: int
    failed: int
    faults: tuple[Fault, ...] = ()


# --------------------------------------------------------------------------- telling people apart


@dataclass(frozen=True)
class _Named:
    """A row that names a person by ID number and name."""

    row: SheetRow
    person_key: PersonKey
    named_rightly: bool


@dataclass(frozen=True)
class _Numbered:
    """A row that names an enrolment."""

    row: SheetRow
    enrolment_id: str


@dataclass(frozen=True)
class _Unproved:
    """A row with a well-formed ID number, before it is known whose."""

    row: SheetRow
    id_number: str


_Read = _Named | _Numbered | Fault


def _fault(row: SheetRow, column: str, code: str) -> Fault:
    return Fault(code, row=row.row, column=row.headers.get(column, column))


def _read_people(rows: Sequence[SheetRow]) -> list[_Read]:
    """Tell who each row means; one read of the index and one of the names, whatever the number of rows."""
    read = [_read_person(row) for row in rows]
    keys = person_keys_of(one.id_number for one in read if isinstance(one, _Unproved))
    wrong = misnamed(
        [(keys[one.id_number], one.row.cells["name"]) for one in read if isinstance(one, _Unproved)]
    )
    return [
        _Named(one.row, keys[one.id_number], (keys[one.id_number], one.row.cells["name"]) not in wrong)
        if isinstance(one, _Unproved)
        else one
        for one in read
    ]


def _read_person(row: SheetRow) -> _Unproved | _Numbered | Fault:
    enrolment_id = row.cells.get("enrolment_id")
    if enrolment_id is not None:
        return _Numbered(row, enrolment_id)
    for column in ("name", "id_number"):
        if not row.cells.get(column, "").strip():
            return _fault(row, column, "empty_cell")
    try:
        number = parse_id_number(row.cells["id_number"])
    except InvalidIdentity as invalid:
        return _fault(row, "id_number", invalid.code)
    return _Unproved(row, number)


# --------------------------------------------------------------------------- the roster


def roster_of(context: Context, class_id: str) -> tuple[TrainingClass, list[Enrolment]]:
    """Read who is on a class's roster, in its order."""
    found = require_class(context, "roster.read", class_id)
    enrolments: dict[str, Enrolment] = {one.id: one for one in find_enrolments(found.enrolment_ids)}
    return found, [enrolments[key] for key in found.enrolment_ids if key in enrolments]


def replace_roster(
    context: Context,
    class_id: str,
    rows: Sequence[SheetRow],
    *,
    version: int,
    dry_run: bool,
    partial: bool,
) -> RosterOutcome:
    """Make these rows the roster of an approved class (step 7 of the notice).

    Every row must match an own enrolment for this project that is on no other roster. A repeat of the same
    roster changes nothing and answers alike.

    Raises:
        Refused: `class_not_approved`, `roster_closed`, `version_conflict`.
        Impossible: `class_full`; `roster_row_unmatched` with all wrong rows, and nothing is applied.

    """
    found = require_class(context, "roster.write", class_id)
    _require_open_roster(found, version)
    limit = min(found.policy.class_size_max, ROSTER_MAX)
    if len(rows) > limit:
        raise error("class_full", count=len(rows), maximum=limit)
    roster, faults = _match_roster(found, rows)
    if dry_run:
        return RosterOutcome(found.version, len(roster), tuple(faults))
    if faults and not (partial and roster):
        raise error("roster_row_unmatched", faults=tuple(faults))
    if roster == found.roster:
        return RosterOutcome(found.version, len(roster), tuple(faults))
    changed = set(roster.values()) ^ set(found.enrolment_ids)
    if len(changed) > store.TRAINEES_CHANGED_MAX:
        raise error("too_many_rows", limit=store.TRAINEES_CHANGED_MAX)
    store.replace_roster(found, roster, version=version, change=change_of(context, "roster.write"))
    return RosterOutcome(found.version + 1, len(roster), tuple(faults))


def _require_open_roster(training_class: TrainingClass, version: int) -> None:
    if training_class.status in (ClassStatus.DRAFT, ClassStatus.SUBMITTED, ClassStatus.RETURNED):
        raise error("class_not_approved")
    if training_class.status is not ClassStatus.APPROVED:
        raise error("roster_closed")
    if training_class.version != version:
        raise Refused("version_conflict", version=training_class.version)


def _match_roster(
    training_class: TrainingClass, rows: Sequence[SheetRow]
) -> tuple[dict[str, str], list[Fault]]:
    """Match each row with its enrolment; four batch reads, whatever the number of rows."""
    read = _read_people(rows)
    enrolment_of = _enrolments_named(training_class, read)
    roster: dict[str, str] = {}
    faults = []
    for one in read:
        match = one if isinstance(one, Fault) else _judge(training_class, one, enrolment_of(one))
        if isinstance(match, Fault):
            faults.append(match)
        elif match.person_key in roster:
            assert not isinstance(one, Fault)
            faults.append(_fault(one.row, _column_of(one), "repeated_trainee"))
        else:
            roster[match.person_key] = match.id
    return roster, faults


def _enrolments_named(
    training_class: TrainingClass, read: Iterable[_Read]
) -> Callable[[_Named | _Numbered], Enrolment | None]:
    named = {one.person_key for one in read if isinstance(one, _Named)}
    voucher_ids = {key: voucher_id_of(key, training_class.program_id) for key in named}
    held = {voucher.id: voucher.enrolment_id for voucher in find_vouchers(sorted(voucher_ids.values()))}
    enrolment_ids = {key: held.get(voucher_id) for key, voucher_id in voucher_ids.items()}
    wanted: set[str] = {enrolment_id for enrolment_id in enrolment_ids.values() if enrolment_id is not None}
    wanted |= {
        one.enrolment_id for one in read if isinstance(one, _Numbered) and is_id(one.enrolment_id, "enr")
    }
    enrolments: dict[str, Enrolment] = {found.id: found for found in find_enrolments(sorted(wanted))}

    def enrolment_of(one: _Named | _Numbered) -> Enrolment | None:
        enrolment_id = one.enrolment_id if isinstance(one, _Numbered) else enrolment_ids[one.person_key]
        return enrolments.get(enrolment_id) if enrolment_id is not None else None

    return enrolment_of


def _column_of(one: _Named | _Numbered) -> str:
    return "enrolment_id" if isinstance(one, _Numbered) else "id_number"


def _judge(
    training_class: TrainingClass, one: _Named | _Numbered, enrolment: Enrolment | None
) -> Enrolment | Fault:
    unmatched = _fault(one.row, _column_of(one), "roster_row_unmatched")
    if enrolment is None or (
        enrolment.institution,
        enrolment.project_id,
        enrolment.program_id,
    ) != (training_class.institution, training_class.project_id, training_class.program_id):
        return unmatched
    if isinstance(one, _Named) and not one.named_rightly:
        return _fault(one.row, "name", "roster_row_unmatched")
    if enrolment.class_id == training_class.id and enrolment.status is EnrolmentStatus.ROSTERED:
        return enrolment
    if enrolment.status is EnrolmentStatus.CONFIRMED and enrolment.class_id is None:
        return enrolment
    if enrolment.status is EnrolmentStatus.ROSTERED:
        return _fault(one.row, _column_of(one), "already_rostered")
    return unmatched


def withdraw(context: Context, enrolment_id: str, *, reason: str) -> Enrolment:
    """Record that a rostered trainee left the class; the voucher is closed. A repeat answers alike.

    Raises:
        NotFound: there is none in the caller's area.
        Refused: the enrolment is on no roster, or has its scores.

    """
    rights.admit(context.principal, "enrolment.withdraw")
    if not is_id(enrolment_id, "enr"):
        raise NotFound
    enrolment = read_enrolment(enrolment_id)
    rights.require(
        context.principal,
        "enrolment.withdraw",
        division=enrolment.division,
        institution=enrolment.institution,
    )
    if enrolment.status is EnrolmentStatus.WITHDRAWN:
        return enrolment
    if enrolment.status is not EnrolmentStatus.ROSTERED or enrolment.class_id is None:
        raise Refused("wrong_state", status=enrolment.status.value)
    training_class = read_class(enrolment.class_id)
    if training_class.status not in WITHDRAWABLE:
        raise Refused("wrong_state", status=training_class.status.value)
    store.withdraw(
        training_class,
        enrolment,
        find_voucher(enrolment.voucher_id),
        change=change_of(context, "enrolment.withdraw", reason=reason),
    )
    return read_enrolment(enrolment_id)


# --------------------------------------------------------------------------- scores


def record_scores(
    context: Context, class_id: str, rows: Sequence[SheetRow], *, version: int, dry_run: bool
) -> ScoresOutcome:
    """Record the marks of every rostered trainee at once (step 9 of the notice).

    Again with a new version they are corrected, until a subsidy claim exists.

    Raises:
        Refused: `wrong_state`, `version_conflict`.
        Impossible: `scores_incomplete` while any trainee has no valid marks, else `rows_invalid`; both with
            everything that is wrong, and nothing is applied.

    """
    found = require_class(context, "scores.write", class_id)
    if found.version != version:
        raise Refused("version_conflict", version=found.version)
    if found.status not in (ClassStatus.COMPLETION_APPROVED, ClassStatus.SCORED):
        raise Refused("wrong_state", status=found.status.value)
    marks, faults = _match_scores(found, rows)
    missing = [key for key in found.enrolment_ids if key not in marks]
    faults += [Fault("mark_missing", field=enrolment_id) for enrolment_id in missing]
    passed = sum(mark.passed for mark in marks.values())
    if dry_run:
        return ScoresOutcome(found.version, passed, len(marks) - passed, tuple(faults))
    if missing:
        raise error("scores_incomplete", faults=tuple(faults), missing=len(missing))
    if faults:
        raise error("rows_invalid", faults=tuple(faults), invalid=len({fault.row for fault in faults}))
    store.record_scores(
        found,
        list(marks.values()),
        version=version,
        by=context.principal.actor,
        now=context.now,
        change=change_of(context, "scores.write"),
    )
    return ScoresOutcome(found.version + 1, passed, len(marks) - passed)


def _match_scores(
    training_class: TrainingClass, rows: Sequence[SheetRow]
) -> tuple[dict[str, store.Marks], list[Fault]]:
    read = _read_people(rows)
    marks: dict[str, store.Marks] = {}
    faults = []
    seen = set()
    for one in read:
        if isinstance(one, Fault):
            faults.append(one)
            continue
        enrolment_id = _scored(training_class, one)
        if isinstance(enrolment_id, Fault):
            faults.append(enrolment_id)
        elif enrolment_id in seen:
            faults.append(_fault(one.row, _column_of(one), "repeated_trainee"))
        else:
            seen.add(enrolment_id)
            found = _marks_in(training_class, enrolment_id, one.row)
            if isinstance(found, list):
                faults += found
            else:
                marks[enrolment_id] = found
    return marks, faults


def _scored(training_class: TrainingClass, one: _Named | _Numbered) -> str | Fault:
    if isinstance(one, _Numbered):
        known = one.enrolment_id in training_class.enrolment_ids
        return one.enrolment_id if known else _fault(one.row, "enrolment_id", "score_row_unmatched")
    enrolment_id = training_class.roster.get(one.person_key)
    if enrolment_id is None:
        return _fault(one.row, "id_number", "score_row_unmatched")
    if not one.named_rightly:
        return _fault(one.row, "name", "score_row_unmatched")
    return enrolment_id


def _marks_in(training_class: TrainingClass, enrolment_id: str, row: SheetRow) -> store.Marks | list[Fault]:
    marks = {column: _mark(row.cells.get(column, "")) for column in ("theory", "practice")}
    theory, practice = marks["theory"], marks["practice"]
    if theory is None or practice is None:
        return [_fault(row, column, "invalid_mark") for column, mark in marks.items() if mark is None]
    return store.Marks(
        enrolment_id=enrolment_id,
        theory=theory,
        practice=practice,
        passed=has_passed(theory=theory, practice=practice, policy=training_class.policy),
    )


def _mark(text: str) -> int | None:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_MARK_MAX)):
        return None
    return int(digits) if int(digits) <= _MARK_MAX else None
