"""Chunks opened for who works on a list; each look is recorded as one of the list."""

import itertools
from collections.abc import Iterable, Iterator

import msgspec

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws.crypto import SealedText
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.principal import Context
from chalicelib.people.lists.chunks import store
from chalicelib.people.lists.chunks.model import RawChunk
from chalicelib.people.lists.model import Import

_CHUNKS_OPENED = 20


def open_raw(context: Context, record: Import, chunks: Iterable[int], *, purpose: str) -> Iterator[RawChunk]:
    """Open chunks as they were read, some at a time."""
    left = iter(chunks)
    while batch := list(itertools.islice(left, _CHUNKS_OPENED)):
        sealed = [store.read_raw(record, chunk) for chunk in batch]
        for raw in _opened(context, record.id, sealed, purpose=purpose):
            yield msgspec.json.decode(raw, type=RawChunk)


def open_judged(context: Context, record: Import, chunk: int, *, purpose: str) -> bytes:
    """Open the well-formed rows of one chunk."""
    (rows,) = _opened(context, record.id, [store.read_judged(record, chunk)], purpose=purpose)
    return rows


def open_rows(context: Context, import_id: str, chunk: int, *, purpose: str) -> bytes:
    """Open the right rows of one chunk: well-formed, and not there twice."""
    (rows,) = _opened(context, import_id, [store.read_chunk(import_id, chunk)], purpose=purpose)
    return rows


def _opened(context: Context, import_id: str, sealed: list[SealedText], *, purpose: str) -> list[bytes]:
    return disclose(context, sealed, subject=import_id, division=PROVINCE, purpose=purpose)
