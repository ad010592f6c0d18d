"""The reference manifest of a lesson: what its evidence is, readable without the tables.

Manifests are objects in the evidence bucket, numbered from 1, each with the digest of the one before, so that
none can be taken out or changed unnoticed. S3 itself decides who writes the next number: a writer that
finds it taken reads everything anew. A writer reads the tables after it has seen the newest manifest, so the
last one holds whatever was registered before any of them was written.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.attendance.check_ins.model import CheckIn, CheckInOutcome
from chalicelib.attendance.check_ins.store import check_ins_at
from chalicelib.attendance.footage import store as footage_store
from chalicelib.attendance.footage.model import FootageStatus, Segment, retained_until
from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.reasons import error

_NUMBERS_TRIED = 20
"""S3 decides who writes a number, so a lost race is told by `write_next` and not by a table's condition."""
_SHORTEST = timedelta(days=1)


class ListedRecording(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recording as the manifest tells it."""

    id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    sha256: str
    status: FootageStatus
    size_bytes: int | None = None
    content_type: str | None = None
    object_key: str | None = None
    object_version: str | None = None
    other_versions: list[str] | None = None
    mismatch: str | None = None
    url: str | None = None
    registered_at: datetime | None = None


class LessonEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a lesson: opaque ids, no person's data; check-ins only as counts."""

    class_id: str
    lesson_id: str
    institution: str
    division: str
    program_id: str
    project_id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    site: dict[str, Any]
    check_ins: dict[str, int]
    footage: list[ListedRecording]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest; `previous_sha256` is the digest of the bytes of the one before."""

    number: int
    previous_sha256: str | None
    evidence: LessonEvidence


def prefix_of(lesson_id: str) -> str:
    """Give what the names of all manifests of a lesson begin with."""
    return f"lessons/{lesson_id}/"


def key_of(lesson_id: str, number: int) -> str:
    """Give the name of a lesson's n-th manifest; names sort as numbers do."""
    return f"{prefix_of(lesson_id)}manifest-{number:06d}.json"


def write(training_class: TrainingClass, lesson_id: str) -> None:
    """Write a lesson's next manifest, unless the last one tells the same already.

    Raises:
        Unavailable: others kept writing; repeating is safe.

    """
    lesson = training_class.lesson(lesson_id)
    if lesson is None:
        return
    bucket = settings().evidence_bucket
    until = max(retained_until(lesson.ends_at, training_class.policy), datetime.now(UTC) + _SHORTEST)
    for _ in range(_NUMBERS_TRIED):
        last = _last(bucket, lesson_id)
        evidence = _evidence(training_class, lesson)
        if last is not None and last[0].evidence == evidence:
            return
        number = last[0].number + 1 if last is not None else 1
        manifest = Manifest(
            number=number, previous_sha256=last[1] if last is not None else None, evidence=evidence
        )
        hold = footage_store.find_hold(lesson_id)
        if objects.write_next(
            bucket,
            key_of(lesson_id, number),
            msgspec.json.encode(manifest, order="deterministic"),
            until=until,
            content_type="application/json",
            held=hold is not None and hold.held,
        ):
            return
    raise error("try_again")


def _last(bucket: str, lesson_id: str) -> tuple[Manifest, str] | None:
    key = objects.last_key(bucket, prefix_of(lesson_id))
    body = objects.read_object(bucket, key) if key is not None else None
    if body is None:
        return None
    return msgspec.json.decode(body, type=Manifest), hashlib.sha256(body).hexdigest()


def _evidence(training_class: TrainingClass, lesson: Lesson) -> LessonEvidence:
    site = training_class.site_of(lesson)
    return LessonEvidence(
        class_id=training_class.id,
        lesson_id=lesson.id,
        institution=training_class.institution,
        division=training_class.division,
        program_id=training_class.program_id,
        project_id=training_class.project_id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        site={"name": site.name, "address": site.address, "location": msgspec.to_builtins(site.location)},
        check_ins=_counts(list(check_ins_at(lesson.id))),
        footage=[_listed(segment) for segment in footage_store.segments_at(lesson.id)],
    )


def _counts(check_ins: Sequence[CheckIn]) -> dict[str, int]:
    return {
        "came": sum(check_in.roll_call is None for check_in in check_ins),
        "went": sum(check_in.went is not None for check_in in check_ins),
        "needs_review": sum(check_in.came.outcome is CheckInOutcome.NEEDS_REVIEW for check_in in check_ins),
    }


def _listed(segment: Segment) -> ListedRecording:
    names = ListedRecording.__struct_fields__
    return ListedRecording(**{name: getattr(segment, name) for name in names})
