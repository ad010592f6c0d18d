"""HTTP of footage."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.attendance import footage_service as service
from chalicelib.attendance.footage_model import FOOTAGE_BYTES_MAX, FootageStatus, Segment
from chalicelib.attendance.routes import Moment, Visible
from chalicelib.aws.forms import Answer, Form, malformed
from chalicelib.aws.http import Api, Call, NoQuery
from chalicelib.kernel.errors import Fault

api = Api(__name__)


class FootageRequest(Form):
    """A recording to upload; `sha256` in hexadecimal."""

    camera_id: Visible
    started_at: Moment
    ended_at: Moment
    size_bytes: Annotated[int, Meta(ge=1, le=FOOTAGE_BYTES_MAX)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$")]
    content_type: Literal["video/mp4", "video/x-matroska", "video/matroska"]


class UploadAnswer(Answer):
    """A form to post the file with: every field, then the file as `file`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AnnouncedAnswer(Answer):
    """An announced recording; `upload` is null once it is stored."""

    id: str
    status: FootageStatus
    upload: UploadAnswer | None


class SegmentAnswer(Answer):
    """A recording; `url` is signed, for bureaus, once it is stored."""

    id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    sha256: str
    content_type: str
    status: FootageStatus
    url: str | None


class GapAnswer(Answer):
    """A part of the lesson that no stored footage shows."""

    started_at: datetime
    ended_at: datetime


class FootageAnswer(Answer):
    """The recordings of a lesson."""

    segments: list[SegmentAnswer]
    coverage: float
    gaps: list[GapAnswer]


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage",
    action="footage.write",
    body=FootageRequest,
    answer=AnnouncedAnswer,
    status_code=201,
    summary="Announce a recording and get the form to upload it",
)
def announce_footage(call: Call[FootageRequest, NoQuery], lesson_id: str) -> AnnouncedAnswer:
    body = call.body
    if body.ended_at <= body.started_at:
        raise malformed([Fault("wrong_type", field="ended_at")])
    announced = service.announce_footage(
        call.context,
        lesson_id,
        service.Recording(
            camera_id=body.camera_id,
            started_at=body.started_at,
            ended_at=body.ended_at,
            size_bytes=body.size_bytes,
            sha256=body.sha256.lower(),
            content_type=body.content_type,
        ),
    )
    form = announced.upload
    return AnnouncedAnswer(
        id=announced.segment.id,
        status=announced.segment.status,
        upload=None
        if form is None
        else UploadAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at),
    )


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/footage",
    action="footage.read",
    answer=FootageAnswer,
    summary="Recordings of a lesson, what they show of it, and the gaps",
)
def footage(call: Call[None, NoQuery], lesson_id: str) -> FootageAnswer:
    found = service.show_footage(call.context, lesson_id)
    return FootageAnswer(
        segments=[_segment(segment, found.urls.get(segment.id)) for segment in found.segments],
        coverage=float(found.coverage),
        gaps=[GapAnswer(started_at=start, ended_at=end) for start, end in found.gaps],
    )


def _segment(segment: Segment, url: str | None) -> SegmentAnswer:
    return SegmentAnswer(
        id=segment.id,
        camera_id=segment.camera_id,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        size_bytes=segment.size_bytes,
        sha256=segment.sha256,
        content_type=segment.content_type,
        status=segment.status,
        url=url,
    )
