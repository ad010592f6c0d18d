"""Attendance computed from the records, and footage (step 8)."""

import base64
import functools
import hashlib
from datetime import datetime, timedelta

import boto3
import pytest

from infra.local.films import film_of
from tests.classes.builders import Classroom

BUCKET = "voucher-test-evidence"
FILMED = timedelta(hours=10)
"""So long after a lesson began, all that can be its recordings is over."""


@functools.cache
def film(camera="cam-1", number=0, start=0, end=480):
    """Give the film of a camera at a lesson, from a minute to a minute."""
    return film_of((end - start) * 60, f"{camera} {number} {start}")


FILM = film()
_films: dict[str, bytes] = {}
"""What was announced, by the recording's id."""


def film_under(key):
    """Give the film that was announced under an object's name."""
    return _films[key.rpartition("/")[2].partition(".")[0]]


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def attendance(room, at=None, who="clerk"):
    answer = room.api(who).get(f"/v1/classes/{room.id}/attendance", at=at or room.ended())
    assert answer.status == 200, answer.text
    return answer.json


def announce(room, start=0, end=480, content=None, who="institution", number=0, at=None, **changes):
    if content is None:
        content = film(changes.get("camera_id", "cam-1"), number, start, max(end, start + 1))
    first = room.starts(number)
    body = {
        "camera_id": "cam-1",
        "started_at": (first + timedelta(minutes=start)).isoformat(),
        "ended_at": (first + timedelta(minutes=end)).isoformat(),
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content_type": "video/mp4",
    } | changes
    path = f"/v1/lessons/{room.lesson(number)['id']}/footage"
    answer = room.api(who).post(path, body, at=at or room.starts(number) + FILMED)
    if answer.status == 201:
        _films[answer.json["id"]] = content
    return answer


def upload(room, announced, content=None, **checksum):
    """Put the object as S3 would from the form, and tell the service as EventBridge would."""
    from chalicelib.attendance.footage.jobs import register_footage
    from chalicelib.kernel.principal import system_context

    key = announced.json["upload"]["fields"]["key"]
    content = film_under(key) if content is None else content
    s3 = boto3.client("s3", region_name="cn-north-1")
    checksum = checksum or {"ChecksumAlgorithm": "SHA256"}
    s3.put_object(Bucket=BUCKET, Key=key, Body=content, ContentType="video/mp4", **checksum)
    event = {"detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": len(content)}}}
    context = system_context("register_footage", now=room.ended(), request_id="req_test")
    return register_footage(event, context)["status"]


def footage(room, who="clerk"):
    answer = room.api(who).get(f"/v1/lessons/{room.lesson()['id']}/footage", at=room.ended())
    assert answer.status == 200, answer.text
    return answer.json


# ------------------------------------------------------------------------------------------ attendance


def test_attendance_is_hours_share_and_a_mark_for_each_lesson(room):
    come, _ = room.people
    for number in range(4):
        late = timedelta(minutes=5 if number == 3 else -5)
        assert room.check_in(come, number, at=room.starts(number) + late).status == 201
    summary = attendance(room)
    by_enrolment = {trainee["enrolment_id"]: trainee for trainee in summary["trainees"]}
    first, second = (by_enrolment[enrolment["id"]] for enrolment in room.enrolments)
    assert (first["hours"], first["required_hours"], first["share"]) == (32, 40, 0.8)
    assert list(first["marks"].values()) == ["present", "present", "present", "late", "absent"]
    assert list(first["marks"]) == [lesson["id"] for lesson in room.json["lessons"]]
    assert (second["hours"], second["share"], set(second["marks"].values())) == (0, 0, {"absent"})
    assert [lesson["hours"] for lesson in summary["lessons"]] == [8] * 5


def test_lessons_to_come_have_no_mark_yet(room):
    room.check_in(room.people[0])
    early = attendance(room, at=room.starts())
    marks = [list(trainee["marks"].values()) for trainee in early["trainees"]]
    assert sorted(marks) == [[], ["present"]]


def test_a_rough_position_does_not_count_and_a_mocked_one_holds(room):
    room.check_in(room.people[0], location={"accuracy_m": 500})
    room.check_in(room.people[1], location={"mocked": True})
    trainees = {trainee["enrolment_id"]: trainee for trainee in attendance(room)["trainees"]}
    rough, mocked = (trainees[enrolment["id"]] for enrolment in room.enrolments)
    lesson = room.lesson()["id"]
    assert (rough["marks"][lesson], rough["hours"], rough["holds"]) == ("needs_review", 0, [])
    assert (mocked["marks"][lesson], mocked["hours"], mocked["holds"]) == ("present", 8, ["mock_location"])


def test_leaving_early_shows_and_counts_unless_the_policy_wants_check_outs(room):
    person = room.people[0]
    room.check_in(person)
    room.check_in(person, kind="out", at=room.starts() + timedelta(hours=1))
    trainees = {trainee["enrolment_id"]: trainee for trainee in attendance(room)["trainees"]}
    trainee = trainees[room.enrolments[0]["id"]]
    assert (trainee["marks"][room.lesson()["id"]], trainee["hours"]) == ("left_early", 8)


def test_attendance_is_for_the_institution_and_its_bureaus(room, api):
    path = f"/v1/classes/{room.id}/attendance"
    assert api("institution").get(path).status == api("supervisor").get(path).status == 200
    assert api("institution_two").get(path).status == api("clerk_wuhu").get(path).status == 404
    assert api(room.people[0]).get(path).status == 403


