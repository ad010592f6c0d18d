"""Work behind vouchers: issuing chunks, and the beginning of the night's expiry."""

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.vouchers import expiry, issuance


def issue_vouchers(message: queues.Message, context: Context) -> None:
    """Issue the chunk a message names."""
    issuance.issue_chunk(context, str(message.body["batch_id"]), int(message.body["chunk"]))


def expire_vouchers(context: Context) -> dict[str, int]:
    """Fan the due shards out to the workers (nightly)."""
    return expiry.begin_night(context)
