"""Late indexes, messages that come twice or in another order, batches cut anywhere: the end is the same."""

import random
from typing import Any

import pytest

import app
from tests.proof.life import converge
from tests.proof.network import FAULTS, Network
from tests.proof.points.functions import CASES
from tests.proof.sharing import SEED, number_of
from tests.proof.state import State
from tests.support.streams import voucher_changes

ROUNDS = number_of("DISORDER_ROUNDS", usual=6, full=200)


@pytest.mark.parametrize("function", list(CASES))
def test_a_run_that_sees_indexes_as_they_were_before_the_last_does_nothing_twice(
    emulator: Any, world: Any, platform: Any, function: str
) -> None:
    """An index lags: the next run finds there what the last one has done already."""
    job = CASES[function](world, platform)
    state = State(emulator)
    before = emulator.keep()
    job.run()
    converge(emulator, job.at)
    once = state.told(job.at, own_ids=False, versions=False), job.seen()
    with _late_indexes(emulator, before):
        job.run()
    converge(emulator, job.at)
    assert state.told(job.at, own_ids=False, versions=False) == once[0]
    again = job.seen()
    if isinstance(again, dict):  # what was not answered in time is sent again, and that is nothing new
        again = {name: told for name, told in again.items() if not set(told) <= set(once[1].get(name, ()))}
    assert again in ([], {}, once[1]), "the platform is told nothing new"


class _late_indexes:  # noqa: N801 - read as a sentence
    """Answers queries of indexes as they would have been answered then."""

    def __init__(self, emulator: Any, then: bytes) -> None:
        self._emulator, self._then = emulator, then

    def __enter__(self) -> None:
        from chalicelib.aws.table import connection

        self._events = connection().client.meta.events
        self._events.register_first("before-call.dynamodb.Query", self._answer)

    def __exit__(self, *_: object) -> None:
        self._events.unregister("before-call.dynamodb.Query", self._answer)

    def _answer(self, model: Any, params: dict[str, Any], context: dict[str, Any], **call: Any) -> Any:
        if b'"IndexName"' not in bytes(params["body"]):
            return None
        now = self._emulator.keep()
        self._emulator.restore(self._then)
        try:
            return self._emulator.answer(model, params, **call)
        finally:
            self._emulator.restore(now)


def _streams(chance: random.Random) -> list[list[Any]]:
    """Give batches of some vouchers' changes: each voucher's in their order, some twice, cut anywhere."""
    rows = {name: voucher_changes(name, versions=4) for name in ("vch_aaaa", "vch_bbbb", "vch_cccc")}
    records: list[Any] = []
    places = dict.fromkeys(rows, 0)
    while any(places[name] < 4 for name in rows):
        name = chance.choice([name for name in rows if places[name] < 4])
        records.append(rows[name][places[name]])
        places[name] += 1
    batches = []
    while records:
        count = chance.randint(1, 5)
        batch, records = records[:count], records[count:]
        batches += [batch] * chance.choice((1, 1, 2))
    return batches


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_batches_that_come_twice_or_fail_halfway_leave_one_record_and_one_message_of_each_change(
    emulator: Any, world: Any, platform: Any, round_: int
) -> None:
    from chalicelib.supervision.audit.store import AuditRow

    chance, network = random.Random(f"{SEED}.{round_}"), Network(emulator)
    for batch in _streams(chance):
        event = {"Records": batch, "now": world.now.isoformat()}
        for consumer in (app.record_audit, app.return_changes):
            _until_done(consumer, event, network, chance)
    assert len(list(AuditRow.scan())) == 12
    orders = platform.told_in_the_end()
    assert orders == {name: [1, 2, 3, 4] for name in ("vch_aaaa", "vch_bbbb", "vch_cccc")}


def _until_done(consumer: Any, event: Any, network: Network, chance: random.Random) -> None:
    """Hand a batch over until it is taken, as a stream does; the first times something fails on the way."""
    for attempt in range(8):
        faults = {chance.randint(1, 12): chance.choice(FAULTS[:5])} if attempt < 2 else {}
        try:
            with network.watched(faults):
                consumer(event, None)
        except Exception:  # noqa: BLE001 - it comes again
            continue
        return
    raise AssertionError("never taken")
