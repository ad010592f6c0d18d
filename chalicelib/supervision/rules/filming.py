"""`footage_gap`: people checked in to lessons that no recording shows, or one recording shows several."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import (
    Finding,
    FindingKind,
    FootageRecord,
    LessonRecord,
    Severity,
)
from chalicelib.supervision.rules.attempts import minutes, newest
from chalicelib.supervision.rules.dossier import Dossier, grouped_by
from chalicelib.supervision.rules.rule import Rule, finding, ids

NAME = "footage_gap"
_SHOWN = frozenset({"stored", "external"})
_LESSONS_MIN = 2
_SAME_FILES_HELD = 2
_TENTH = 10
_CHANGEOVERS = 2


@dataclass(frozen=True, kw_only=True)
class Filmed:
    """A lesson that people checked in to, and how much of it is not shown."""

    lesson: LessonRecord
    missing: timedelta

    @property
    def lasts(self) -> timedelta:
        """Give the lesson's length."""
        return self.lesson.ends_at - self.lesson.starts_at

    @property
    def covered(self) -> float:
        """Give how much of it is shown."""
        return 1.0 - self.missing / self.lasts if self.lasts else 1.0


def evaluate(dossier: Dossier, policy: Policy, as_of: datetime) -> Iterator[Finding]:
    """Find lessons without footage and recordings used twice: of the whole class, as footage is."""
    limits = policy.supervision
    again = used_again(dossier)
    again_ids = {record.id for record in again}
    due = as_of - timedelta(days=limits.footage_due_days)
    filmed = [
        _filmed(lesson, dossier.footage_by_lesson.get(lesson.id, ()), again_ids, limits)
        for lesson in dossier.lessons
        if lesson.ends_at <= due and dossier.arrivals.get(lesson.id)
    ]
    bad = [lesson for lesson in filmed if lesson.covered < limits.footage_coverage]
    total = sum((lesson.lasts for lesson in filmed), timedelta())
    share = sum((lesson.missing for lesson in bad), timedelta()) / total if total else 0.0
    several = len(bad) >= min(_LESSONS_MIN, len(filmed))
    held = len(again) >= _SAME_FILES_HELD or (several and share >= limits.footage_missing_share)
    told = again or (several and share >= limits.footage_missing_share_told)
    if held or told:
        yield finding(
            dossier,
            NAME,
            Severity.HOLD if held else Severity.WARN,
            (FindingKind.CLASS, dossier.head.id),
            evidence={
                "lessons_due": len(filmed),
                "lessons_with_gaps": len(bad),
                "missing_share": round(share, 3),
                "missing_minutes": minutes(sum((lesson.missing for lesson in bad), timedelta())),
                "recordings_used_again": len(again),
                "recordings_wrapped_anew": len(wrapped_anew(dossier, again)),
                "footage_coverage": limits.footage_coverage,
                "footage_missing_share": limits.footage_missing_share,
                "lessons": ids(lesson.lesson.id for lesson in bad),
                "footage": ids(again_ids),
            },
            at=newest(
                [
                    *(lesson.lesson.ends_at for lesson in bad),
                    *(record.stored_at or record.ended_at for record in again),
                ],
                as_of,
            ),
        )


def used_again(dossier: Dossier) -> list[FootageRecord]:
    """Give the recordings of this class whose file shows another lesson too, and that lesson first.

    One file may show two lessons of a class that follow each other: then it tells one time for both. A film
    that was wrapped anew, or has bytes added, is the same by its pictures. Files of this class without a
    digest are the same if a camera made them to the byte alike, whose files differ.
    """
    shown = {record.id: record for record in dossier.footage if record.status in _SHOWN}
    others = {record.id: record for record in dossier.neighbours.footage if record.status in _SHOWN}
    known = (others | shown).values()
    files = [
        *grouped_by((one for one in known if one.sha256), lambda one: (one.sha256 or "").lower()).values(),
        *grouped_by(
            (one for one in known if one.pictures_sha256), lambda one: (one.pictures_sha256 or "").lower()
        ).values(),
        *_alike(shown.values()),
    ]
    own = {lesson.id for lesson in dossier.head.lessons}
    again: dict[str, FootageRecord] = {}
    for alike in files:
        same = sorted(alike, key=_place)
        for place, record in enumerate(same):
            before = [other for other in same[:place] if _is_another_lesson(record, other, own)]
            if record.lesson in own and before:
                again[record.id] = record
    return [again[key] for key in sorted(again)]


