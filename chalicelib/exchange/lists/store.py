"""Deliveries by state, area and shard: what people list, and what is counted."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from chalicelib.aws.lists import page_of_list
from chalicelib.exchange.lines import LINES, SHARDS, STUCK_QUEUE, queue_at
from chalicelib.exchange.model import ALL_AREAS, STUCK, Delivery, DeliveryState, Due
from chalicelib.exchange.store import DeliveryRow
from chalicelib.kernel.paging import Page, PageRequest, page_over


def lines_of(audience: str) -> list[str]:
    """Name the lines of an audience."""
    return [f"{audience}#{line}" for line in range(LINES)]


def queues_of_state(state: DeliveryState, areas: Iterable[str]) -> list[str]:
    """Name the queues of a state in some areas."""
    if state in STUCK:
        return [STUCK_QUEUE]
    return [queue_at(state, area, shard) for area in areas for shard in range(SHARDS)]


def _within(
    areas: Iterable[str], *, state: DeliveryState | None = None, division: str | None = None
) -> Condition | None:
    """Leave out, of a queue that has more, what is in another state, or of another area or division."""
    wanted = set(areas)
    within: Condition | None = None
    if state in STUCK:
        within = DeliveryRow.state == str(state)
    if division is not None:
        within &= DeliveryRow.division == division
    elif (state is None or state in STUCK) and not wanted >= set(ALL_AREAS):
        within &= DeliveryRow.area.is_in(*sorted(wanted))
    return within


def count(state: DeliveryState, areas: Iterable[str], *, since: datetime, until: datetime) -> int:
    """Count the deliveries of a state whose change happened from `since` on and before `until`."""
    day = DeliveryRow.occurred_at.between(since, until - timedelta(microseconds=1))
    within = _within(areas, state=state)
    queues = queues_of_state(state, areas)
    return sum(DeliveryRow.by_queue.count(queue, day, filter_condition=within) for queue in queues)


def stuck(areas: Iterable[str]) -> Iterator[Delivery]:
    """Give, without their bodies, what a person has to decide on in some areas, oldest first."""
    for row in DeliveryRow.by_queue.query(STUCK_QUEUE, filter_condition=_within(areas)):
        yield row.record


def number_stuck() -> int:
    """Count what a person has to decide on."""
    return DeliveryRow.by_queue.count(STUCK_QUEUE)


def number_due(line: str) -> int:
    """Count what a machine has to act on in a line, now or later."""
    return DeliveryRow.by_due.count(line)


def oldest(state: DeliveryState, areas: Iterable[str]) -> datetime | None:
    """Tell when the oldest change happened whose delivery is in a state; None if there is none."""
    moments = [
        row.occurred_at
        for queue in queues_of_state(state, areas)
        for row in DeliveryRow.by_queue.query(queue, limit=1)
    ]
    return min(moments, default=None)


def heard_after(moment: datetime, areas: Iterable[str]) -> bool:
    """Tell whether a change that happened after a moment was accepted."""
    later = DeliveryRow.occurred_at > moment
    return any(
        True
        for queue in queues_of_state(DeliveryState.ACKNOWLEDGED, areas)
        for _ in DeliveryRow.by_queue.query(queue, later, limit=1)
    )


def of_state(
    state: DeliveryState, areas: Iterable[str], *, division: str | None = None
) -> Iterator[Delivery]:
    """Give the deliveries of a state without their bodies, oldest first within each queue."""
    wanted = _within(areas, state=state, division=division)
    for queue in queues_of_state(state, areas):
        for row in DeliveryRow.by_queue.query(queue, filter_condition=wanted):
            yield row.record


def listing(
    state: DeliveryState, areas: Sequence[str], request: PageRequest, *, division: str | None
) -> Page[Delivery]:
    """List the deliveries of a state queue by queue; `division` leaves out those of any other."""
    wanted = _within(areas, state=state, division=division)

    def read(queue: str, part: PageRequest) -> Page[Delivery]:
        return page_of_list(DeliveryRow, DeliveryRow.by_queue, queue, request=part, picked=wanted)

    return page_over(queues_of_state(state, areas), request, read)


def due(line: str, *, now: datetime, limit: int) -> list[Due]:
    """Give what is due in a line, what is due longest first."""
    rows = DeliveryRow.by_due.query(line, DeliveryRow.due_at <= now, limit=limit)
    audience = line.partition("#")[0]
    return [
        Due(
            subject=row.subject,
            sequence=int(row.sequence),
            area=row.area,
            attempts=int(row.attempts),
            state=DeliveryState(row.state),
            audience=audience,
        )
        for row in rows
    ]
