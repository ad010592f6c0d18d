"""`Idempotency-Key`: the same key and body get the first answer again.

A convenience for clients; money and vouchers do not depend on it. The first answer is kept sealed for a
day, because it may hold what only its caller may see.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec

from chalicelib.aws import crypto
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.writes import ConditionFailed, insert
from chalicelib.edge.idempotency.store import FirstAnswer, FirstAnswerRow
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.reasons import error

KEPT = timedelta(days=1)
LEASE_SECONDS = 35
_BODY_BYTES_MAX = 250_000


class Kept(msgspec.Struct, frozen=True):
    """An answer that was given before."""

    status_code: int
    body: bytes
    content_type: str


def begin(*, caller: str, method: str, path: str, key: str, body: bytes, now: datetime) -> str | Kept:
    """Start a call under a key: give the row's id to `finish` with, or the first answer.

    Raises:
        Impossible: the key was used with another body (`idempotency_mismatch`).
        Refused: the first call is still running (`in_progress`).

    """
    row_id = derived_id("idk", caller, method, path, key)
    # keyed: a body may hold a password or an ID number, of which a plain hash tells all
    digest = keyed_digest("idempotency", hashlib.sha256(body).hexdigest()).hex()
    clock = int(now.timestamp())
    fresh = FirstAnswer(
        id=row_id,
        body_digest=digest,
        leased_until=clock + LEASE_SECONDS,
        expires=clock + int(KEPT.total_seconds()),
    )
    free = FirstAnswerRow.id.does_not_exist() | (
        FirstAnswerRow.status_code.does_not_exist()
        & (FirstAnswerRow.leased_until < clock)
        & (FirstAnswerRow.body_digest == digest)
    )
    try:
        insert(FirstAnswerRow.from_record(fresh), condition=free)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, FirstAnswer)
        if old.body_digest != digest:
            raise error("idempotency_mismatch") from None
        if old.status_code is None or old.sealed_body is None:
            raise error("in_progress") from None
        body = crypto.open_sealed(old.sealed_body, item=row_id, purpose="repeat of a request")
        return Kept(old.status_code, body, old.content_type or "application/json")
    return row_id


def finish(row_id: str, *, status_code: int, body: bytes, content_type: str) -> None:
    """Keep the first answer; answers too large to keep free the key instead."""
    row = FirstAnswerRow(row_id)
    if len(body) > _BODY_BYTES_MAX:
        row.delete()
        return
    row.update(
        actions=[
            FirstAnswerRow.status_code.set(status_code),
            FirstAnswerRow.content_type.set(content_type),
            FirstAnswerRow.sealed_body.set(crypto.seal(body, item=row_id)),
        ],
        condition=FirstAnswerRow.id.exists(),
    )


def forget(row_id: str) -> None:
    """Free the key: the call failed on our side, so a repeat must be a first try."""
    FirstAnswerRow(row_id).delete()
