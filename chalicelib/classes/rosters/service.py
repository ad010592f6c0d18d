"""Use cases of a class's people: roster and withdrawal (step 7 of the notice)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.accounts.staff import staff_of
from chalicelib.classes.model import ROSTER_MAX, WITHDRAWABLE, TrainingClass, why_not
from chalicelib.classes.occupancy.service import people_taught_elsewhere
from chalicelib.classes.rosters import store as roster_store
from chalicelib.classes.rosters.model import has_opened, may_join
from chalicelib.classes.service import read_class, require_class
from chalicelib.classes.store import heads_by_id
from chalicelib.classes.trainee_sheets.rows import (
    NamedRow,
    NumberedRow,
    TraineeRow,
    column_of,
    fault_in,
    read_people,
    wrong_mask,
)
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.service import why_not_now
from chalicelib.enrolments.store import find_enrolments, read_enrolment
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.free_text import names_person
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.sheets.reading import SheetRow
from chalicelib.vouchers.model import voucher_id_of
from chalicelib.vouchers.store import find_voucher, find_vouchers


@dataclass(frozen=True)
class RosterOutcome:
    """What an upload did: `version` is the class's now, `faults` the rows that were left out."""

    version: int
    accepted: int
    faults: tuple[Fault, ...] = ()


# --------------------------------------------------------------------------- the roster


