"""The nightly settlement: one message a division, and the worker that seals what is due in it."""

from chalicelib.aws import queues
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.principal import Context
from chalicelib.settlement.model import BATCH_LINES_MAX
from chalicelib.settlement.sealing import LINES_A_PORTION_MAX, seal_division
from chalicelib.subsidies.areas import cities_of


def settle_subsidies(context: Context) -> dict[str, int]:
    """Ask for the settlement of every division that has a budget (nightly): `{"divisions": n}`."""
    cities, _ = cities_of(PROVINCE)
    bodies = [{"division": city} for city in cities]
    queues.send(settings().settlement_queue_url, bodies, now=context.now)
    return {"divisions": len(bodies)}


def seal_settlement(message: queues.Message, context: Context) -> None:
    """Seal what is due in the division a message names; ask again if the batch was full."""
    division = str(message.body["division"])
    batch = seal_division(context, division)
    if batch is not None and batch.line_count > BATCH_LINES_MAX - LINES_A_PORTION_MAX:
        queues.send(settings().settlement_queue_url, [{"division": division}], now=context.now)