def wrapped_anew(dossier: Dossier, again: Iterable[FootageRecord]) -> list[FootageRecord]:
    """Pick of recordings that were used again those that are other bytes with the same pictures."""
    every = [*dossier.footage, *dossier.neighbours.footage]
    bytes_of = grouped_by(
        (record for record in every if record.pictures_sha256),
        lambda one: (one.pictures_sha256 or "").lower(),
    )
    return [
        record
        for record in again
        if record.pictures_sha256
        and len({one.sha256 for one in bytes_of[record.pictures_sha256.lower()]}) > 1
    ]


def _is_another_lesson(record: FootageRecord, other: FootageRecord, own: set[str]) -> bool:
    if record.lesson == other.lesson:
        return False
    together = min(record.ended_at, other.ended_at) > max(record.started_at, other.started_at)
    return not (together and other.lesson in own)


def _alike(records: Iterable[FootageRecord]) -> Iterator[Sequence[FootageRecord]]:
    """Give files of one length to the byte, of a camera whose files of one duration have several lengths."""
    cameras = grouped_by(
        (record for record in records if record.camera and record.bytes),
        lambda record: f"{record.camera}/{round((record.ended_at - record.started_at).total_seconds())}",
    )
    for made in cameras.values():
        lengths = grouped_by(made, lambda record: str(record.bytes))
        for same in lengths.values() if len(lengths) > 1 else ():
            yield [record for record in same if not record.sha256]


def _place(record: FootageRecord) -> tuple[datetime, str]:
    return record.started_at, record.id


def _filmed(
    lesson: LessonRecord, records: Sequence[FootageRecord], again: set[str], limits: Thresholds
) -> Filmed:
    """Give what of a lesson is not shown, gaps of a changeover left aside.

    All of them may be no longer than two changeovers, or a tenth of the lesson: a clip of a second every ten
    minutes has no other gaps.
    """
    changeover = max(
        timedelta(minutes=limits.footage_changeover_minutes),
        min(
            timedelta(minutes=limits.footage_changeover_minutes_long),
            (lesson.ends_at - lesson.starts_at) / _TENTH,
        ),
    )
    shown_until, gaps = lesson.starts_at, list[timedelta]()
    for record in records:
        if record.status not in _SHOWN or record.id in again or record.bytes == 0:
            continue
        begins = max(lesson.starts_at, min(record.started_at, lesson.ends_at))
        gaps.append(max(timedelta(), begins - shown_until))
        shown_until = max(shown_until, min(record.ended_at, lesson.ends_at))
    gaps.append(lesson.ends_at - shown_until)
    short = sum((gap for gap in gaps if gap <= changeover), timedelta())
    missing = sum((gap for gap in gaps if gap > changeover), timedelta())
    if short > max(_CHANGEOVERS * changeover, (lesson.ends_at - lesson.starts_at) / _TENTH):
        missing += short
    return Filmed(lesson=lesson, missing=missing)


RULE = Rule[Dossier](
    name=NAME,
    pattern="check-ins without footage, gaps in it, or one film for several lessons, wrapped anew or not",
    source="the notice asks for each lesson to be filmed; audits: one recording shown again",
    evaluate=evaluate,
    thresholds=(
        "footage_due_days",
        "footage_changeover_minutes",
        "footage_changeover_minutes_long",
        "footage_coverage",
        "footage_missing_share_told",
        "footage_missing_share",
    ),
    spares=(
        "footage that is not yet due",
        "footage on a platform outside: it covers",
        "short gaps while cameras change over",
        "one lesson whose camera failed, or whose recording was lost",
        "one file over two lessons that follow each other",
    ),
    weak="does not look into pictures: inspections watch random minutes",
    only_alike=True,
)
