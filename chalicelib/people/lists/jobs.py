"""Work behind imports: a file has arrived; a step of a list is to be done."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.people.lists import service, work


def receive_upload(event: Mapping[str, Any], context: Context) -> None:
    """Take an EventBridge "Object Created" event of the intake bucket."""
    service.receive_upload(context, unquote_plus(event["detail"]["object"]["key"]))


def resume_imports(context: Context) -> dict[str, int]:
    """Ask again for the missing work of lists that have stood still for a while (scheduled)."""
    return {"imports": work.resume_stalled(context)}


def process_import(message: queues.Message, context: Context) -> None:
    """Do the step of a list that a message names."""
    body = message.body
    work.do(context, str(body["import_id"]), work.WorkStep(body["work"]), int(body["chunk"]))
