"""HTTP of closing a class for which nothing is paid."""

from chalicelib.classes.model import ClassStatus
from chalicelib.edge.endpoints import Call, NoQuery, VersionReason
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.subsidies.lapsing.service import close_unpayable

api = Api(__name__)


class ClosedClass(Answer):
    """A class for which nothing will be paid."""

    id: str
    status: ClassStatus
    version: int


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/close",
    action="class.close",
    body=VersionReason,
    answer=ClosedClass,
    summary="Close a scored class in which nobody is payable, with its vouchers",
)
def close_class(call: Call[VersionReason, NoQuery], class_id: str) -> ClosedClass:
    body = call.body
    closed = close_unpayable(call.context, class_id, version=body.version, reason=body.reason)
    return ClosedClass(id=closed.id, status=closed.status, version=closed.version)
