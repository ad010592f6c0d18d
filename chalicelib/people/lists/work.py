"""The work behind an import: many small messages, each of which may die, come twice or come late.

`split` reads the file once and stores its rows in chunks; `judge` judges one chunk; `merge` looks over the
whole list (who stands in it twice, is it accepted); `keep` takes one chunk over; `finish` writes the error
sheet and moves the import on. Every step writes only what follows from what was stored before it, under
names that do not change, so doing one again does the same; and who finds all chunks of a step done asks for
the next one, so the death of whoever was last is made good by the message that comes again.
"""

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from chalicelib.aws import queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.errors import Impossible, Refused
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.lists import store
from chalicelib.people.lists.chunks import service as chunk_service
from chalicelib.people.lists.chunks import store as chunk_store
from chalicelib.people.lists.chunks.model import Marks, RawChunk, RawRow
from chalicelib.people.lists.error_sheet import error_sheet
from chalicelib.people.lists.kind import CHUNK_ROWS, ListKind
from chalicelib.people.lists.kinds import KINDS
from chalicelib.people.lists.model import UNDECIDED, Import, ImportStatus, RowFault
from chalicelib.people.lists.notices import note_row
from chalicelib.people.lists.progress import store as progress_store
from chalicelib.people.lists.progress.model import Progress
from chalicelib.sheets import reading as sheets
from chalicelib.sheets.notices import Notices

_DIGEST_BYTES = 16


class WorkStep(StrEnum):
    """What a message asks for."""

    SPLIT = "split"
    JUDGE = "judge"
    MERGE = "merge"
    KEEP = "keep"
    FINISH = "finish"


def ask(context: Context, import_id: str, work: WorkStep, chunks: Iterable[int] = (0,)) -> None:
    """Ask the workers for something: one message a chunk."""
    queues.send(
        settings().imports_queue_url,
        [{"import_id": import_id, "work": work.value, "chunk": chunk} for chunk in chunks],
        now=context.now,
    )


def do(context: Context, import_id: str, work: WorkStep, chunk: int) -> None:
    """Do what a message asks for; a message about an import that is decided already does nothing."""
    record = store.find_import(import_id)
    if record is None or record.status not in UNDECIDED:
        if record is not None and work is WorkStep.FINISH and record.status is ImportStatus.READY:
            _accepted(context, record)  # whoever accepted it may have died before saying so
        return
    match work:
        case WorkStep.SPLIT:
            _split(context, record)
        case WorkStep.JUDGE:
            _judge(context, record, chunk)
        case WorkStep.MERGE:
            _merge(context, record)
        case WorkStep.KEEP:
            _keep(context, record, chunk)
        case WorkStep.FINISH:
            _finish(context, record)


def resume_stalled(context: Context) -> int:
    """Ask again for what is missing of every list that has stood still for a while (scheduled).

    A message may be lost between a list and its queue, or end among the dead letters. The asking counts as
    a step, so a list that cannot be worked is asked for once in `STALLED_AFTER`; the alarm on dead letters
    tells of it.
    """
    stalled = [record for record in store.open_imports() if record.has_stalled(context.now)]
    for record in stalled:
        store.note_resumed(record.id, change_of(context, "import.resume"))
        if record.reading is None:
            ask(context, record.id, WorkStep.SPLIT)
        else:
            _go_on(context, record, progress_store.read_progress(record.id))
    return len(stalled)


def _go_on(context: Context, record: Import, progress: Progress) -> None:
    """Ask for what is still to be done."""
    everything = set(range(record.chunks))
    unjudged = sorted(everything - progress.judged)
    if unjudged:
        ask(context, record.id, WorkStep.JUDGE, unjudged)
    elif progress.accepted is None:
        ask(context, record.id, WorkStep.MERGE)
    elif progress.accepted and not record.dry_run and (unkept := sorted(everything - progress.kept)):
        ask(context, record.id, WorkStep.KEEP, unkept)
    else:
        ask(context, record.id, WorkStep.FINISH)


