"""The clocks go on in the night: what waited for longer than they allow is released, lapses or is withdrawn.

`kernel.clocks` tells which states have such a clock, and after how many days. Each is done by a port, which
the step of that machine answers (`app.py`): one page of one list of what waits. A group's message does a page
of each and asks for the next ones when it is done; so a message that dies anywhere is delivered again and
goes on from its own page. What is done has left the list, so running twice does it once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.logs import log_failure
from chalicelib.aws.waiting import PARTS, lists_of
from chalicelib.kernel.clocks import ticks_by_port
from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context

Page = Mapping[str, Any] | None
PORTS: Mapping[str, Port[[Context, str, datetime, Page], Page]] = {
    name: Port(name) for name in ticks_by_port()
}
"""Each does a page of one list of what has waited since before a moment, and gives where the next begins."""


@dataclass(frozen=True)
class ClockPlace:
    """Where in the night's work a message stands: a group of lists, then one clock, list and page of it.

    Without a `port` it is the group's first message, which does a page of every list for every clock.
    """

    group: str
    port: str = ""
    part: int = 0
    after: dict[str, Any] | None = None


def first_places() -> list[ClockPlace]:
    """Give where the work begins in each group of lists."""
    return [ClockPlace(group) for group in groups_below(PROVINCE)]


def advance(context: Context, place: ClockPlace) -> list[ClockPlace]:
    """Do what a message asks for; gives the places that are left to be asked for.

    A clock that fails does not stop the others: what it left is asked for by itself, and fails by itself.
    """
    if place.port:
        return _page(context, place)
    left: list[ClockPlace] = []
    for port in PORTS:
        for part in range(PARTS):
            begun = replace(place, port=port, part=part)
            try:
                left += _page(context, begun)
            except Exception as failure:  # noqa: BLE001 - told here, and again by its own message
                log_failure("clock_failed", failure, clock=port, group=place.group)
                left.append(begun)
    return left


def _page(context: Context, place: ClockPlace) -> list[ClockPlace]:
    until = context.now - timedelta(days=ticks_by_port()[place.port].days)
    after = PORTS[place.port](context, lists_of(place.group)[place.part], until, place.after)
    return [] if after is None else [replace(place, after=dict(after))]
