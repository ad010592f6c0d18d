"""Work behind vouchers: issuing chunks, and the beginning of the night's expiry."""

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.vouchers import expiry, issuing


def issue_vouchers(message: queues.Message, context: Context) -> None:
    """Count or issue the chunk a message names."""
    issuing.work_chunk(context, str(message.body["batch_id"]), int(message.body["chunk"]))


def resume_issuance(context: Context) -> dict[str, int]:
    """Ask again for the chunks of batches that have not moved for a while (scheduled)."""
    return {"chunks": issuing.resume_stalled(context)}


def expire_vouchers(context: Context) -> dict[str, int]:
    """Fan the due shards out to the workers (nightly)."""
    return expiry.begin_night(context)
