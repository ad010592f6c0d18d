"""HTTP of cancelling a class."""

from chalicelib.classes.cancellation import service
from chalicelib.classes.showing.answers import ClassAnswer, class_answer
from chalicelib.edge.endpoints import AnswerKind, Call, NoQuery, Reply, VersionBody, VersionReason
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
    also=(AnswerKind(ClassAnswer, 202),),
    summary="Cancel a class and release its vouchers; 202 once it has begun: an application to do so",
)
def cancel_class(call: Call[CancelBody, NoQuery], class_id: str) -> Reply:
    body = call.body
    reason = body.reason or body.comment
    cancelled = service.cancel_class(call.context, class_id, version=body.version, comment=reason)
    return Reply(class_answer(call, cancelled.shown), 202 if cancelled.waits else 200)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/cancel/approve",
    action="class.approve_cancel",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Approve the cancellation of a class that has begun; its trainees get their days back",
)
def approve_cancellation(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.approve_cancellation(call.context, class_id, version=body.version, comment=body.comment)
    return class_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/cancel/refuse",
    action="class.refuse_cancel",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Refuse the cancellation of a class that has begun, with a reason: it goes on",
)
def refuse_cancellation(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.refuse_cancellation(call.context, class_id, version=body.version, reason=body.reason)
    return class_answer(call, shown)
