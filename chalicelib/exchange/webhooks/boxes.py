"""A program's box: what tells when its messages are sent next, and that nothing was taken for days.

A box is a row among the deliveries, the one with number 0 of its program. It has no message of its own.

    09:00  a class of the school is approved: a message for its program is recorded, its box is awake
    09:00  the message is taken; a while later nothing is left, and the box is asleep
    10:00  the school's server is down: the box is due again after 30 s, 1 min, 2 min … 1 h, and a try is
           three messages, whatever waits; what comes meanwhile is recorded
    five days later it is stopped, and stands in the in-tray of whose it is: once, whatever waits
    somebody of the school sends all again: the box is awake, and what waited goes in its order

`pending` is awake, `acknowledged` asleep, `dead` stopped.
"""

from datetime import datetime, timedelta
from typing import Final

from chalicelib.accounts.model import Account
from chalicelib.exchange.model import BOX, TRIES_MIN, WEBHOOK, Delivery, DeliveryState

BOX_LINE: Final = "boxes"
"""The line in which boxes stand that are awake."""
BOX_QUEUE: Final = "boxes"
STOP_AFTER: Final = timedelta(days=5)
"""A program that took nothing for so long, and so many tries (`TRIES_MIN`), is sent nothing more."""
PAUSE_MAX: Final = timedelta(hours=1)
"""Between two tries of a box that takes nothing: one message that is never taken keeps others no longer."""
LEASE: Final = timedelta(minutes=1)
"""So long a worker that died keeps a box from others; none works longer on one."""
QUIET: Final = timedelta(minutes=2)
"""A box goes to sleep only when nothing came for so long: the index that tells what is due lags."""


def is_to_be_stopped(box: Delivery, now: datetime) -> bool:
    """Tell whether a program has taken nothing for so long that whose it is has to look after it."""
    since = box.tried_since
    return since is not None and box.attempts >= TRIES_MIN and now - since >= STOP_AFTER


def new_box(client: Account, now: datetime) -> Delivery:
    """Give the box of a program that is told something for the first time: awake."""
    return Delivery(
        subject=client.id,
        sequence=BOX,
        message_id=client.id,
        event=WEBHOOK,
        area=client.id,
        division=client.division,
        occurred_at=now,
        state=DeliveryState.PENDING,
        queue=BOX_QUEUE,
        audience=WEBHOOK,
        due_at=now,
        due_line=BOX_LINE,
    )
