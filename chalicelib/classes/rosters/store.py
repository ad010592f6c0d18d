"""Writes on a class's people: roster, withdrawal, cancellation. Each carries the head in its transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.writes import ConditionFailed, Put, Update, transact
from chalicelib.classes.model import (
    CLASS_TRANSITIONS,
    WITHDRAWABLE,
    ClassRoster,
    TrainingClass,
    also_prepared,
)
from chalicelib.classes.store import (
    ANY_STATE,
    HEAD,
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
from chalicelib.kernel.reasons import error
from chalicelib.vouchers import store as vouchers
from chalicelib.vouchers.model import Voucher, VoucherStatus

_RELEASES_A_TRANSACTION = 49
TRAINEES_CHANGED_MAX = 98


def replace_roster(
    training_class: TrainingClass, roster: Mapping[str, str], *, version: int, change: Change
) -> None:
    """Make this the roster: those who leave are unrostered, the new ones rostered, in one transaction.

    Raises:
        Refused: `version_conflict`: the class or one of the enrolments changed meanwhile.

    """
    before, after = set(training_class.enrolment_ids), set(roster.values())
    sources = CLASS_TRANSITIONS.sources("roster")
    prepared = also_prepared_action(also_prepared(training_class, change.actor))
    facts = [*_roster_facts(roster), prepared]
    head = head_update(training_class.id, facts, sources=sources, version=version)
    leaving = [
        enrolments.unroster_write(enrolment_id, class_id=training_class.id)
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
        [head, _roster_put(training_class, roster), *leaving, *joining],
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
    if voucher is None or not _spent_on(voucher, enrolment):
        return []  # revoked meanwhile: nothing is left to close
    return [vouchers.close_write(voucher.id, enrolment_id=enrolment.id)]


def _spent_on(voucher: Voucher, enrolment: Enrolment) -> bool:
    return voucher.status is VoucherStatus.REDEEMED and voucher.enrolment_id == enrolment.id


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


# --------------------------------------------------------------------------- cancelling


def cancel(
    class_id: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    version: int,
    change: Change,
) -> None:
    """Cancel a class and give its trainees their vouchers back.

    Up to 49 trainees go in the one transaction that cancels the class; more are released by
    `release_trainees` afterwards, which a repeat of the call resumes.
    """
    sources = CLASS_TRANSITIONS.sources("cancel")
    head = head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("cancel")))],
        sources=sources,
        version=version,
    )
    releases = _release_writes(class_id, enrolled[:_RELEASES_A_TRANSACTION], change=change)
    transact_under_head([head, *releases], sources=sources, version=version, change=told_by(HEAD, change))
    release_trainees(class_id, enrolled[_RELEASES_A_TRANSACTION:], change=change)


def release_trainees(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, change: Change
) -> None:
    """Release trainees of a cancelled class, 49 a transaction."""
    for start in range(0, len(enrolled), _RELEASES_A_TRANSACTION):
        chunk = enrolled[start : start + _RELEASES_A_TRANSACTION]
        try:
            transact(_release_writes(class_id, chunk, change=change), change=change)
        except ConditionFailed as failure:
            raise error("try_again") from failure


def _release_writes(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, change: Change
) -> list[Update]:
    writes = []
    for enrolment, voucher in enrolled:
        writes.append(enrolments.cancel_write(enrolment.id, class_id=class_id))
        if voucher is not None and _spent_on(voucher, enrolment):
            writes.append(vouchers.release_write(voucher, enrolment_id=enrolment.id, change=change))
    return writes
