"""What S3 holds against what was announced: register an object, ask for those nobody reported."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from chalicelib.attendance.footage import manifest as footage_manifest
from chalicelib.attendance.footage import store
from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Hollow, Pages, Unplayable
from chalicelib.attendance.footage.films.reading import film_in
from chalicelib.attendance.footage.model import (
    FOOTAGE_BYTES_MAX,
    SHOWN,
    VERSIONS_MAX,
    FootageStatus,
    Mismatch,
    Segment,
    due_days,
    film_mismatch_of,
    mismatch_of,
    retained_until,
    segment_key_of,
)
from chalicelib.aws import objects
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import FOOTAGE_REFUSED, FOOTAGE_UNRECONCILED
from chalicelib.aws.queues import since_told
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed, until_written
from chalicelib.classes.model import TrainingClass
from chalicelib.classes.service import read_class
from chalicelib.kernel.principal import Context, change_of

RECONCILED_MAX = 2_000
RECONCILE_SECONDS = 240
"""One run stops here; what is left stays in the index for the next."""


class Unreconciled(RuntimeError):
    """Some recordings could not be asked for; they stay due, everything else of the run is done."""


def register_object(context: Context, object_key: str, version: str | None = None) -> FootageStatus | None:
    """Compare an object that S3 reports with what was announced, and mark the recording.

    Safe to repeat, and in any order: what is stored stays stored, in the version that was stored first.
    Before a row says so, the version is locked for the policy's years, and held if its lesson is. None if
    the object is no footage.

    Raises:
        Unavailable: the recording kept changing; the event is delivered again.

    """
    key = segment_key_of(object_key)

    def attempt() -> tuple[TrainingClass, Segment] | None:
        segment = store.find_segment(*key) if key is not None else None
        if segment is None or segment.object_key != object_key:
            log("footage_unknown", object_key=object_key)
            return None
        stored = objects.describe_object(settings().evidence_bucket, object_key, version)
        if stored is None:
            log("footage_missing", object_key=object_key)
            return None
        training_class = read_class(segment.class_id)
        return training_class, _registered(context, training_class, segment, stored)

    registered = until_written(attempt)
    if registered is None:
        return None
    training_class, segment = registered
    return tell(context, training_class, segment).status


def tell(context: Context, training_class: TrainingClass, segment: Segment) -> Segment:
    """Write the manifest that tells a recording; only then is nothing more expected of one that counts.

    Raises:
        Unavailable: others kept writing, or S3 did not answer; repeating is safe.

    """
    footage_manifest.write(training_class, segment.lesson_id)
    known: Segment | None = segment
    for _ in range(VERSIONS_MAX):
        if known is None or known.due_at is None or known.status not in SHOWN:
            break
        try:
            return store.settle(known, change_of(context, "footage.settle"))
        except ConditionFailed as failure:
            known = failure.old
    return segment


def _registered(
    context: Context, training_class: TrainingClass, segment: Segment, stored: objects.StoredObject
) -> Segment:
    """Note a version of a recording's object; gives the recording as it is now."""
    others = segment.other_versions or []
    if stored.version == segment.object_version or stored.version in others:
        return segment
    assert segment.object_key is not None
    version = objects.ObjectVersion(segment.object_key, stored.version)
    _protect(training_class, segment, version, retained_so_far=stored.retained_until)
    change = change_of(since_told(context, segment.announced_at), "footage.register")
    if len(others) >= VERSIONS_MAX:
        return segment
    if segment.status is FootageStatus.STORED:
        return store.note_other_version(segment, stored.version, change)
    verdict = _judge(segment, stored, now=context.now)
    return store.register(segment, stored.version, verdict=verdict, now=context.now, change=change)


