"""Audiences: who can be told, and the way to each. The engine knows no more of them than this.

An audience takes a message by one call. Its answer is either its word (it accepted or refused the message),
or says only that it was taken, and the word comes later. A new audience is one more row here; its deliveries
have its name, stand in lines of their own and follow the same rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.aws.settings import settings
from chalicelib.exchange import store
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.model import ALL_AREAS, BOX, PLATFORM, WEBHOOK, Answer, Delivery


class Way(Protocol):
    """The way to an audience."""

    def send(self, delivery: Delivery) -> Answer:
        """Send one message once."""


def _to_platform(_: Delivery) -> Way | None:
    from chalicelib.exchange.platform import platform_at  # noqa: PLC0415 - the audit imports this step

    url = settings().platform_url
    return platform_at(url) if url else None


def _platform_heard(_: Delivery, since: datetime) -> bool:
    return lists.heard_after(since, ALL_AREAS)


def _to_program(delivery: Delivery) -> Way | None:
    from chalicelib.exchange.receivers import way_of  # noqa: PLC0415 - most runs tell no program

    return way_of(delivery)


def _program_heard(delivery: Delivery, since: datetime) -> bool:
    box = store.find(delivery.area, BOX)
    return box is not None and box.answered_at is not None and box.answered_at > since


@dataclass(frozen=True)
class Audience:
    """How one is told.

    `way` is that of a delivery, None where there is none for now; `heard` tells whether it took anything
    after a moment.
    """

    way: Callable[[Delivery], Way | None]
    heard: Callable[[Delivery, datetime], bool]


WAYS: Mapping[str, Audience] = {
    PLATFORM: Audience(_to_platform, _platform_heard),
    WEBHOOK: Audience(_to_program, _program_heard),
}
"""By audience."""
