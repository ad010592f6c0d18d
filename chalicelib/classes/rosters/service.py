"""Use cases of a class's people: roster and withdrawal (step 7 of the notice)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.classes.changes.model import has_begun
from chalicelib.classes.model import (
    NOT_YET_APPROVED,
    ROSTER_MAX,
    WITHDRAWABLE,
    ClassStatus,
    TrainingClass,
    hours_share_over,
)
from chalicelib.classes.rosters import store as roster_store
from chalicelib.classes.service import read_class, require_class
from chalicelib.classes.trainee_sheets.rows import (
    Named,
    Numbered,
    Read,
    column_of,
    fault_in,
    read_people,
    wrong_mask,
)
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import find_enrolments, read_enrolment
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
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

    Every row must match an own enrolment for this project that is on no other roster. Nobody joins once the
    policy's `late_addition_until_share` of the hours is over, and nobody is dropped once a lesson has begun:
    who leaves then withdraws, with a reason. A repeat of the same roster changes nothing and answers alike.

    Raises:
        Refused: `class_not_approved`, `roster_closed`, `version_conflict`, `trainee_dropped`.
        Impossible: `class_full`; `roster_row_unmatched` with all wrong rows, and nothing is applied.

    """
    found = require_class(context, "roster.write", class_id)
    require_open_roster(found)
    if found.version != version:
        raise error("version_conflict", version=found.version)
    limit = min(found.policy.class_size_max, ROSTER_MAX)
    if len(rows) > limit:
        raise error("class_full", count=len(rows), maximum=limit)
    roster, faults = _match_roster(found, rows, now=context.now)
    dropped = _dropped(found, roster, now=context.now)
    if dry_run:
        return RosterOutcome(found.version, len(roster), tuple(faults or dropped))
    if faults and not (partial and roster):
        raise error("roster_row_unmatched", faults=tuple(faults))
    if dropped:
        raise error("trainee_dropped", faults=tuple(dropped))
    if roster == found.roster:
        return RosterOutcome(found.version, len(roster), tuple(faults))
    changed = set(roster.values()) ^ set(found.enrolment_ids)
    if len(changed) > roster_store.TRAINEES_CHANGED_MAX:
        raise error("too_many_rows", limit=roster_store.TRAINEES_CHANGED_MAX)
    roster_store.replace_roster(found, roster, version=version, change=change_of(context, "roster.write"))
    return RosterOutcome(found.version + 1, len(roster), tuple(faults))


def require_open_roster(training_class: TrainingClass) -> None:
    """Refuse unless the class is approved and its completion is not applied for."""
    if training_class.status in NOT_YET_APPROVED:
        raise error("class_not_approved")
    if training_class.status is not ClassStatus.APPROVED:
        raise error("roster_closed")


def _dropped(training_class: TrainingClass, roster: Mapping[str, str], *, now: datetime) -> list[Fault]:
    """List who would silently leave a class that has begun: a fault each, on their enrolment."""
    if not any(has_begun(lesson, training_class.policy, now) for lesson in training_class.lessons):
        return []
    staying = set(roster.values())
    return [Fault("trainee_dropped", field=one) for one in training_class.enrolment_ids if one not in staying]


def _match_roster(
    training_class: TrainingClass, rows: Sequence[SheetRow], *, now: datetime
) -> tuple[dict[str, str], list[Fault]]:
    """Match each row with its enrolment; four batch reads, whatever the number of rows."""
    over = hours_share_over(training_class.lessons, now)
    may_join = over <= training_class.policy.late_addition_until_share
    read = read_people(rows)
    enrolment_of = _enrolments_named(training_class, read)
    roster: dict[str, str] = {}
    faults = []
    for one in read:
        match = one if isinstance(one, Fault) else _judge(training_class, one, enrolment_of(one))
        if isinstance(match, Fault):
            faults.append(match)
        elif match.person_key in roster:
            assert not isinstance(one, Fault)
            faults.append(fault_in(one.row, column_of(one), "repeated_trainee"))
        elif match.class_id is None and not may_join:
            assert not isinstance(one, Fault)
            faults.append(fault_in(one.row, column_of(one), "late_addition"))
        else:
            roster[match.person_key] = match.id
    return roster, faults


def _enrolments_named(
    training_class: TrainingClass, read: Iterable[Read]
) -> Callable[[Named | Numbered], Enrolment | None]:
    named = {one.person_key for one in read if isinstance(one, Named)}
    voucher_ids = {key: voucher_id_of(key, training_class.program_id) for key in named}
    held = {voucher.id: voucher.enrolment_id for voucher in find_vouchers(sorted(voucher_ids.values()))}
    enrolment_ids = {key: held.get(voucher_id) for key, voucher_id in voucher_ids.items()}
    wanted: set[str] = {enrolment_id for enrolment_id in enrolment_ids.values() if enrolment_id is not None}
    wanted |= {
        one.enrolment_id for one in read if isinstance(one, Numbered) and is_id(one.enrolment_id, "enr")
    }
    enrolments: dict[str, Enrolment] = {found.id: found for found in find_enrolments(sorted(wanted))}

    def enrolment_of(one: Named | Numbered) -> Enrolment | None:
        enrolment_id = one.enrolment_id if isinstance(one, Numbered) else enrolment_ids[one.person_key]
        return enrolments.get(enrolment_id) if enrolment_id is not None else None

    return enrolment_of


def _judge(
    training_class: TrainingClass, one: Named | Numbered, enrolment: Enrolment | None
) -> Enrolment | Fault:
    unmatched = fault_in(one.row, column_of(one), "roster_row_unmatched")
    if enrolment is None or (
        enrolment.institution,
        enrolment.project_id,
        enrolment.program_id,
    ) != (training_class.institution, training_class.project_id, training_class.program_id):
        return unmatched
    if isinstance(one, Named) and not one.named_rightly:
        return fault_in(one.row, "name", "roster_row_unmatched")
    belied = wrong_mask(one.row, enrolment) if isinstance(one, Numbered) else None
    if belied is not None:
        return fault_in(one.row, belied, "roster_row_unmatched")
    return _judge_state(training_class, one, enrolment)


def _judge_state(
    training_class: TrainingClass, one: Named | Numbered, enrolment: Enrolment
) -> Enrolment | Fault:
    if enrolment.class_id == training_class.id and enrolment.status is EnrolmentStatus.ROSTERED:
        return enrolment
    if enrolment.status is EnrolmentStatus.CONFIRMED and enrolment.class_id is None:
        return enrolment
    if enrolment.status is EnrolmentStatus.ROSTERED:
        return fault_in(one.row, column_of(one), "already_rostered")
    return fault_in(one.row, column_of(one), "roster_row_unmatched")


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
    if enrolment.status is not EnrolmentStatus.ROSTERED or enrolment.class_id is None:
        raise error("wrong_state", status=enrolment.status.value)
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
