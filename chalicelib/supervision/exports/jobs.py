"""The worker that makes exports of records."""

from chalicelib.aws.queues import Message
from chalicelib.kernel.principal import Context
from chalicelib.supervision.exports import service


def make_exports(message: Message, context: Context) -> None:
    """Make the export that a message names."""
    service.make_export(context, str(message.body["export_id"]))
