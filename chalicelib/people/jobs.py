"""Work behind imports: a file has arrived; a list is to be validated."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.people import imports


def receive_upload(event: Mapping[str, Any], context: Context) -> None:
    """Take an EventBridge "Object Created" event of the intake bucket."""
    imports.receive_upload(context, unquote_plus(event["detail"]["object"]["key"]))


def process_import(message: queues.Message, context: Context) -> None:
    """Validate the list a message names."""
    imports.validate_import(context, str(message.body["import_id"]))