# ------------------------------------------------------------------------------------------ footage


def test_footage_is_announced_uploaded_registered_and_seen_by_bureaus(room):
    announced = announce(room)
    assert (announced.status, announced.json["status"]) == (201, "awaiting_upload")
    fields = announced.json["upload"]["fields"]
    assert fields["key"].startswith(f"footage/{room.id}/{room.lesson()['id']}/")
    assert base64.b64decode(fields["x-amz-checksum-sha256"]) == hashlib.sha256(FILM).digest()
    assert footage(room)["coverage"] == 0
    assert upload(room, announced) == "stored"
    assert upload(room, announced) == "stored"
    seen = footage(room)
    assert (seen["coverage"], seen["gaps"]) == (1, [])
    assert seen["segments"][0]["url"].startswith("https://")
    assert footage(room, "institution")["segments"][0]["url"] is None
    lesson = attendance(room)["lessons"][0]
    assert (lesson["coverage"], lesson["footage_seconds"]) == (1, 8 * 3600)


def test_the_same_recording_announced_again_is_the_same_segment(room):
    first, again = announce(room), announce(room)
    assert first.json["id"] == again.json["id"]
    upload(room, first)
    assert announce(room).json == {
        "id": first.json["id"],
        "status": "stored",
        "mismatch": None,
        "upload": None,
    }
    assert announce(room, camera_id="cam-2").json["id"] != first.json["id"]


def test_another_file_than_announced_is_a_mismatch_until_the_right_one_comes(room):
    announced = announce(room)
    assert upload(room, announced, FILM + b"!") == "mismatch"
    assert upload(room, announced, b"x" * len(FILM)) == "mismatch"
    assert (footage(room)["segments"][0]["status"], footage(room)["coverage"]) == ("mismatch", 0)
    assert upload(room, announced) == "stored"


def test_an_object_of_which_the_store_kept_no_digest_is_read(room):
    announced = announce(room)
    assert upload(room, announced, b"x" * len(FILM), Metadata={}) == "mismatch"
    assert upload(room, announced, Metadata={}) == "stored"


def test_coverage_is_the_union_of_what_is_stored_within_the_lesson(room):
    for start, end in ((-30, 60), (30, 120), (240, 360), (470, 540)):
        upload(room, announce(room, start, end))
    announce(room, 120, 240)  # never uploaded
    seen = footage(room)
    begins = room.starts()
    minutes = [
        tuple((datetime.fromisoformat(gap[name]) - begins).total_seconds() / 60 for name in gap)
        for gap in seen["gaps"]
    ]
    assert minutes == [(120, 240), (360, 470)]
    assert seen["coverage"] == pytest.approx(250 / 480, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"content_type": "video/avi"}, 400),
        ({"size_bytes": 5 * 1024**3 + 1}, 400),
        ({"size_bytes": 0}, 400),
        ({"sha256": "ab"}, 400),
        ({"sha256": "G" * 64}, 400),
        ({"start": 10, "end": 10}, 400),
        ({"start": 20, "end": 10}, 400),
        ({"start": -121}, 422),
        ({"end": 601}, 422),
        ({"who": "institution_two"}, 404),
        ({"who": "clerk"}, 403),
    ],
)
def test_footage_that_cannot_be_is_refused(room, changes, status):
    assert announce(room, **changes).status == status


def test_footage_needs_an_approved_class(world):
    answer = announce(Classroom(world))
    assert (answer.status, answer.json["code"]) == (409, "class_not_approved")


@pytest.mark.parametrize("key", ["x", "footage/a/b", "footage/cls_a/les_a/ftg_a.mp4", "other/a/b/c"])
def test_events_of_other_objects_are_ignored(cloud, world, key):
    from chalicelib.attendance.footage.jobs import register_footage
    from chalicelib.kernel.principal import system_context

    context = system_context("register_footage", now=world.now, request_id="req_test")
    for bucket in (BUCKET, "elsewhere"):
        event = {"detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}}
        assert register_footage(event, context) == {"status": "ignored"}
    assert register_footage({}, context) == {"status": "ignored"}


def test_who_withdrew_keeps_their_own_history(room):
    room.attend(0, lessons=2).attend(1)
    path = f"/v1/enrolments/{room.enrolments[0]['id']}/withdraw"
    assert room.api("institution").post(path, {"reason": "就业"}, at=room.ended()).status == 200
    gone = room.people[0]
    own = room.api(gone).get(f"/v1/classes/{room.id}/attendance/own", at=room.ended())
    assert own.status == 200, own.text
    (mine,) = own.json["trainees"]
    assert (mine["enrolment_id"], mine["hours"]) == (room.enrolments[0]["id"], 16)
    assert [item["id"] for item in room.api(gone).get("/v1/classes", at=room.ended()).json["items"]] == [
        room.id
    ]
    assert room.api(gone).get(f"/v1/classes/{room.id}", at=room.ended()).json["allowed_actions"] == []
    stranger = room.api(room.world.person(77))
    assert stranger.get(f"/v1/classes/{room.id}/attendance/own", at=room.ended()).status == 404
    assert [trainee["enrolment_id"] for trainee in attendance(room)["trainees"]] == [room.enrolments[1]["id"]]