def _judge(segment: Segment, stored: objects.StoredObject, *, now: datetime) -> store.Verdict:
    """Compare an object with what was announced, with what it says of itself, and with all other films.

    Of two recordings with the same bytes the first that is right in all else counts: `claim_film` decides.
    """
    bucket, key = settings().evidence_bucket, segment.object_key
    assert key is not None
    read = stored.size_bytes == segment.size_bytes  # what came in parts is read through: not for a wrong size
    most = FOOTAGE_BYTES_MAX
    differs = mismatch_of(
        segment,
        size_bytes=stored.size_bytes,
        content_type=stored.content_type,
        sha256=objects.digest_of(bucket, key, stored, read_bytes_most=most) if read else None,
    )
    if differs is not None:
        return store.Verdict(differs)

    def fetch(start: int, length: int) -> bytes:
        return objects.read_range(bucket, key, stored.version, start=start, length=length)

    try:
        film = film_in(Pages(stored.size_bytes, fetch), stored.content_type, _lot_of(stored))
    except Hollow:
        return store.Verdict(Mismatch.HOLLOW)
    except Unplayable:
        return store.Verdict(Mismatch.UNPLAYABLE)
    differs = film_mismatch_of(segment, film, size_bytes=stored.size_bytes)
    if differs is not None:
        return store.Verdict(differs, film)
    other = store.claim_film(segment, now=now)
    return store.Verdict(None if other is None else Mismatch.DUPLICATE, film, other)


def _lot_of(stored: objects.StoredObject) -> Lot:
    """Give what draws which pictures of a film are looked at: the same for one version each time.

    S3 names a version when its bytes are there, so whoever makes a film cannot foresee what is drawn of it.
    """
    return Lot(stored.version)


def _protect(
    training_class: TrainingClass,
    segment: Segment,
    version: objects.ObjectVersion,
    *,
    retained_so_far: datetime | None,
) -> None:
    """Lock a version for the policy's years, whatever it holds: it is what was handed in."""
    bucket = settings().evidence_bucket
    until = retained_until(segment.ended_at, training_class.policy)
    if until > max(retained_so_far or until - timedelta(days=1), datetime.now(UTC)):
        objects.retain(bucket, version, until=until)
    hold = store.find_hold(segment.lesson_id)
    if hold is not None and hold.held:
        objects.hold(bucket, [version], held=True)


# --------------------------------------------------------------------------- reconciliation


def reconcile(context: Context) -> dict[str, int]:
    """Ask S3 for every recording whose form is over and of which nothing was heard (nightly).

    What is there is registered as if it had been reported; what is not is missing. May run twice, and
    after any crash: a recording leaves the index only when it is settled. Counts by outcome; `left` is 1 if
    the run stopped before its end.

    Raises:
        Unreconciled: some recordings failed, e.g. because S3 did not answer.

    """
    began = time.monotonic()
    counts: Counter[str] = Counter(looked_at=0, left=0)
    for due_day in due_days(context.now):
        for class_id, segment_id in store.due_segments(due_day, before=context.now):
            if counts["looked_at"] >= RECONCILED_MAX or time.monotonic() - began > RECONCILE_SECONDS:
                counts["left"] = 1
                return _summed(counts)
            counts["looked_at"] += 1
            try:
                counts[_ask(context, class_id, segment_id)] += 1
            except Exception as failure:  # noqa: BLE001 - one recording's trouble must not stop the others
                log_failure("footage_unreconciled", failure, segment_id=segment_id)
                counts["failed"] += 1
    return _summed(counts)


def _summed(counts: Counter[str]) -> dict[str, int]:
    log("footage_reconciled", **counts)
    measure(FOOTAGE_REFUSED, counts[FootageStatus.MISSING] + counts[FootageStatus.MISMATCH])
    measure(FOOTAGE_UNRECONCILED, counts["failed"] + counts["left"])
    if counts["failed"]:
        raise Unreconciled(f"{counts['failed']} of {counts['looked_at']}")
    return dict(counts)


def _ask(context: Context, class_id: str, segment_id: str) -> str:
    segment = store.find_segment(class_id, segment_id)
    if segment is None or segment.due_at is None:
        return "settled_already"  # the index lags
    if segment.object_key is None:  # it stays on another platform; only its manifest can be missing
        return str(tell(context, read_class(class_id), segment).status)
    under = objects.versions_under(settings().evidence_bucket, segment.object_key)
    versions = [version.version for version in under if version.key == segment.object_key]
    for version in reversed(versions[-VERSIONS_MAX:]):
        register_object(context, segment.object_key, version)

    def attempt() -> Segment:
        after = store.find_segment(class_id, segment_id)
        assert after is not None
        if after.due_at is None or after.due_at >= context.now:  # registered, or announced anew, meanwhile
            return after
        return store.settle(after, change_of(context, "footage.reconcile"))

    return str(until_written(attempt).status)
