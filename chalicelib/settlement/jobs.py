"""The nightly settlement and verification: one message a division, and the worker that takes one step."""

from typing import Any

import msgspec

from chalicelib.aws import queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches.model import BATCH_LINES_MAX
from chalicelib.settlement.batches.sealing import LINES_A_PORTION_MAX, seal_division
from chalicelib.settlement.clawback.arrears import suspend_in_arrears
from chalicelib.settlement.verification.service import Progress, report, verify_page
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.lapsing.service import CLASSES_A_RUN_MAX, close_unclaimed


def settle_subsidies(context: Context) -> dict[str, int]:
    """Ask for the settlement of every division that has a budget (nightly): `{"divisions": n}`."""
    cities, _ = cities_of(PROVINCE)
    bodies = [{"division": city} for city in cities]
    queues.send(settings().settlement_queue_url, bodies, now=context.now)
    return {"divisions": len(bodies)}


def verify_ledger(context: Context) -> dict[str, int]:
    """Ask for the verification of every division's ledger (nightly): `{"divisions": n}`."""
    cities, _ = cities_of(PROVINCE)
    bodies = [{"division": city, "verify": True} for city in cities]
    queues.send(settings().settlement_queue_url, bodies, now=context.now)
    return {"divisions": len(bodies)}


def _verify(division: str, after: Any, context: Context) -> None:
    """Verify one page of a ledger and ask for the next; a difference fails the last message, and alarms."""
    progress = msgspec.convert(after, Progress) if after is not None else None
    found = verify_page(division, progress, now=context.now)
    if found.after is not None:
        body = {"division": division, "verify": True, "after": msgspec.to_builtins(found.after)}
        queues.send(settings().settlement_queue_url, [body], now=context.now)
    report(found, differing=progress.differing if progress is not None else 0)


def seal_settlement(message: queues.Message, context: Context) -> None:
    """Close what nobody claims in a division, suspend who owes it, seal what is due; ask again for more."""
    division = str(message.body["division"])
    if message.body.get("verify"):
        _verify(division, message.body.get("after"), context)
        return
    more = close_unclaimed(context, division) == CLASSES_A_RUN_MAX
    for uscc in suspend_in_arrears(context, division):
        log("suspended_in_arrears", division=division, institution=uscc)
    batch = seal_division(context, division)  # last: a batch that cannot be sealed keeps nothing else waiting
    more |= batch is not None and batch.line_count > BATCH_LINES_MAX - LINES_A_PORTION_MAX
    if more:
        queues.send(settings().settlement_queue_url, [{"division": division}], now=context.now)
