"""Work behind issuance batches: issuing chunks, and asking again for chunks that have stalled."""

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.vouchers.batches.chunks import service as chunks


def issue_vouchers(message: queues.Message, context: Context) -> None:
    """Count or issue the chunk a message names."""
    chunks.work_chunk(context, str(message.body["batch_id"]), int(message.body["chunk"]))


def resume_issuance(context: Context) -> dict[str, int]:
    """Ask again for the chunks of batches that have not moved for a while (scheduled)."""
    return {"chunks": chunks.resume_stalled(context)}
