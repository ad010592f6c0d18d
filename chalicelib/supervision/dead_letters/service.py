"""Use cases of dead letters: count them, send a worker's back to its queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws import queues
from chalicelib.aws.logs import log
from chalicelib.aws.parking import parked_records
from chalicelib.aws.settings import settings
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.supervision.dead_letters.model import (
    LETTERS_A_REDRIVE_MAX,
    PARKED_LISTED_MAX,
    QUEUE_OF_WORKER,
    STARTED_OTHERWISE,
)


@dataclass(frozen=True)
class DeadLetters:
    """About how many letters of a function wait; those of a queue's worker can be redriven from here."""

    function: str
    waiting: int

    @property
    def redrivable(self) -> bool:
        """Tell whether a redrive would send any of them."""
        return self.function in QUEUE_OF_WORKER and self.waiting > 0


@dataclass(frozen=True)
class Redriven:
    """How many letters went back to the queue, and about how many still wait."""

    function: str
    moved: int
    waiting: int


def list_dead_letters(context: Context) -> Sequence[DeadLetters]:
    """Count the dead letters of every function that has any queue for them."""
    rights.admit(context.principal, "dead_letter.read")
    functions = sorted((*QUEUE_OF_WORKER, *STARTED_OTHERWISE))
    return [DeadLetters(function, queues.letters_waiting(function)) for function in functions]


@dataclass(frozen=True)
class Parked:
    """Records of streams that lie whole in the evidence, as consumer and number; `more` than are listed."""

    records: Sequence[tuple[str, str]]
    more: bool


def list_parked(context: Context) -> Parked:
    """List the records that a consumer put aside for good, also those whose letters are gone."""
    rights.admit(context.principal, "dead_letter.read")
    return Parked(*parked_records(most=PARKED_LISTED_MAX))


def redrive(context: Context, function: str) -> Redriven:
    """Send the letters of a queue's worker back to its queue, at most `LETTERS_A_REDRIVE_MAX` a call.

    Who did it stands in the log; what the letters then do is in the audit, as all work is.

    Raises:
        NotFound: no worker of a queue has this name.

    """
    rights.admit(context.principal, "dead_letter.redrive")
    queue = QUEUE_OF_WORKER.get(function)
    if queue is None:
        raise error("not_found")
    url = getattr(settings(), f"{queue}_queue_url")
    moved = queues.move_back(function, url, most=LETTERS_A_REDRIVE_MAX)
    log(
        "dead_letters_redriven",
        worker=function,
        moved=moved,
        actor=context.principal.actor,
        request_id=context.request_id,
    )
    return Redriven(function, moved, queues.letters_waiting(function))
