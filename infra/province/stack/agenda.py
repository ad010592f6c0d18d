"""What happens when: each event is told to the service at its own moment (`X-Local-Now`), in their order."""

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

Event = Callable[[], None]


class Agenda:
    """Events by their moment. An event may add later ones; those after `until` never happen."""

    def __init__(self, until: datetime, travel: Callable[[datetime], None]) -> None:
        self.until = until
        self._travel = travel
        self._events: list[tuple[datetime, int, Event]] = []
        self._number = itertools.count()

    def at(self, moment: datetime, event: Event) -> None:
        """Note an event; of two at one moment the one noted first happens first."""
        heapq.heappush(self._events, (moment, next(self._number), event))

    def run(self, *, after: Callable[[int], None] = lambda _: None) -> int:
        """Let everything happen up to `until`; tells how many events that were."""
        done = 0
        while self._events and self._events[0][0] <= self.until:
            moment, _, event = heapq.heappop(self._events)
            self._travel(moment)
            event()
            done += 1
            after(done)
        return done
