"""Use cases of marks: record, correct, look back (step 9 of the notice)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.classes.evidence import ClassEvidence, evidence_of, share_of
from chalicelib.classes.marks import Marks, ScoreSheet
from chalicelib.classes.model import ClassStatus, TrainingClass, why_not
from chalicelib.classes.scores import store as scores_store
from chalicelib.classes.scores.model import MARK_MAX, has_passed
from chalicelib.classes.service import require_class
from chalicelib.classes.trainee_sheets.rows import (
    NumberedRow,
    TraineeRow,
    column_of,
    fault_in,
    in_one_form,
    is_mark,
    read_people,
    wrong_mask,
)
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.sheets.reading import SheetRow

_MARKS = ("theory", "practice")


@dataclass(frozen=True)
class ScoresOutcome:
    """What an upload of marks did, or on a dry run would do."""

    version: int
    passed: int
    failed: int
    faults: tuple[Fault, ...] = ()


def record_scores(
    context: Context,
    class_id: str,
    rows: Sequence[SheetRow],
    *,
    version: int,
    dry_run: bool,
    reason: str | None = None,
) -> ScoresOutcome:
    """Record the marks of every rostered trainee at once (step 9 of the notice).

    Who passes follows from marks and attendance as they are now. Recorded again with a reason the marks are
    corrected, and the attendance is looked at anew, until a subsidy claim exists.

    Raises:
        Refused: `scores_closed` once the subsidy is claimed, `wrong_state`, `version_conflict`.
        Impossible: `correction_needs_reason`.
        Impossible: `scores_incomplete` while any trainee has no marks, else `rows_invalid` where some are
            wrong; both with everything that is wrong, and nothing is applied.

    """
    training_class = require_class(context, "scores.write", class_id)
    actor = context.principal.actor
    refuse(why_not("scores", training_class, hands=context.principal.hands, now=context.now, version=version))
    is_correction = training_class.status is ClassStatus.SCORED
    if is_correction and not (reason or "").strip() and not dry_run:
        raise error("correction_needs_reason")
    evidence = evidence_of(training_class, context.now)
    marks, faults, meant = _match_scores(training_class, rows, evidence=evidence)
    unnamed = [key for key in training_class.enrolment_ids if key not in meant]
    faults += [Fault("mark_missing", field=key) for key in unnamed]
    passed = sum(mark.passed for mark in marks.values())
    if dry_run:
        return ScoresOutcome(version, passed, len(marks) - passed, tuple(faults))
    if missing := len(unnamed) + len(_rows_without_marks(rows)):
        raise error("scores_incomplete", faults=tuple(faults), missing=missing)
    if faults:
        raise error("rows_invalid", faults=tuple(faults), invalid=len({fault.row for fault in faults}))
    sheet = ScoreSheet(
        id=training_class.id,
        part=scores_store.sheet_part(version + 1),
        division=training_class.division,
        scored_by=actor,
        scored_at=context.now,
        marks=list(marks.values()),
        reason=reason,
        version=version + 1,
    )
    change = change_of(context, "scores.write", reason=reason)
    scores_store.record_scores(training_class, sheet, version=version, change=change)
    return ScoresOutcome(version + 1, passed, len(marks) - passed)


def _rows_without_marks(rows: Sequence[SheetRow]) -> list[int]:
    """Name the rows that leave a mark empty: nobody was marked wrongly there, but not at all."""
    return [row.row for row in rows if not all(row.cells.get(column, "").strip() for column in _MARKS)]


# --------------------------------------------------------------------------- whose marks a row holds


def _match_scores(
    training_class: TrainingClass, rows: Sequence[SheetRow], *, evidence: ClassEvidence
) -> tuple[dict[str, Marks], list[Fault], set[str]]:
    """Give the marks of right rows, what is wrong with the others, and every trainee that some row means."""
    people = read_people(rows)
    enrolments = _enrolments_with_names(training_class, people)
    marks: dict[str, Marks] = {}
    faults = []
    seen: set[str] = set()
    meant: set[str] = set()
    for row in people:
        if isinstance(row, Fault):
            faults.append(row)
            continue
        meant.add(_meant_by(training_class, row))
        enrolment_id = _scored(training_class, row, enrolments)
        if isinstance(enrolment_id, Fault):
            faults.append(enrolment_id)
        elif enrolment_id in seen:
            faults.append(fault_in(row.row, column_of(row), "repeated_trainee"))
        else:
            seen.add(enrolment_id)
            share = share_of(evidence, enrolment_id)
            read = _marks_in(training_class, enrolment_id, row.row, share=share)
            if isinstance(read, list):
                faults += read
            else:
                marks[enrolment_id] = read
    unclear = {row.row for row in people if isinstance(row, Fault)}
    unnamed = [key for key in training_class.enrolment_ids if key not in meant]
    meant |= _guessed([in_one_form(row) for row in rows if row.row in unclear], unnamed)
    return marks, faults, meant


def _enrolments_with_names(
    training_class: TrainingClass, people: Sequence[TraineeRow | Fault]
) -> dict[str, Enrolment]:
    """Read the enrolments of rows that give both number and name, which are held against each other."""
    ids = {row.enrolment_id for row in people if isinstance(row, NumberedRow) and row.row.cells.get("name")}
    enrolments = find_enrolments(sorted(ids & set(training_class.enrolment_ids)))
    return {enrolment.id: enrolment for enrolment in enrolments}


def _meant_by(training_class: TrainingClass, row: TraineeRow) -> str:
    if isinstance(row, NumberedRow):
        return row.enrolment_id
    return training_class.roster.get(row.person_key, "")


def _guessed(rows: Sequence[SheetRow], unnamed: Sequence[str]) -> set[str]:
    """Say whom rows mean in which the person is unclear: what is wrong with such a row is told once."""
    left: dict[str, Enrolment] = (
        {enrolment.id: enrolment for enrolment in find_enrolments(unnamed)} if rows else {}
    )
    guessed: set[str] = set()
    for row in rows:
        match = next((enrolment.id for enrolment in left.values() if _may_mean(row, enrolment)), None)
        if match is not None:
            guessed.add(match)
            del left[match]
    return guessed


def _may_mean(row: SheetRow, enrolment: Enrolment) -> bool:
    name, number = (row.cells.get(column, "").strip() for column in ("name", "id_number"))
    if name:
        return mask_name(name) == enrolment.trainee_name
    return bool(number) and mask_id_number(number.upper()) == enrolment.trainee_id_number


def _scored(
    training_class: TrainingClass, row: TraineeRow, enrolments: Mapping[str, Enrolment]
) -> str | Fault:
    """Give the enrolment whose marks a row holds, or what is wrong with the row."""
    if isinstance(row, NumberedRow):
        if row.enrolment_id not in training_class.enrolment_ids:
            return fault_in(row.row, "enrolment_id", "score_row_unmatched")
        enrolment = enrolments.get(row.enrolment_id)
        belied = wrong_mask(row.row, enrolment) if enrolment is not None else None
        return fault_in(row.row, belied, "score_row_unmatched") if belied is not None else row.enrolment_id
    enrolment_id = training_class.roster.get(row.person_key)
    if enrolment_id is None:
        return fault_in(row.row, "id_number", "score_row_unmatched")
    if not row.named_rightly:
        return fault_in(row.row, "name", "score_row_unmatched")
    return enrolment_id


def _marks_in(
    training_class: TrainingClass, enrolment_id: str, row: SheetRow, *, share: Decimal
) -> Marks | list[Fault]:
    marks = {column: _mark(row.cells.get(column, "")) for column in _MARKS}
    theory, practice = marks["theory"], marks["practice"]
    if theory is None or practice is None:
        wrong = (column for column, mark in marks.items() if mark is None)
        return [fault_in(row, column, row.faults.get(column, "invalid_mark")) for column in wrong]
    return Marks(
        enrolment_id=enrolment_id,
        theory=theory,
        practice=practice,
        share=share,
        passed=has_passed(theory=theory, practice=practice, policy=training_class.policy, share=share),
    )


def _mark(text: str) -> int | None:
    mark = int(text) if is_mark(text) else None
    return mark if mark is not None and mark <= MARK_MAX else None


# --------------------------------------------------------------------------- looking back


def score_history(context: Context, class_id: str) -> tuple[TrainingClass, list[ScoreSheet]]:
    """Give every recording of a class's marks, oldest first."""
    training_class = require_class(context, "scores.read", class_id)
    return training_class, scores_store.score_sheets(training_class.id)
