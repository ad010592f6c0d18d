"""Use cases of exports: ask for one, have it made, look what became of it, open it."""

import contextlib
import tempfile
import zipfile
from datetime import date
from pathlib import Path

from chalicelib.accounts import rights
from chalicelib.aws import objects, queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.ids import is_id, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.supervision.exports import store
from chalicelib.supervision.exports.model import RecordExport, why_not_open
from chalicelib.supervision.records.files import folder_of
from chalicelib.supervision.records.scope import scope_of
from chalicelib.supervision.records.service import export as export_records

_ZIP = "application/zip"


def ask_for_export(context: Context, *, division: str, first: date, last: date, purpose: str) -> RecordExport:
    """Ask for the records of a division and of some days; a worker makes the export within minutes.

    Raises:
        Malformed: the division is none, or the days are not.
        NotFound: it is outside the caller's area.

    """
    scope_of([division], first=first, last=last)
    rights.require(context.principal, "record_export.ask", division=division)
    asked = RecordExport(
        id=new_id("rex"),
        division=division,
        first=first,
        last=last,
        purpose=purpose,
        asked_by=context.principal.actor,
        asked_at=context.now,
    )
    store.add_export(asked, change_of(context, "record_export.ask", reason=purpose))
    queues.send(settings().exports_queue_url, [{"export_id": asked.id}], now=context.now)
    return asked


def show_export(context: Context, export_id: str) -> RecordExport:
    """Show what became of an export.

    Raises:
        NotFound: there is none in the caller's area.

    """
    rights.admit(context.principal, "record_export.read")
    found = store.find_export(export_id) if is_id(export_id, "rex") else None
    if found is None:
        raise error("not_found")
    rights.require(context.principal, "record_export.read", division=found.division)
    return found


def open_export(context: Context, export_id: str, *, reason: str) -> str:
    """Give a link to an export, good for ten minutes; that it was opened, by whom and why, is recorded first.

    Raises:
        NotFound: there is none in the caller's area.
        Refused: `wrong_state`: it is not ready, or lapsed.

    """
    found = show_export(context, export_id)
    rights.require(context.principal, "record_export.open", division=found.division)
    refuse(why_not_open(found, context.now))
    store.note_opened(found, change_of(context, "record_export.open", reason=reason))
    name = f"records-{found.division}-{found.first}-{found.last}.zip"
    return objects.link(settings().intake_bucket, found.object_key, filename=name)


def make_export(context: Context, export_id: str) -> None:
    """Make an export and put it into the bucket; a repeat makes it anew unless it is finished.

    Raises:
        NotFound: there is none.
        Unavailable: DynamoDB or S3 did not answer; the queue asks again.

    """
    asked = store.read_export(export_id)
    if asked.finished_at is not None:
        return
    scope = scope_of([asked.division], first=asked.first, last=asked.last)
    with tempfile.TemporaryDirectory() as place:
        folder, packed = Path(place) / "records", Path(place) / "records.zip"
        with folder_of(folder, scope, as_of=context.now) as emit:
            counts = export_records(scope, emit)
        _pack(folder, packed)
        raw = packed.read_bytes()
    objects.write_object(settings().intake_bucket, asked.object_key, raw, content_type=_ZIP)
    with contextlib.suppress(ConditionFailed):  # another delivery of the message was first
        store.finish_export(
            asked,
            records=counts,
            size_bytes=len(raw),
            now=context.now,
            change=change_of(context, "record_export.finish"),
        )
    log("records_exported", export=asked.id, records=sum(counts.values()), size_bytes=len(raw))


def _pack(folder: Path, packed: Path) -> None:
    """Pack the files; each leaves the disk once it is in, which holds half a gigabyte."""
    with zipfile.ZipFile(packed, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
            path.unlink()
