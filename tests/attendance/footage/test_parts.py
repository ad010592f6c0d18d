"""Recordings in parts: begun, broken off, gone on with, put together, and read through for their digest."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from infra.local.films import film_of
from tests.attendance.footage.test_evidence import hear, only
from tests.attendance.summary.test_attendance_and_footage import BUCKET, announce, footage
from tests.classes.builders import Classroom

PART = 8 * 1024**2
FILM = film_of(8 * 3600, "in-parts", size_bytes=2 * PART + 1000)
LARGER = 33 * 1024**2
"""More than is read of what a form brought."""


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


@pytest.fixture
def announced(room):
    return announce(room, content=FILM)


def cut(film):
    return [film[at : at + PART] for at in range(0, len(film), PART)]


def send(room, announced, *numbers, film=FILM, who="institution", after="parts"):
    pieces = cut(film)
    parts = [
        {"number": number, "sha256": hashlib.sha256(pieces[number - 1]).hexdigest()} for number in numbers
    ]
    body = {"parts": parts} if after == "parts" else {}
    return room.api(who).post(f"{path_of(room, announced)}/{after}", body, at=room.ended())


def path_of(room, announced):
    return f"/v1/lessons/{room.lesson()['id']}/footage/{announced.json['id']}"


def arrived(room, announced):
    return room.api("institution").get(f"{path_of(room, announced)}/parts", at=room.ended()).json["arrived"]


def put(links, film=FILM):
    """Send parts as S3 takes them by their links."""
    s3 = boto3.client("s3", region_name="cn-north-1")
    for link in links:
        asked = parse_qs(urlsplit(link["url"]).query)
        part = cut(film)[link["number"] - 1]
        assert (
            link["headers"]["x-amz-checksum-sha256"]
            == base64.b64encode(hashlib.sha256(part).digest()).decode()
        )
        signed = set(asked["X-Amz-SignedHeaders"][0].split(";"))
        assert {"content-length", "x-amz-checksum-sha256"} <= signed, "these very bytes and no others"
        s3.upload_part(
            Bucket=BUCKET,
            Key=urlsplit(link["url"]).path.lstrip("/").removeprefix(f"{BUCKET}/"),
            UploadId=asked["uploadId"][0],
            PartNumber=link["number"],
            Body=part,
            ChecksumSHA256=link["headers"]["x-amz-checksum-sha256"],
        )


def reported(room, announced):
    s3 = boto3.client("s3", region_name="cn-north-1")
    key = announced.json["upload"]["fields"]["key"]
    return hear(room, key, s3.head_object(Bucket=BUCKET, Key=key)["VersionId"])


def test_a_recording_broken_off_goes_on_where_it_stopped(room, announced):
    begun = send(room, announced, 1)
    assert (begun.status, begun.json["count"], begun.json["part_bytes"]) == (200, 3, PART)
    put(begun.json["links"])
    assert arrived(room, announced) == [1]
    assert announce(room, content=FILM).json["id"] == announced.json["id"], (
        "after a reload: the same recording"
    )
    on = send(room, announced, 2, 3)
    assert on.json["arrived"] == [1]
    put(on.json["links"])
    assert send(room, announced, after="complete").status == 200
    assert send(room, announced, after="complete").status == 200, "its answer was lost"
    assert reported(room, announced) == "stored"
    assert only(room)["sha256"] == hashlib.sha256(FILM).hexdigest()
    assert arrived(room, announced) == [1, 2, 3]
    assert send(room, announced, after="complete").json["status"] == "stored"
    assert send(room, announced, 1).json["code"] == "footage_not_awaited"


def test_two_who_begin_at_once_send_to_one_upload(room, announced, monkeypatch):
    first, second = send(room, announced, 1), send(room, announced, 2)
    put([*first.json["links"], *second.json["links"]])
    assert arrived(room, announced) == [1, 2]


def test_what_has_not_arrived_is_counted_and_nothing_is_put_together(room, announced):
    assert send(room, announced, after="complete").json["code"] == "footage_parts_missing"
    put(send(room, announced, 1, 3).json["links"])
    refused = send(room, announced, after="complete")
    assert (refused.status, refused.json["code"]) == (409, "footage_parts_missing")
    assert "1 个分片" in refused.json["detail"]
    assert footage(room)["segments"][0]["status"] == "awaiting_upload"


def test_other_bytes_in_parts_are_a_mismatch_and_may_be_sent_anew(room, announced):
    other = FILM[:-1] + b"!"
    put(send(room, announced, 1, 2, 3, film=other).json["links"], other)
    send(room, announced, after="complete")
    assert reported(room, announced) == "mismatch"
    assert only(room)["mismatch"] == "sha256"
    put(send(room, announced, 1, 2, 3).json["links"])
    send(room, announced, after="complete")
    assert reported(room, announced) == "stored"


def test_more_than_a_form_would_be_believed_is_read_through(room):
    film = film_of(8 * 3600, "larger", size_bytes=LARGER)
    announced = announce(room, content=film)
    numbers = range(1, 6)
    put(send(room, announced, *numbers, film=film).json["links"], film)
    send(room, announced, after="complete", film=film)
    assert reported(room, announced) == "stored"


@pytest.mark.parametrize(
    ("numbers", "code"), [((4,), "part_unknown"), ((1, 1), "repeated_entry"), ((0,), "too_small")]
)
def test_parts_that_cannot_be_are_named(room, announced, numbers, code):
    parts = [{"number": number, "sha256": "0" * 64} for number in numbers]
    path = f"{path_of(room, announced)}/parts"
    refused = room.api("institution").post(path, {"parts": parts}, at=room.ended())
    assert refused.status == 400
    if code != "too_small":
        assert refused.json["errors"][0]["code"] == code


def test_parts_are_of_the_institution_that_announced_them(room, announced):
    assert send(room, announced, 1, who="institution_two").status == 404
    assert send(room, announced, 1, who="clerk").status == 403
    nowhere = {"parts": []}
    missing = f"/v1/lessons/{room.lesson()['id']}/footage/ftg_nowhere/parts"
    assert room.api("institution").post(missing, nowhere, at=room.ended()).status == 404
    elsewhere = f"/v1/lessons/{room.lesson(1)['id']}/footage/{announced.json['id']}/parts"
    assert room.api("institution").post(elsewhere, nowhere, at=room.ended()).status == 404


def test_a_recording_that_is_being_sent_is_not_called_missing(room, announced):
    from datetime import timedelta

    from tests.attendance.footage.test_evidence import reconcile

    room.api("institution").post(f"{path_of(room, announced)}/parts", {"parts": []}, at=room.ended())
    assert reconcile(room.ended() + timedelta(minutes=30))["looked_at"] == 0
