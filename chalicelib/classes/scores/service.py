"""Use cases of marks: record, correct, look back (step 9 of the notice)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.classes.evidence import Evidence, evidence_of, share_of
from chalicelib.classes.model import ClassStatus, Marks, ScoreSheet, TrainingClass, has_passed
from chalicelib.classes.scores import store as scores_store
from chalicelib.classes.service import require_class
from chalicelib.classes.trainee_sheets.rows import (
    Named,
    Numbered,
    column_of,
    fault_in,
    read_people,
    wrong_mask,
)
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.sheets.reading import SheetRow

_MARK_MAX = 100


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
        Impossible: `scores_incomplete` while any trainee has no valid marks, else `rows_invalid`; both with
            everything that is wrong, and nothing is applied.

    """
    found = require_class(context, "scores.write", class_id)
    if found.version != version:
        raise error("version_conflict", version=found.version)
    if found.status in (ClassStatus.CLAIMED, ClassStatus.CLOSED):
        raise error("scores_closed")
    if found.status not in (ClassStatus.COMPLETION_APPROVED, ClassStatus.SCORED):
        raise error("wrong_state", status=found.status.value)
    if found.status is ClassStatus.SCORED and not (reason or "").strip() and not dry_run:
        raise error("correction_needs_reason")
    marks, faults, meant = _match_scores(found, rows, evidence=evidence_of(found, context.now))
    missing = [key for key in found.enrolment_ids if key not in marks]
    faults += [Fault("mark_missing", field=key) for key in missing if key not in meant]
    passed = sum(mark.passed for mark in marks.values())
    if dry_run:
        return ScoresOutcome(found.version, passed, len(marks) - passed, tuple(faults))
    if missing:
        raise error("scores_incomplete", faults=tuple(faults), missing=len(missing))
    if faults:
        raise error("rows_invalid", faults=tuple(faults), invalid=len({fault.row for fault in faults}))
    sheet = ScoreSheet(
        id=found.id,
        part=scores_store.sheet_part(version + 1),
        division=found.division,
        scored_by=context.principal.actor,
        scored_at=context.now,
        marks=list(marks.values()),
        reason=reason,
        version=version + 1,
    )
    change = change_of(context, "scores.write", reason=reason)
    scores_store.record_scores(found, sheet, version=version, change=change)
    return ScoresOutcome(found.version + 1, passed, len(marks) - passed)


def _match_scores(
    training_class: TrainingClass, rows: Sequence[SheetRow], *, evidence: Evidence
) -> tuple[dict[str, Marks], list[Fault], set[str]]:
    """Give the marks of right rows, what is wrong with the others, and every trainee that some row means."""
    read = read_people(rows)
    numbered = [one.enrolment_id for one in read if isinstance(one, Numbered) and one.row.cells.get("name")]
    enrolments: dict[str, Enrolment] = {
        one.id: one for one in find_enrolments(sorted(set(numbered) & set(training_class.enrolment_ids)))
    }
    marks: dict[str, Marks] = {}
    faults = []
    seen: set[str] = set()
    meant: set[str] = set()
    for one in read:
        if isinstance(one, Fault):
            faults.append(one)
            continue
        meant.add(_meant_by(training_class, one))
        enrolment_id = _scored(training_class, one, enrolments)
        if isinstance(enrolment_id, Fault):
            faults.append(enrolment_id)
        elif enrolment_id in seen:
            faults.append(fault_in(one.row, column_of(one), "repeated_trainee"))
        else:
            seen.add(enrolment_id)
            share = share_of(evidence, enrolment_id)
            found = _marks_in(training_class, enrolment_id, one.row, share=share)
            if isinstance(found, list):
                faults += found
            else:
                marks[enrolment_id] = found
    unclear = {one.row for one in read if isinstance(one, Fault)}
    unnamed = [key for key in training_class.enrolment_ids if key not in meant]
    meant |= _guessed([row for row in rows if row.row in unclear], unnamed)
    return marks, faults, meant


def _meant_by(training_class: TrainingClass, one: Named | Numbered) -> str:
    if isinstance(one, Numbered):
        return one.enrolment_id
    return training_class.roster.get(one.person_key, "")


def _guessed(rows: Sequence[SheetRow], unnamed: Sequence[str]) -> set[str]:
    """Say whom rows mean in which the person is unclear: what is wrong with such a row is told once."""
    left: dict[str, Enrolment] = {one.id: one for one in find_enrolments(unnamed)} if rows else {}
    guessed: set[str] = set()
    for row in rows:
        match = next((one.id for one in left.values() if _may_mean(row, one)), None)
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
    training_class: TrainingClass, one: Named | Numbered, enrolments: Mapping[str, Enrolment]
) -> str | Fault:
    if isinstance(one, Numbered):
        if one.enrolment_id not in training_class.enrolment_ids:
            return fault_in(one.row, "enrolment_id", "score_row_unmatched")
        known = enrolments.get(one.enrolment_id)
        belied = wrong_mask(one.row, known) if known is not None else None
        return fault_in(one.row, belied, "score_row_unmatched") if belied is not None else one.enrolment_id
    enrolment_id = training_class.roster.get(one.person_key)
    if enrolment_id is None:
        return fault_in(one.row, "id_number", "score_row_unmatched")
    if not one.named_rightly:
        return fault_in(one.row, "name", "score_row_unmatched")
    return enrolment_id


def _marks_in(
    training_class: TrainingClass, enrolment_id: str, row: SheetRow, *, share: Decimal
) -> Marks | list[Fault]:
    marks = {column: _mark(row.cells.get(column, "")) for column in ("theory", "practice")}
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
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_MARK_MAX)):
        return None
    return int(digits) if int(digits) <= _MARK_MAX else None


# --------------------------------------------------------------------------- looking back


def score_history(context: Context, class_id: str) -> tuple[TrainingClass, list[ScoreSheet]]:
    """Give every recording of a class's marks, oldest first."""
    found = require_class(context, "scores.read", class_id)
    return found, scores_store.score_sheets(found.id)
