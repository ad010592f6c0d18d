"""What goes on by itself: queues are worked through, and the clocks ask for what was lost on its way."""

import json
from datetime import datetime, timedelta

import app
from infra.deployment.functions import FUNCTIONS
from tests.support.in_process import Emulator

SWEEPS = ("resume_imports", "resume_issuance", "reconcile_footage")
"""What looks for unfinished work, however it came to be so."""
ROUNDS = 12
_WORKER_OF = {function.queue.name: function.name for function in FUNCTIONS if function.queue is not None}


def drain(emulator: Emulator, names: tuple[str, ...] = tuple(_WORKER_OF)) -> None:
    """Give every waiting message to its worker, also those whose time has not come, until none waits."""
    for _ in range(ROUNDS):
        done = 0
        for name in names:
            queue = next(queue for url, queue in emulator.queues.items() if url.endswith(f"-{name}"))
            bodies = [message["body"] for message in queue["messages"]]
            queue["messages"].clear()
            for body in dict.fromkeys(bodies):
                records = [{"messageId": "1", "body": body}]
                told = getattr(app, _WORKER_OF[name])({"Records": records}, None)
                assert told == {"batchItemFailures": []}, f"{name} never did {body}"
                done += 1
        if not done:
            return
    left = json.dumps({url: len(queue["messages"]) for url, queue in emulator.queues.items()})
    raise AssertionError(f"messages make messages for ever: {left}")


def converge(emulator: Emulator, at: datetime, *, night: bool = False) -> None:
    """Let an hour pass in which nothing fails: messages are worked, and what was lost is asked for again.

    At `night` the division settles too, which closes what a dead worker left open.
    """
    later = (at + timedelta(hours=1)).isoformat()
    drain(emulator)
    for sweep in SWEEPS:
        getattr(app, sweep)({"now": later}, None)
    drain(emulator)
    if night:
        body = {"work": "settle", "division": "3401", "now": later}
        app.seal_settlement({"Records": [{"messageId": "1", "body": json.dumps(body)}]}, None)
        drain(emulator)
