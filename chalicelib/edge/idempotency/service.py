"""`Idempotency-Key`: the same key and body get the first answer again, also where that answer was lost.

The truth is in what a call writes: its ids and marks are its own in every run (`kernel.repeats`), so a repeat
finds what an earlier run did and answers from it. The answer kept here for a day is a short cut, sealed
because it may hold what only its caller may see; and two runs at once, though harmless, wait for each other.

    10:00:00  POST /v1/classes under key k      the class cls_x is written, then the function dies
    10:00:01  the same again                    409 in_progress: the first may still run; Retry-After
    10:00:11  the same again                    its class would be cls_x, which is there: 201 with cls_x
    10:00:12  the same again                    201 with cls_x, as kept
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from chalicelib.aws import crypto
from chalicelib.aws.keys import keyed_digests
from chalicelib.aws.logs import log_failure
from chalicelib.edge.idempotency import store
from chalicelib.edge.idempotency.store import FirstCall
from chalicelib.kernel.errors import DomainError, Unavailable
from chalicelib.kernel.ids import derived_id, new_operation_id
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import RepeatableCall

KEPT_FOR = timedelta(days=1)
LEASE_SECONDS = 10
"""Nobody hears an answer that takes longer than the gateway's 29 seconds; most take less than one. A run
that takes longer than its lease may be overtaken by its own repeat, which does no harm."""
_BODY_BYTES_MAX = 250_000


class FirstAnswer(msgspec.Struct, frozen=True):
    """The answer that the first call got."""

    status_code: int
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Run:
    """One run of a call under a key; `clock` is when it began, in seconds since 1970."""

    row_id: str
    holder: str
    clock: int
    call: RepeatableCall


def begin(*, caller: str, request: str, key: str, body: bytes, now: datetime) -> Run | FirstAnswer:
    """Start a run of a call under a key, or give the first answer; `request` is method, path and query.

    Raises:
        Impossible: the key was used with another body (`idempotency_mismatch`).
        Refused: another run of it still goes on (`in_progress`).

    """
    row_id = derived_id("idk", caller, request, key)
    clock = int(now.timestamp())
    content = hashlib.sha256(body).hexdigest()
    # keyed: a body may hold a password or an ID number, of which a plain hash tells all
    digests = keyed_digests("idempotency", content)
    seeds = keyed_digests("idempotency", f"{caller}\x1f{request}\x1f{key}\x1f{content}")
    for digest, seed in zip(digests, seeds, strict=True):  # a call begun before the key was rotated goes on
        run = Run(row_id, new_operation_id(), clock, RepeatableCall(seed))
        first = store.lease(_first_call(run, digest.hex()), clock=clock)
        if first is None:
            return run
        if first.body_digest == digest.hex():
            return _answer_of(first, clock)
    raise error("idempotency_mismatch")


def _first_call(run: Run, digest: str) -> FirstCall:
    return FirstCall(
        id=run.row_id,
        body_digest=digest,
        leased_until=run.clock + LEASE_SECONDS,
        expires=run.clock + int(KEPT_FOR.total_seconds()),
        holder=run.holder,
    )


def _answer_of(first: FirstCall, clock: int) -> FirstAnswer:
    if first.status_code is None or first.sealed_body is None:
        raise error("in_progress", retry_after_seconds=max(1, first.leased_until - clock + 1))
    answer = crypto.open_sealed(first.sealed_body, item=first.id, purpose="repeat of a request")
    return FirstAnswer(first.status_code, answer, first.content_type or "application/json")


def keep(run: Run, *, status_code: int, body: bytes, content_type: str) -> None:
    """Keep the answer of a run; what is too large, or not the last word, is made again by each repeat.

    An answer that cannot be kept is given all the same: what it tells has happened.
    """
    try:
        if run.call.is_unfinished or len(body) > _BODY_BYTES_MAX:
            store.end_lease(run.row_id, run.holder)
            return
        sealed = crypto.seal(body, item=run.row_id)
        store.keep_answer(run.row_id, status_code=status_code, content_type=content_type, sealed_body=sealed)
    except Exception as failure:  # noqa: BLE001 - a short cut that is not there costs time, nothing else
        log_failure("answer_not_kept", failure)


def give_up(run: Run, failure: Exception) -> None:
    """End a run without an answer to keep: a refusal is decided afresh, also with another body.

    Where it may have written, the key stays with its body, and the next repeat may come at once.
    """
    refused = isinstance(failure, DomainError) and not isinstance(failure, Unavailable)
    try:
        if refused and not run.call.has_happened:
            store.forget(run.row_id, run.holder, now=run.clock)
        else:
            store.end_lease(run.row_id, run.holder)
    except Exception as other:  # noqa: BLE001 - the lease ends by itself within seconds
        log_failure("lease_not_ended", other)
