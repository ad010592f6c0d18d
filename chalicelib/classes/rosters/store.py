"""Writes on a class's people: roster and withdrawal. Each carries the head in its transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.writes import Put, Update
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    WITHDRAWABLE,
    ClassRoster,
    TrainingClass,
    also_prepared,
)
from chalicelib.classes.rosters.model import is_spent_on
from chalicelib.classes.store import (
    ANY_STATE,
    ROSTER,
    ClassRow,
    also_prepared_action,
    digest_of,
    head_update,
    told_by,
    transact_under_head,
)
from chalicelib.enrolments import store as enrolments
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.principal import Change
from chalicelib.vouchers import store as vouchers
from chalicelib.vouchers.model import Voucher

TRAINEES_CHANGED_MAX = 98


def replace_roster(
    training_class: TrainingClass,
    roster: Mapping[str, str],
    *,
    free: Sequence[str],
    version: int,
    change: Change,
) -> None:
    """Make this the roster: those who leave are unrostered, the new ones rostered, in one transaction.

    `free` are other enrolments of the new ones, which no class may have taken meanwhile.

    Raises:
        Refused: `version_conflict`: the class or one of the enrolments changed meanwhile.
        Unavailable: `try_again`, another class took one of these people at this very moment.

    """
    before, after = set(training_class.enrolment_ids), set(roster.values())
    sources = CLASS_TRANSITIONS.sources("roster")
    prepared = also_prepared_action(also_prepared(training_class, change.actor))
    facts = [*_roster_facts(roster), prepared]
    head = head_update(training_class.id, facts, sources=sources, version=version)
    leaving = [
        enrolments.unroster_write(enrolment_id, class_id=training_class.id, now=change.at)
        for enrolment_id in sorted(before - after)
    ]
    joining = [
        enrolments.roster_write(
            enrolment_id,
            class_id=training_class.id,
            institution=training_class.institution,
            project_id=training_class.project_id,
        )
        for enrolment_id in sorted(after - before)
    ]
    transact_under_head(
        [head, _roster_put(training_class, roster), *leaving, *joining, *map(enrolments.free_check, free)],
        sources=sources,
        version=version,
        change=told_by(ROSTER, change),
    )


def withdraw(
    training_class: TrainingClass, enrolment: Enrolment, voucher: Voucher | None, *, change: Change
) -> None:
    """Take a trainee who left off the roster and close the voucher, in one transaction."""
    sources = WITHDRAWABLE
    left = {key: value for key, value in training_class.roster.items() if value != enrolment.id}
    version = training_class.version
    transact_under_head(
        [
            head_update(training_class.id, _roster_facts(left), sources=sources, version=version),
            _roster_put(training_class, left),
            enrolments.withdraw_write(enrolment.id, class_id=training_class.id),
            *_close_writes(enrolment, voucher),
        ],
        sources=sources,
        version=version,
        change=told_by(ROSTER, change),
    )


def _close_writes(enrolment: Enrolment, voucher: Voucher | None) -> list[Update]:
    if voucher is None or not is_spent_on(voucher, enrolment):
        return []  # revoked meanwhile: nothing is left to close
    return [vouchers.close_write(voucher.id, enrolment_id=enrolment.id)]


def _roster_facts(roster: Mapping[str, str]) -> list[Any]:
    return [ClassRow.enrolled.set(len(roster)), ClassRow.roster_digest.set(digest_of(roster))]


def _roster_put(training_class: TrainingClass, roster: Mapping[str, str]) -> Put:
    part = ClassRoster(
        id=training_class.id,
        division=training_class.division,
        roster=dict(roster),
        version=training_class.version + 1,
    )
    return Put(ClassRow.from_record(part), ANY_STATE)