# --------------------------------------------------------------------------- split


def _split(context: Context, record: Import) -> None:
    """Read the file and store its rows; of two readings at once, the first to end counts."""
    try:
        record = store.move_import(record.id, "validate", change=change_of(context, "import.validate"))
    except Refused:
        return
    if record.reading is None:
        reading = new_operation_id()
        try:
            total, chunks = _store_rows(record, reading)
        except Impossible as refusal:
            _fail(context, record, refusal)
            return
        progress_store.open_progress(record.id)
        record = store.note_reading(
            record.id,
            reading=reading,
            total=total,
            chunks=chunks,
            change=change_of(context, "import.split"),
        )
    _go_on(context, record, progress_store.read_progress(record.id))


def _store_rows(record: Import, reading: str) -> tuple[int, int]:
    raw = store.read_upload(record.id)
    if raw is None or hashlib.sha256(raw).hexdigest() != record.sha256:
        raise error("digest_mismatch")
    kind = KINDS[record.kind]
    rows = sheets.read_lines(raw, record.content_type, kind.layout)
    del raw
    total = 0
    key = secrets.token_bytes(_DIGEST_BYTES)

    def chunks() -> Iterator[RawChunk]:
        nonlocal total
        while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
            total += len(chunk)
            raw_rows = [
                RawRow(row=row.row, cells=row.cells, faults=row.faults, written=row.written) for row in chunk
            ]
            ignored = list(chunk[0].ignored)
            yield RawChunk(key=key, headers=chunk[0].headers, rows=raw_rows, ignored=ignored)

    written = chunk_store.write_raw(record, reading, chunks())
    return total, written


# --------------------------------------------------------------------------- judge


def _judge(context: Context, record: Import, chunk: int) -> None:
    """Judge the rows of one chunk by themselves."""
    progress = progress_store.read_progress(record.id)
    if chunk not in progress.judged:
        raw = next(chunk_service.open_raw(context, record, [chunk], purpose="judge a list"))
        kind = KINDS[record.kind]
        good, faults = _read_rows(kind, raw)
        notices = Notices()
        raw_of = {row.row: row for row in raw.rows}
        for row in good:
            note_row(notices, kind, row, raw_of[row.row], raw.headers)
        for header, row in itertools.product(raw.ignored, raw.rows):
            notices.add_code(row.row, header, "column_ignored")
        marks = Marks(
            rows=len(raw.rows),
            repeated_column=raw.headers[kind.repeated_column],
            faults=faults,
            good=[(row.row, _digest(raw.key, kind.repeated_by(row))) for row in good],
            notices=notices.most(),
        )
        chunk_store.write_judged(record, chunk, kind.encode(good), marks)
        progress = progress_store.note_judged(record.id, chunk, change_of(context, "import.judge"))
    if len(progress.judged) == record.chunks and progress.accepted is None:
        # no further than the next step: a message that comes again must not ask for a whole list's chunks
        ask(context, record.id, WorkStep.MERGE)


def _read_rows(kind: ListKind[Any], raw: RawChunk) -> tuple[list[Any], list[RowFault]]:
    good: list[Any] = []
    faults: list[RowFault] = []
    for row in raw.rows:
        read = kind.read_row(row.row, row.cells, raw.headers)
        unread = {raw.headers[column]: code for column, code in row.faults.items()}
        wrong = [fault for fault in read if fault.column not in unread] if isinstance(read, list) else []
        wrong += [RowFault(row=row.row, column=column, code=code) for column, code in unread.items()]
        if wrong:
            faults += wrong
        else:
            good.append(read)
    return good, faults


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")[:_DIGEST_BYTES]


# --------------------------------------------------------------------------- merge


