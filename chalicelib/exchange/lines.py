"""In which list of people, and which line of machines, a delivery stands: by audience, state and area."""

from typing import Final

from chalicelib.exchange.model import PLATFORM, STUCK, DeliveryState

SHARDS = 4
STUCK_QUEUE: Final = "stuck"
"""What a person decides on is little, and stands in one queue for the whole province: who looks asks once."""
LINES: Final = 16
"""Into so many lines what is due is parted: as many workers may drain a backlog without meeting."""


def queue_of(state: DeliveryState, area: str, subject: str, audience: str = PLATFORM) -> str:
    """Give the queue in which a subject's deliveries of a state stand: of a webhook, its program's own."""
    if audience != PLATFORM:
        return f"{audience}#{state}#{area}"
    if state in STUCK:
        return STUCK_QUEUE
    return queue_at(state, area, sum(subject.encode()) % SHARDS)


def queue_at(state: DeliveryState, area: str, shard: int) -> str:
    """Give one shard of the queue of a state and area."""
    return f"{state}#{area}#{shard}"


def line_of(audience: str, subject: str, area: str = "") -> str:
    """Give the line in which a subject's deliveries stand while they are due: of a webhook, its own."""
    if audience != PLATFORM:
        return f"{audience}#{area}"
    return f"{audience}#{sum(subject.encode()) % LINES}"
