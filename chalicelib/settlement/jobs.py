"""The nightly clocks, settlement and verification: messages a division, and the worker of what they name."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.aws import queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches.evaluated import Look, ask_for_evaluation, not_evaluated
from chalicelib.settlement.batches.sealing import may_leave_more, seal_division
from chalicelib.settlement.clawback.arrears import suspend_in_arrears
from chalicelib.settlement.clocks.service import ClockPlace, advance, first_places
from chalicelib.settlement.figures import measure_page
from chalicelib.settlement.verification.model import Progress
from chalicelib.settlement.verification.service import report, verify_page
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.lapsing.service import CLASSES_A_RUN_MAX, close_unclaimed

hold_again: Port[[Context, str], None] = Port("hold_again_before_sealing")
"""Asks supervision to hold again what is not tolerated any more in a division."""


class Work(StrEnum):
    """What a message asks for, for one division."""

    SETTLE = "settle"
    VERIFY = "verify"
    CLOCK = "clock"


def settle_subsidies(context: Context) -> dict[str, int]:
    """Let the clocks go on, then ask for the settlement of every division that has a budget (nightly).

    Gives `{"divisions": n, "clocks": n}`.
    """
    places = first_places()
    _send([_clock_message(place) for place in places], context)
    return {**_ask_every_division(Work.SETTLE, context), "clocks": len(places)}


def verify_ledger(context: Context) -> dict[str, int]:
    """Ask for the verification of every division's ledger (nightly): `{"divisions": n}`."""
    return _ask_every_division(Work.VERIFY, context)


def _ask_every_division(work: Work, context: Context) -> dict[str, int]:
    cities, _ = cities_of(PROVINCE)
    _send([{"work": work, "division": city} for city in cities], context)
    return {"divisions": len(cities)}


def _ask_again(work: Work, division: str, context: Context, *, delay_seconds: int = 0, **facts: Any) -> None:
    _send([{"work": work, "division": division, **facts}], context, delay_seconds=delay_seconds)


def _send(bodies: Sequence[Mapping[str, Any]], context: Context, *, delay_seconds: int = 0) -> None:
    queues.send(settings().settlement_queue_url, bodies, now=context.now, delay_seconds=delay_seconds)


# --------------------------------------------------------------------------- the worker


def seal_settlement(message: queues.Message, context: Context) -> None:
    """Do the work that a message names, in its division."""
    body = message.body
    _HANDLERS[_work_of(body)](str(body["division"]), body, context)


def _work_of(body: Mapping[str, Any]) -> Work:
    """Tell what a message asks for; those of the program before named no work, and told by `verify`."""
    if "work" in body:
        return Work(body["work"])
    return Work.VERIFY if body.get("verify") else Work.SETTLE


_COMES_AGAIN_SECONDS = (5, 60, 300, 900, 900, 900, 900)
"""When sealing comes again for classes whose evaluation it has asked for: for an hour in all."""


def _settle(division: str, body: Mapping[str, Any], context: Context) -> None:
    """Close what nobody claims, suspend who owes, seal what was evaluated; ask again where there may be more.

    Sealing comes last: a batch that cannot be sealed keeps nothing else waiting. What was tolerated until
    yesterday is held again before: the clock that does so for the province runs beside this, in any order.
    """
    more = close_unclaimed(context, division) == CLASSES_A_RUN_MAX
    for uscc in suspend_in_arrears(context, division):
        log("suspended_in_arrears", division=division, institution=uscc)
    hold_again(context, division)
    waited = int(body.get("waited", 0))
    look = Look.of_the_night(context, last=waited >= len(_COMES_AGAIN_SECONDS))
    batch = seal_division(context, division, look=look)
    if more or (batch is not None and may_leave_more(batch)):
        _ask_again(Work.SETTLE, division, context, waited=waited)
    elif look.missing and look.last:
        not_evaluated(context, look.missing)
    elif look.missing:
        ask_for_evaluation(context, look.missing, look.since, lost=waited > 0)
        delay_seconds = _COMES_AGAIN_SECONDS[waited]
        _ask_again(Work.SETTLE, division, context, delay_seconds=delay_seconds, waited=waited + 1)


def _verify(division: str, body: Mapping[str, Any], context: Context) -> None:
    """Verify one page of a ledger and ask for the next; a difference fails the last message, and alarms."""
    after = body.get("after")
    progress = msgspec.convert(after, Progress) if after is not None else None
    page = verify_page(division, progress, now=context.now)
    if page.after is not None:
        _ask_again(Work.VERIFY, division, context, after=msgspec.to_builtins(page.after))
    measure_page(page, now=context.now)
    report(page, differing=progress.differing if progress is not None else 0)


def _advance_clock(division: str, body: Mapping[str, Any], context: Context) -> None:
    """Do a page of what the clocks of a group of lists do, and ask for the next ones."""
    place = ClockPlace(division, str(body.get("port", "")), int(body.get("part", 0)), body.get("after"))
    _send([_clock_message(left) for left in advance(context, place)], context)


def _clock_message(place: ClockPlace) -> dict[str, Any]:
    facts = {"port": place.port, "part": place.part, "after": place.after}
    return {"work": Work.CLOCK, "division": place.group, **facts}


_HANDLERS: Mapping[Work, Callable[[str, Mapping[str, Any], Context], None]] = {
    Work.SETTLE: _settle,
    Work.VERIFY: _verify,
    Work.CLOCK: _advance_clock,
}
