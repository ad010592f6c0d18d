"""What has classes evaluated: the consumer of changes, the queue's worker, and the nightly job."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws import queues
from chalicelib.aws.logs import log_failure
from chalicelib.aws.parking import Batch
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import parse_moment
from chalicelib.kernel.principal import Context
from chalicelib.supervision.evaluations import asking, service
from chalicelib.supervision.evaluations.changes import class_changed, is_enrolment, is_urgent
from chalicelib.supervision.nightly import service as nightly


def watch_changes(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Have the classes evaluated that a batch of changes touches, each once; note phones of who enrolled.

    Raises:
        RecordsUndone: it could not be asked for; the batch comes again, and asking again is harmless.

    """
    batch = Batch(event, "watch_changes")
    changes = list(batch.changes())
    told_at = max((row.change.at for row in changes if row.change is not None), default=context.now)
    believed = queues.since_told(context, told_at)
    soon = {class_id for change in changes if (class_id := class_changed(change)) is not None}
    at_once = {class_changed(change) or "" for change in changes if is_urgent(change)} - {""}
    enrolled = {str((change.after or {}).get("person_key")) for change in changes if is_enrolment(change)}
    asked = 0
    try:
        if enrolled:
            service.note_phones(believed, enrolled)
        asked = service.touch_classes(believed, soon - at_once, at_once=at_once)
    except Exception as error:  # noqa: BLE001 - whatever it is, the batch comes again
        log_failure("touch_undone", error)
        batch.undone += [change.sequence for change in changes]
    batch.finish(now=context.now)
    return {"changes": len(changes), "asked": asked}


def evaluate_classes(message: queues.Message, context: Context) -> None:
    """Evaluate the class that a message names, ask for those of a list, or report or keep what it says."""
    body = message.body
    if "asked_at" in body and "class_id" in body:
        asking.evaluate_asked(context, str(body["class_id"]), parse_moment(str(body["asked_at"])))
    elif "class_id" in body:
        service.evaluate_class(context, str(body["class_id"]))
    elif "touched" in body:
        service.ask_for_touched(context, str(body["touched"]), body.get("after"))
    elif "due" in body:
        told = body.get("asked_at")  # those of the program before told no moment
        at = parse_moment(told) if isinstance(told, str) else None
        service.ask_for_due(context, str(body["due"]), at=at)
    elif "missed" in body:
        asking.report_missed(context, [str(class_id) for class_id in body["missed"]])
    elif "figures" in body:
        nightly.keep_figures(context, str(body["figures"]))
    else:
        queue = str(body["waiting"])
        _, after = service.evaluate_waiting(context, queue, body.get("after"))
        if after is not None:
            again = {"waiting": queue, "after": dict(after)}
            queues.send(settings().supervision_queue_url, [again], now=context.now)


def evaluate_day(context: Context) -> dict[str, int]:
    """Have evaluated what the day touched, what is due, and what waits (nightly, before sealing)."""
    return service.begin_night(context)
