"""HTTP of cancelling a class."""

from chalicelib.classes.cancellation import service
from chalicelib.classes.showing.answers import ClassAnswer, class_answer
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Comment, Form, Reason, Version
from chalicelib.edge.http import Api

api = Api(__name__)


class CancelBody(Form):
    """A cancellation, with its reason as `reason` or `comment`."""

    version: Version
    reason: Reason | None = None
    comment: Comment | None = None


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/cancel",
    action="class.cancel",
    body=CancelBody,
    answer=ClassAnswer,
    summary="Cancel a class and release its vouchers",
)
def cancel(call: Call[CancelBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    reason = body.reason or body.comment
    shown = service.cancel_class(call.context, class_id, version=body.version, comment=reason)
    return class_answer(call, shown)
