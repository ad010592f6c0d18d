"""HTTP of footage."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.attendance.check_ins.routes import Moment, Visible
from chalicelib.attendance.footage import parts, service
from chalicelib.attendance.footage.model import FOOTAGE_BYTES_MAX, FootageStatus, LegalHold, Mismatch, Segment
from chalicelib.edge.endpoints import Call, Empty, NoQuery, ReasonBody
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api

api = Api(__name__)


Digest = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")]
PARTS_AT_ONCE = 100
Address = Annotated[str, Meta(min_length=12, max_length=500, pattern=r"^[\x21-\x7e]+$(?!\n)")]


class FootageRequest(Form):
    """A recording to upload; `sha256` in hexadecimal."""

    camera_id: Visible
    started_at: Moment
    ended_at: Moment
    size_bytes: Annotated[int, Meta(ge=1, le=FOOTAGE_BYTES_MAX)]
    sha256: Digest
    content_type: Literal["video/mp4", "video/x-matroska", "video/matroska"]


class ExternalRequest(Form):
    """A recording that stays on a monitoring platform named in the policy; `sha256` in hexadecimal."""

    camera_id: Visible
    started_at: Moment
    ended_at: Moment
    url: Address
    sha256: Digest
    size_bytes: Annotated[int, Meta(ge=1)] | None = None


class UploadAnswer(Answer):
    """A form to post the file with: every field, then the file as `file`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AnnouncedAnswer(Answer):
    """An announced recording; `upload` is null once it is stored, or where it does not count.

    `mismatch` is `duplicate` where another recording has these very bytes. Else the file is posted by the
    form, or in parts (`send_footage_parts`); what became of it, `read_footage` tells soon after it arrived.
    """

    id: str
    status: FootageStatus
    mismatch: Mismatch | None
    upload: UploadAnswer | None


class PartRequest(Form):
    """A part that is to be sent now; `sha256` of its bytes in hexadecimal."""

    number: Annotated[int, Meta(ge=1, le=10_000)]
    sha256: Digest


class PartsRequest(Form):
    """The parts that are to be sent now; none asks what has arrived, and begins the upload."""

    parts: Annotated[list[PartRequest], Meta(max_length=PARTS_AT_ONCE)]


class PartLinkAnswer(Answer):
    """Where to PUT the bytes of a part, with exactly these headers (and the length that any client sends).

    A part that was not taken, or whose link is over, is asked for again; what arrived stays for three days.
    """

    number: int
    url: str
    headers: dict[str, str]
    expires_at: datetime


class PartsAnswer(Answer):
    """A recording in parts: each has `part_bytes`, the last what is left; `arrived` names those that came.

    Once all `count` have arrived, `complete_footage` puts them together.
    """

    id: str
    status: FootageStatus
    part_bytes: int
    count: int
    arrived: list[int]
    links: list[PartLinkAnswer]


class PutTogetherAnswer(Answer):
    """A recording whose parts were put together: `stored` once S3 has reported it and it is right."""

    id: str
    status: FootageStatus


class SegmentAnswer(Answer):
    """A recording; `url` is for bureaus: signed once it is stored, the platform's if it is external.

    It has to be a film that plays, mp4 or mkv, as long as was announced: from `started_at` to `ended_at`,
    give or take a minute (of one shorter than five, a fifth of it) or a twentieth, whichever is more.
    `mismatch` names why it does not count: what differs from the announcement (`size_bytes`,
    `content_type`, `sha256`), or `unplayable`, `hollow` (its head tells of pictures that are not in it: cut
    off, overwritten, or none), `length` (not the announced one), `too_small` for its length (less than
    2 kbit/s), `duplicate` (another recording has these very bytes; bureaus see which in `duplicate_of`).
    `container`, `codec` and `length_seconds` are what it says of itself; `other_versions` counts what else
    was put in its place, before or after: links and the digest are of the one version that was registered.
    """

    id: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int | None
    sha256: str
    content_type: str | None
    status: FootageStatus
    mismatch: Mismatch | None
    duplicate_of: str | None
    container: str | None
    codec: str | None
    length_seconds: int | None
    other_versions: int
    registered_at: datetime | None
    url: str | None


class HoldAnswer(Answer):
    """The legal hold on a lesson's footage."""

    lesson_id: str
    held: bool
    since: datetime
    reason: str | None


class GapAnswer(Answer):
    """A part of the lesson that no footage shows."""

    started_at: datetime
    ended_at: datetime


