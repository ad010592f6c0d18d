"""`Idempotency-Key`: the same key and body get the first answer again.

A convenience for clients; money and vouchers do not depend on it. The first answer is kept sealed for a
day, because it may hold what only its caller may see.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec

from chalicelib.aws import crypto
from chalicelib.aws.keys import keyed_digest
from chalicelib.edge.idempotency import store
from chalicelib.edge.idempotency.store import FirstCall
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.reasons import error

KEPT_FOR = timedelta(days=1)
LEASE_SECONDS = 35
_BODY_BYTES_MAX = 250_000


class FirstAnswer(msgspec.Struct, frozen=True):
    """The answer that the first call got."""

    status_code: int
    body: bytes
    content_type: str


def begin(*, caller: str, method: str, path: str, key: str, body: bytes, now: datetime) -> str | FirstAnswer:
    """Start a call under a key: give the row's id to `finish` with, or the first answer.

    Raises:
        Impossible: the key was used with another body (`idempotency_mismatch`).
        Refused: the first call is still running (`in_progress`).

    """
    row_id = derived_id("idk", caller, method, path, key)
    # keyed: a body may hold a password or an ID number, of which a plain hash tells all
    digest = keyed_digest("idempotency", hashlib.sha256(body).hexdigest()).hex()
    clock = int(now.timestamp())
    call = FirstCall(
        id=row_id,
        body_digest=digest,
        leased_until=clock + LEASE_SECONDS,
        expires=clock + int(KEPT_FOR.total_seconds()),
    )
    first = store.lease(call, clock=clock)
    if first is None:
        return row_id
    if first.body_digest != digest:
        raise error("idempotency_mismatch")
    if first.status_code is None or first.sealed_body is None:
        raise error("in_progress")
    answer = crypto.open_sealed(first.sealed_body, item=row_id, purpose="repeat of a request")
    return FirstAnswer(first.status_code, answer, first.content_type or "application/json")


def finish(row_id: str, *, status_code: int, body: bytes, content_type: str) -> None:
    """Keep the first answer; answers too large to keep free the key instead."""
    if len(body) > _BODY_BYTES_MAX:
        store.forget(row_id)
        return
    sealed = crypto.seal(body, item=row_id)
    store.keep_answer(row_id, status_code=status_code, content_type=content_type, sealed_body=sealed)


def forget(row_id: str) -> None:
    """Free the key: the call failed on our side, so a repeat must be a first try."""
    store.forget(row_id)
