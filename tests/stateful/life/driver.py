"""The service as the model's people meet it: over HTTP, with time that travels, answers that are lost, nights."""

import json
import pickle
from datetime import datetime, timedelta
from typing import Any

import app
from tests.proof.life import drain
from tests.proof.state import State
from tests.support.in_process import Emulator, Interrupted

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TRIES = 4
PLAIN = ("plain", 0)


class Service:
    """Sends calls as they come in life, and keeps the whole cloud to begin anew from."""

    def __init__(self, emulator: Emulator, world: Any) -> None:
        self.emulator, self.world = emulator, world
        self.state = State(emulator)
        self.now: datetime = world.now
        self.keys = 0

    def keep(self) -> bytes:
        return pickle.dumps((self.state.keep(), self.now, self.keys))

    def restore(self, kept: bytes) -> None:
        standing, self.now, self.keys = pickle.loads(kept)
        self.state.restore(standing)

    # ------------------------------------------------------------------------- calls

    def read(self, who: Any, path: str, query: dict[str, Any] | None = None) -> Any:
        answer = self.world.api(who).get(path, query, at=self.now)
        assert answer.status == 200, answer.text
        return answer.json

    def send(self, chaos: tuple[str, int], who: Any, path: str, body: Any, *, method: str = "POST") -> Any:
        """Make a call, disturbed or not, until an answer is heard; gives the answer that tells what came of it."""
        kind, at = chaos
        self.keys += 1
        key = f"life-{self.keys}"
        headers = {"Idempotency-Key": key} if method == "POST" and who is not None else {}
        client = self.world.api(who)

        def once() -> Any:
            return client.send(method, path, body, at=self.now, headers=dict(headers))

        if kind in ("killed", "lost"):
            first = self._interrupted(once, at if kind == "killed" else -at)
        elif kind == "raced":
            first = self._raced(once, at)
        else:
            first = once()
        answer = first if kind in ("plain", "raced") and first is not None else self._repeated(once)
        if method == "PUT" and first is not None and first.status < 300:
            return first
        return answer

    def _interrupted(self, once: Any, at: int) -> Any:
        def die(number: int) -> None:
            if number == at:
                raise Interrupted

        try:
            with self.emulator.interrupted(die):
                return once()
        except Interrupted:
            return None

    def _raced(self, once: Any, at: int) -> Any:
        """Let the same call come in, whole, in the midst of the first: one of the two has the effect."""
        others: list[Any] = []

        def other(number: int) -> None:
            if number == at and not others:
                others.append(None)
                self.emulator.act = None
                others.append(self._repeated(once))

        with self.emulator.interrupted(other):
            mine = once()
        told = [one for one in (mine, *others) if one is not None]
        return next((one for one in told if one.status < 300), told[-1])

    def _repeated(self, once: Any) -> Any:
        from chalicelib.edge.idempotency.store import FirstCallRow

        for _ in range(TRIES):
            answer = once()
            if answer.status == 409 and answer.json["code"] == "in_progress":
                for call in self.emulator.rows(FirstCallRow):
                    FirstCallRow(call.id).update(actions=[FirstCallRow.leased_until.set(0)])
            elif answer.status < 500:
                return answer
        raise AssertionError(f"never answered: {answer.text}")

    # ------------------------------------------------------------------------- what goes on by itself

    def run(self, function: str, chaos: tuple[str, int] = PLAIN, **event: Any) -> None:
        """Start a function as its clock does; whoever died is started again."""
        told = {"now": self.now.isoformat(), **event}
        kind, at = chaos
        if kind in ("killed", "lost"):
            self._interrupted(lambda: getattr(app, function)(told, None), at if kind == "killed" else -at)
        getattr(app, function)(told, None)
        if kind == "twice":
            getattr(app, function)(told, None)

    def work(self) -> None:
        drain(self.emulator)

    def settle(self, division: str) -> None:
        body = {"work": "settle", "division": division, "now": self.now.isoformat()}
        told = app.seal_settlement({"Records": [{"messageId": "1", "body": json.dumps(body)}]}, None)
        assert told == {"batchItemFailures": []}