def roster_of(context: Context, class_id: str) -> tuple[TrainingClass, list[Enrolment]]:
    """Read who is on a class's roster, in its order."""
    training_class = require_class(context, "roster.read", class_id)
    enrolments: dict[str, Enrolment] = {
        enrolment.id: enrolment for enrolment in find_enrolments(training_class.enrolment_ids)
    }
    rostered = [enrolments[key] for key in training_class.enrolment_ids if key in enrolments]
    return training_class, rostered


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

    Every row must match an own enrolment for this project that is on no other roster. Nobody joins once the
    policy's `late_addition_until_share` of the hours is over, and nobody is dropped once a lesson has begun:
    who leaves then withdraws, with a reason. Nobody joins who teaches the class or is of the institution's
    staff, or whom another class teaches at the same time. A repeat of the same roster changes nothing and
    answers alike.

    Raises:
        Refused: `class_not_approved`, `roster_closed`, `version_conflict`, `trainee_dropped`.
        Impossible: `class_full`; `roster_row_unmatched` with all wrong rows, and nothing is applied.

    """
    training_class = require_class(context, "roster.write", class_id)
    refuse(why_not("roster", training_class, hands=context.principal.hands, now=context.now))
    if training_class.version != version:
        raise error("version_conflict", version=training_class.version)
    limit = min(training_class.policy.class_size_max, ROSTER_MAX)
    if len(rows) > limit:
        raise error("class_full", count=len(rows), maximum=limit)
    roster, faults, free = _match_roster(training_class, rows, now=context.now)
    dropped = _dropped(training_class, roster, now=context.now)
    if dry_run:
        return RosterOutcome(version, len(roster), tuple(faults or dropped))
    if faults and not (partial and roster):
        raise error("roster_row_unmatched", faults=tuple(faults))
    if dropped:
        raise error("trainee_dropped", faults=tuple(dropped))
    if roster == training_class.roster:
        return RosterOutcome(version, len(roster), tuple(faults))
    changed = set(roster.values()) ^ set(training_class.enrolment_ids)
    if len(changed) + len(free) > roster_store.TRAINEES_CHANGED_MAX:
        raise error("too_many_rows", limit=roster_store.TRAINEES_CHANGED_MAX)
    change = change_of(context, "roster.write")
    roster_store.replace_roster(training_class, roster, free=free, version=version, change=change)
    return RosterOutcome(version + 1, len(roster), tuple(faults))


def _dropped(training_class: TrainingClass, roster: Mapping[str, str], *, now: datetime) -> list[Fault]:
    """List who would silently leave a class that has begun: a fault each, on their enrolment."""
    if not has_opened(training_class, now):
        return []
    staying = set(roster.values())
    leaving = [key for key in training_class.enrolment_ids if key not in staying]
    return [Fault("trainee_dropped", field=enrolment_id) for enrolment_id in leaving]


# --------------------------------------------------------------------------- whom a row means


def _match_roster(
    training_class: TrainingClass, rows: Sequence[SheetRow], *, now: datetime
) -> tuple[dict[str, str], list[Fault], list[str]]:
    """Match each row with its enrolment; six reads, whatever the number of rows, a query who joins.

    Gives the roster, what is wrong with the other rows, and the other enrolments of who joins, which no class
    has so far.
    """
    open_for_new = may_join(training_class, now)
    trainers = {trainer.person_key for trainer in training_class.trainers}
    staff = staff_of(training_class.institution, now)
    people = read_people(rows)
    enrolment_of = _enrolments_named(training_class, people)
    roster: dict[str, str] = {}
    place_of: dict[str, TraineeRow] = {}
    faults = []
    for row in people:
        if isinstance(row, Fault):
            faults.append(row)
            continue
        enrolment = _enrolment_of_class(training_class, row, enrolment_of(row))
        if isinstance(enrolment, Fault):
            faults.append(enrolment)
        elif enrolment.person_key in roster:
            faults.append(fault_in(row.row, column_of(row), "repeated_trainee"))
        elif isinstance(row, NamedRow) and names_person(training_class.name, row.row.cells.get("name", "")):
            faults.append(fault_in(row.row, column_of(row), "name_in_public_text"))
        elif enrolment.class_id is None and not open_for_new:
            faults.append(fault_in(row.row, column_of(row), "late_addition"))
        elif enrolment.person_key in trainers:
            faults.append(fault_in(row.row, column_of(row), "trainer_is_trainee"))
        elif enrolment.class_id is None and enrolment.person_key in staff:
            faults.append(fault_in(row.row, column_of(row), "staff_is_trainee"))
        else:
            roster[enrolment.person_key] = enrolment.id
            place_of[enrolment.person_key] = row
    joining = [person for person in roster if person not in training_class.roster]
    elsewhere = people_taught_elsewhere(training_class, joining)
    for person, day in elsewhere.days.items():
        del roster[person]
        row = place_of[person]
        faults.append(fault_in(row.row, column_of(row), "trainee_elsewhere", day=day.isoformat()))
    free = sorted({one for person in joining for one in elsewhere.free[person] if person in roster})
    return roster, faults, [one for one in free if one not in roster.values()]


def _enrolments_named(
    training_class: TrainingClass, people: Iterable[TraineeRow | Fault]
) -> Callable[[TraineeRow], Enrolment | None]:
    """Find the enrolments that rows mean; the answer gives that of a row."""
    rows = [row for row in people if not isinstance(row, Fault)]
    named = {row.person_key for row in rows if isinstance(row, NamedRow)}
    voucher_ids = {key: voucher_id_of(key, training_class.program_id) for key in named}
    spent_on = {voucher.id: voucher.enrolment_id for voucher in find_vouchers(sorted(voucher_ids.values()))}
    id_of_person = {key: spent_on.get(voucher_id) for key, voucher_id in voucher_ids.items()}

    def id_meant(row: TraineeRow) -> str | None:
        return row.enrolment_id if isinstance(row, NumberedRow) else id_of_person[row.person_key]

    ids = {id_meant(row) or "" for row in rows}
    known = find_enrolments(sorted(enrolment_id for enrolment_id in ids if is_id(enrolment_id, "enr")))
    enrolments: dict[str, Enrolment] = {enrolment.id: enrolment for enrolment in known}
    return lambda row: enrolments.get(id_meant(row) or "")


def _enrolment_of_class(
    training_class: TrainingClass, row: TraineeRow, enrolment: Enrolment | None
) -> Enrolment | Fault:
    """Give the enrolment that a row means, or what is wrong with the row."""
    subject = (training_class.institution, training_class.project_id, training_class.program_id)
    if enrolment is None or (enrolment.institution, enrolment.project_id, enrolment.program_id) != subject:
        return fault_in(row.row, column_of(row), "roster_row_unmatched")
    if isinstance(row, NamedRow) and not row.named_rightly:
        return fault_in(row.row, "name", "roster_row_unmatched")
    belied = wrong_mask(row.row, enrolment) if isinstance(row, NumberedRow) else None
    if belied is not None:
        return fault_in(row.row, belied, "roster_row_unmatched")
    is_free = enrolment.status is EnrolmentStatus.CONFIRMED and enrolment.class_id is None
    is_rostered = enrolment.status is EnrolmentStatus.ROSTERED
    if is_free or (is_rostered and enrolment.class_id == training_class.id):
        return enrolment
    return fault_in(row.row, column_of(row), "already_rostered" if is_rostered else "roster_row_unmatched")


# --------------------------------------------------------------------------- withdrawal


def classes_one_may_leave(class_ids: Sequence[str]) -> set[str]:
    """Tell in which of some classes a trainee may still withdraw: their marks are not recorded yet."""
    return {head.id for head in heads_by_id(set(class_ids)) if head.status in WITHDRAWABLE}


def withdraw(context: Context, enrolment_id: str, *, reason: str) -> Enrolment:
    """Record that a rostered trainee left the class; the voucher is closed. A repeat answers alike.

    Raises:
        NotFound: there is none in the caller's area.
        Refused: the enrolment is on no roster, or has its scores.

    """
    rights.admit(context.principal, "enrolment.withdraw")
    if not is_id(enrolment_id, "enr"):
        raise error("not_found")
    enrolment = read_enrolment(enrolment_id)
    rights.require(
        context.principal,
        "enrolment.withdraw",
        division=enrolment.division,
        institution=enrolment.institution,
    )
    if enrolment.status is EnrolmentStatus.WITHDRAWN:
        return enrolment
    refuse(why_not_now(context, "withdraw", enrolment))
    assert enrolment.class_id is not None
    training_class = read_class(enrolment.class_id)
    if training_class.status not in WITHDRAWABLE:
        raise error("wrong_state", status=training_class.status.value)
    roster_store.withdraw(
        training_class,
        enrolment,
        find_voucher(enrolment.voucher_id),
        change=change_of(context, "enrolment.withdraw", reason=reason),
    )
    return read_enrolment(enrolment_id)