def _merge(context: Context, record: Import) -> None:
    """Look over the whole list: of two good rows that tell of one person the later is wrong."""
    first_rows: dict[bytes, int] = {}
    repeats: dict[int, list[RowFault]] = {}
    rows = wrong = faults = 0
    for chunk, marks in enumerate(chunk_store.marks_of(record)):
        rows += marks.rows
        wrong += len({fault.row for fault in marks.faults})
        faults += len(marks.faults)
        for row, digest in marks.good:
            first = first_rows.setdefault(digest, row)
            if first != row:
                repeats.setdefault(chunk, []).append(
                    RowFault(
                        row=row,
                        column=marks.repeated_column,
                        code="repeated_person",
                        facts={"first_row": first},
                    )
                )
    chunk_store.write_repeats(record, repeats)
    repeated = sum(len(chunk_repeats) for chunk_repeats in repeats.values())
    valid, invalid = len(first_rows), wrong + repeated
    if not rows == record.total == valid + invalid:
        raise RuntimeError("rows were lost or counted twice")
    progress = progress_store.note_verdict(
        record.id,
        accepted=invalid == 0 or (record.partial and valid > 0),
        valid=valid,
        invalid=invalid,
        faults=faults + repeated,
        change=change_of(context, "import.merge"),
    )
    _go_on(context, record, progress)


# --------------------------------------------------------------------------- keep


def _keep(context: Context, record: Import, chunk: int) -> None:
    """Take over the right rows of one chunk of an accepted list."""
    progress = progress_store.read_progress(record.id)
    if chunk not in progress.kept:
        kind = KINDS[record.kind]
        judged = chunk_service.open_judged(context, record, chunk, purpose="take over a list")
        repeated = {fault.row for fault in next(chunk_store.repeats_in(record, [chunk]))}
        rows = [row for row in kind.decode(judged) if row.row not in repeated]
        chunk_store.write_chunk(record.id, chunk, kind.encode(rows))
        kind.keep(context, record, chunk, rows)
        progress = progress_store.note_kept(record.id, chunk, change_of(context, "import.keep"))
    if len(progress.kept) == record.chunks:
        _go_on(context, record, progress)


# --------------------------------------------------------------------------- finish


def _finish(context: Context, record: Import) -> None:
    """Write what is wrong, and tell that the list is ready or has failed."""
    progress = progress_store.read_progress(record.id)
    notices = Notices()
    for marks in chunk_store.marks_of(record):
        notices.add(marks.notices)
    store.write_notices(record.id, notices.most())
    if progress.invalid:
        store.write_faults(record.id, itertools.chain.from_iterable(_faults_of(record)))
        store.write_error_sheet(record, error_sheet(context, record, _faults_of(record)))
    facts = {"valid": progress.valid, "invalid": progress.invalid, "faults": progress.faults}
    try:
        if progress.accepted:
            change = change_of(context, "import.accept")
            _accepted(context, store.move_import(record.id, "accept", change=change, **facts))
        else:
            change = change_of(context, "import.fail", reason="rows_invalid")
            store.move_import(record.id, "fail", change=change, failure="rows_invalid", **facts)
    except Refused:
        log("import_finished_before", import_id=record.id)


def _accepted(context: Context, record: Import) -> None:
    kind = KINDS[record.kind]
    if kind.accepted is not None and not record.dry_run:
        kind.accepted(context, record)


def _faults_of(record: Import) -> Iterator[list[RowFault]]:
    """Give every fault of a list, chunk by chunk, in the order of its rows."""
    everything = range(record.chunks)
    for marks, repeated in zip(
        chunk_store.marks_of(record), chunk_store.repeats_in(record, everything), strict=True
    ):
        yield sorted([*marks.faults, *repeated], key=lambda fault: fault.row)


def _fail(context: Context, record: Import, refusal: Impossible) -> None:
    try:
        store.move_import(
            record.id,
            "fail",
            change=change_of(context, "import.fail", reason=refusal.code),
            failure=refusal.code,
            failure_facts=dict(refusal.facts),
        )
    except Refused:
        log("import_finished_before", import_id=record.id)