class FootageAnswer(Answer):
    """The recordings of a lesson; `hold` is shown to bureaus."""

    segments: list[SegmentAnswer]
    coverage: float
    gaps: list[GapAnswer]
    hold: HoldAnswer | None


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
        mismatch=announced.segment.mismatch,
        upload=None
        if form is None
        else UploadAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at),
    )


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage/{footage_id}/parts",
    action="footage.write",
    body=PartsRequest,
    answer=PartsAnswer,
    summary="Begin or resume a recording in parts: links to send some, and what has arrived",
)
def send_footage_parts(call: Call[PartsRequest, NoQuery], lesson_id: str, footage_id: str) -> PartsAnswer:
    wanted = [parts.WantedPart(part.number, part.sha256.lower()) for part in call.body.parts]
    return _parted(parts.send_parts(call.context, lesson_id, footage_id, wanted))


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/footage/{footage_id}/parts",
    action="footage.write",
    answer=PartsAnswer,
    summary="Which parts of a recording have arrived",
)
def read_footage_parts(call: Call[None, NoQuery], lesson_id: str, footage_id: str) -> PartsAnswer:
    return _parted(parts.show_parts(call.context, lesson_id, footage_id))


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage/{footage_id}/complete",
    action="footage.write",
    body=Empty,
    answer=PutTogetherAnswer,
    summary="Put the parts of a recording together, once all have arrived",
)
def complete_footage(call: Call[Empty, NoQuery], lesson_id: str, footage_id: str) -> PutTogetherAnswer:
    segment = parts.put_together(call.context, lesson_id, footage_id)
    return PutTogetherAnswer(id=segment.id, status=segment.status)


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage/external",
    action="footage.write",
    body=ExternalRequest,
    answer=SegmentAnswer,
    status_code=201,
    summary="Refer to a recording on a provincial monitoring platform",
)
def refer_to_footage(call: Call[ExternalRequest, NoQuery], lesson_id: str) -> SegmentAnswer:
    body = call.body
    reference = service.ExternalRecording(
        camera_id=body.camera_id,
        started_at=body.started_at,
        ended_at=body.ended_at,
        url=body.url,
        sha256=body.sha256.lower(),
        size_bytes=body.size_bytes,
    )
    referred = service.refer_to_footage(call.context, lesson_id, reference)
    return _segment(referred, None, to_bureau=call.context.principal.is_bureau)


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage/hold",
    action="footage.hold",
    body=ReasonBody,
    answer=HoldAnswer,
    summary="Put a lesson's footage under legal hold",
)
def hold_footage(call: Call[ReasonBody, NoQuery], lesson_id: str) -> HoldAnswer:
    return _hold(service.hold_footage(call.context, lesson_id, reason=call.body.reason, held=True))


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/footage/release",
    action="footage.hold",
    body=ReasonBody,
    answer=HoldAnswer,
    summary="Release a lesson's footage from legal hold",
)
def release_footage(call: Call[ReasonBody, NoQuery], lesson_id: str) -> HoldAnswer:
    return _hold(service.hold_footage(call.context, lesson_id, reason=call.body.reason, held=False))


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/footage",
    action="footage.read",
    answer=FootageAnswer,
    summary="Recordings of a lesson, what they show of it, and the gaps",
)
def read_footage(call: Call[None, NoQuery], lesson_id: str) -> FootageAnswer:
    shown = service.show_footage(call.context, lesson_id)
    return FootageAnswer(
        segments=[
            _segment(segment, shown.urls.get(segment.id), to_bureau=call.context.principal.is_bureau)
            for segment in shown.segments
        ],
        coverage=float(shown.coverage),
        gaps=[GapAnswer(started_at=start, ended_at=end) for start, end in shown.gaps],
        hold=_hold(shown.hold) if shown.hold is not None else None,
    )


def _parted(recording: parts.PartedRecording) -> PartsAnswer:
    segment = recording.segment
    return PartsAnswer(
        id=segment.id,
        status=segment.status,
        part_bytes=recording.part_bytes,
        count=recording.count,
        arrived=list(recording.arrived),
        links=[
            PartLinkAnswer(
                number=link.number, url=link.url, headers=dict(link.headers), expires_at=link.expires_at
            )
            for link in recording.links
        ],
    )


def _hold(hold: LegalHold) -> HoldAnswer:
    return HoldAnswer(lesson_id=hold.lesson_id, held=hold.held, since=hold.since, reason=hold.reason)


def _segment(segment: Segment, url: str | None, *, to_bureau: bool) -> SegmentAnswer:
    return SegmentAnswer(
        id=segment.id,
        camera_id=segment.camera_id,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
        size_bytes=segment.size_bytes,
        sha256=segment.sha256,
        content_type=segment.content_type,
        status=segment.status,
        mismatch=segment.mismatch,
        duplicate_of=segment.duplicate_of if to_bureau else None,
        container=segment.container,
        codec=segment.codec,
        length_seconds=segment.length_seconds,
        other_versions=len(segment.other_versions or []),
        registered_at=segment.registered_at,
        url=url,
    )
