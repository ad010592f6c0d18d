"""A worker of the local cloud that cannot be started fails its own invocation, and ends nobody else's worker."""

from types import SimpleNamespace
from typing import Any

from infra.local import cloud


class Worker:
    """As ministack's: whoever cannot be started raises."""

    killed = 0

    def __init__(self, trouble: Exception | None) -> None:
        self._trouble = trouble

    def invoke(self, event: Any, request_id: str, **facts: Any) -> Any:
        if self._trouble is not None:
            raise self._trouble
        return {"status": "ok", "result": [event, request_id, facts]}

    def kill(self) -> None:
        self.killed += 1


def test_a_worker_that_cannot_be_started_is_told_as_one_that_failed_and_ended_alone():
    class Own(Worker):
        pass

    cloud._die_alone(SimpleNamespace(Worker=Own))
    broken = Own(RuntimeError("Worker process exited immediately"))
    told = broken.invoke({}, "req", trace_id=None)
    assert (told["status"], told["error"]) == ("error", "Worker process exited immediately")
    assert broken.killed == 1
    well = Own(None)
    assert well.invoke({"a": 1}, "req", trace_id="t")["result"] == [{"a": 1}, "req", {"trace_id": "t"}]
    assert well.killed == 0
