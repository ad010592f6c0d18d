"""HTTP of completion."""

from chalicelib.classes.completion import service
from chalicelib.classes.showing.answers import ClassAnswer, class_answer
from chalicelib.edge.endpoints import Call, NoQuery, VersionBody, VersionReason
from chalicelib.edge.http import Api

api = Api(__name__)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/submit",
    action="completion.submit",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Apply for completion",
)
def submit_completion(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.submit_completion(call.context, class_id, version=body.version, comment=body.comment)
    return class_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/approve",
    action="completion.approve",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Approve the completion",
)
def approve_completion(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.approve_completion(call.context, class_id, version=body.version, comment=body.comment)
    return class_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/return",
    action="completion.return",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Return the completion application with a reason",
)
def return_completion(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.return_completion(call.context, class_id, version=body.version, reason=body.reason)
    return class_answer(call, shown)
