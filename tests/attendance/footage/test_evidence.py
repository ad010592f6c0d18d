"""Registration by version, retention, legal hold, manifests, external references, reconciliation."""

import hashlib
import json
from datetime import timedelta

import boto3
import msgspec
import pytest

from tests.attendance.summary.test_attendance_and_footage import (
    BUCKET,
    FILM,
    FILMED,
    announce,
    attendance,
    film_under,
    footage,
    upload,
)
from tests.classes.builders import Classroom

HOUR = timedelta(hours=1)
URL = "https://monitor.example/cam/1.mp4"


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


@pytest.fixture
def s3():
    return boto3.client("s3", region_name="cn-north-1")


def key_of(announced):
    return announced.json["upload"]["fields"]["key"]


def put(s3, key, content=None, content_type="video/mp4"):
    content = film_under(key) if content is None else content
    answer = s3.put_object(
        Bucket=BUCKET, Key=key, Body=content, ContentType=content_type, ChecksumAlgorithm="SHA256"
    )
    return answer["VersionId"]


def hear(room, key, version):
    """Tell the service of one version, as EventBridge would."""
    from chalicelib.attendance.footage.jobs import register_footage
    from chalicelib.kernel.principal import system_context

    context = system_context("register_footage", now=room.ended(), request_id="req_test")
    created = {"key": key, "version-id": version}
    return register_footage({"detail": {"bucket": {"name": BUCKET}, "object": created}}, context)["status"]


def reconcile(at):
    from chalicelib.attendance.footage.jobs import reconcile_footage
    from chalicelib.kernel.principal import system_context

    return reconcile_footage(system_context("reconcile_footage", now=at, request_id="req_test"))


def manifests(room, s3):
    prefix = f"lessons/{room.lesson()['id']}/"
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in listed]


def only(room, who="clerk"):
    (segment,) = footage(room, who)["segments"]
    return segment


def act(room, verb, who="supervisor", at=None):
    path = f"/v1/lessons/{room.lesson()['id']}/footage/{verb}"
    return room.api(who).post(path, {"reason": "核查"}, at=at or room.ended())


# ------------------------------------------------------------------------------------------ versions


def test_a_second_upload_is_flagged_and_the_registered_version_stays_linked(room, s3):
    announced = announce(room)
    first = put(s3, key_of(announced))
    assert hear(room, key_of(announced), first) == "stored"
    second = put(s3, key_of(announced), b"x" * len(FILM))
    for _ in range(2):  # delivered twice
        assert hear(room, key_of(announced), second) == "stored"
    seen = only(room)
    assert (seen["status"], seen["other_versions"]) == ("stored", 1)
    assert f"versionId={first}" in seen["url"]


def test_reports_in_the_wrong_order_store_the_right_version(room, s3):
    announced = announce(room)
    wrong, right = put(s3, key_of(announced), b"x" * len(FILM)), put(s3, key_of(announced))
    assert hear(room, key_of(announced), right) == "stored"
    assert hear(room, key_of(announced), wrong) == "stored"
    assert (only(room)["other_versions"], f"versionId={right}" in only(room)["url"]) == (1, True)


def test_a_report_delivered_again_changes_nothing(room, s3):
    announced = announce(room)
    version = put(s3, key_of(announced), FILM + b"!")
    assert hear(room, key_of(announced), version) == "mismatch"
    before = only(room), manifests(room, s3)
    assert hear(room, key_of(announced), version) == "mismatch"
    assert (only(room), manifests(room, s3)) == before
    assert before[0]["mismatch"] == "size_bytes"


def test_another_type_than_announced_is_a_mismatch(room, s3):
    announced = announce(room)
    assert hear(room, key_of(announced), put(s3, key_of(announced), content_type="text/html")) == "mismatch"
    assert only(room)["mismatch"] == "content_type"


# ------------------------------------------------------------------------------------------ locks


def test_what_was_handed_in_is_locked_for_the_policys_years_from_the_recording(room, s3):
    announced = announce(room)
    for content in (FILM + b"!", FILM):
        version = put(s3, key_of(announced), content)
        hear(room, key_of(announced), version)
        stored = s3.head_object(Bucket=BUCKET, Key=key_of(announced), VersionId=version)
        assert stored["ObjectLockMode"] == "GOVERNANCE"
        assert stored["ObjectLockRetainUntilDate"].year == room.starts().year + 5


def test_a_held_lesson_holds_what_is_there_and_what_comes(room, s3):
    def held(announced, version):
        stored = s3.head_object(Bucket=BUCKET, Key=key_of(announced), VersionId=version)
        return stored.get("ObjectLockLegalHoldStatus", "OFF")

    first, second = announce(room), announce(room, camera_id="cam-2")
    before = put(s3, key_of(first))
    assert hear(room, key_of(first), before) == "stored"
    assert act(room, "release").json["code"] == "footage_not_held"
    answer = act(room, "hold")
    assert (answer.status, answer.json["held"], answer.json["reason"]) == (200, True, "核查")
    after = put(s3, key_of(second))
    hear(room, key_of(second), after)
    assert (held(first, before), held(second, after)) == ("ON", "ON")
    last = max(item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="lessons/")["Contents"])
    assert s3.head_object(Bucket=BUCKET, Key=last)["ObjectLockLegalHoldStatus"] == "ON"
    assert act(room, "hold", at=room.ended() + HOUR).json == answer.json
    assert footage(room)["hold"] == answer.json
    assert footage(room, "institution")["hold"] is None
    assert act(room, "release").json["held"] is False
    assert (held(first, before), held(second, after), footage(room)["hold"]) == ("OFF", "OFF", None)
    assert act(room, "release").status == 200
    assert act(room, "hold", at=room.ended() + HOUR).json["held"] is True


def test_only_supervisors_of_the_area_and_the_province_hold(room):
    statuses = {who: act(room, "hold", who).status for who in ("clerk", "institution", "province")}
    assert statuses == {"clerk": 403, "institution": 403, "province": 200}


# ------------------------------------------------------------------------------------------ manifests


def test_manifests_tell_the_evidence_each_with_the_digest_of_the_one_before(room, s3):
    room.check_in(room.people[0])
    room.check_in(room.people[1], location={"accuracy_m": 500})
    for camera in ("cam-1", "cam-2"):
        upload(room, announce(room, camera_id=camera))
    first, second = manifests(room, s3)
    older, newer = json.loads(first), json.loads(second)
    assert (older["number"], older["previous_sha256"]) == (1, None)
    assert (newer["number"], newer["previous_sha256"]) == (2, hashlib.sha256(first).hexdigest())
    evidence = newer["evidence"]
    assert evidence["check_ins"] == {"came": 2, "went": 0, "needs_review": 1}
    assert (evidence["class_id"], evidence["lesson_id"]) == (room.id, room.lesson()["id"])
    assert {(each["camera_id"], each["status"]) for each in evidence["footage"]} == {
        ("cam-1", "stored"),
        ("cam-2", "stored"),
    }
    for each in evidence["footage"]:
        body = s3.get_object(Bucket=BUCKET, Key=each["object_key"], VersionId=each["object_version"])
        assert hashlib.sha256(body["Body"].read()).hexdigest() == each["sha256"]
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="lessons/")["Contents"]
    assert {s3.head_object(Bucket=BUCKET, Key=each["Key"])["ObjectLockMode"] for each in listed} == {
        "COMPLIANCE"
    }
    for person in room.people:
        assert person.name.encode() not in second
        assert person.id_number.encode() not in second


def test_a_writer_that_finds_its_number_taken_writes_the_next_with_everything(room, s3):
    """Another registration wrote in between: here, before the second's number was known."""
    from chalicelib.attendance.footage import manifest as footage_manifest
    from chalicelib.classes.service import read_class

    upload(room, announce(room))
    next_key = footage_manifest.key_of(room.lesson()["id"], 2)
    other = msgspec.json.decode(manifests(room, s3)[0])
    other |= {"number": 2, "previous_sha256": hashlib.sha256(manifests(room, s3)[0]).hexdigest()}
    other["evidence"]["footage"] = []
    s3.put_object(Bucket=BUCKET, Key=next_key, Body=msgspec.json.encode(other))
    footage_manifest.write(read_class(room.id), room.lesson()["id"])
    third = json.loads(manifests(room, s3)[-1])
    assert (third["number"], len(third["evidence"]["footage"])) == (3, 1)
    assert third["previous_sha256"] == hashlib.sha256(manifests(room, s3)[1]).hexdigest()
    footage_manifest.write(read_class(room.id), room.lesson()["id"])
    assert len(manifests(room, s3)) == 3


# ------------------------------------------------------------------------------------------ external


def refer(room, who="institution", **changes):
    body = {
        "camera_id": "platform-7",
        "started_at": room.starts().isoformat(),
        "ended_at": (room.starts() + 4 * HOUR).isoformat(),
        "url": URL,
        "sha256": "A" * 64,
    }
    path = f"/v1/lessons/{room.lesson()['id']}/footage/external"
    return room.api(who).post(path, body | changes, at=room.ended())


@pytest.fixture
def watched(world, api):
    """Give a class under a policy that names a monitoring platform."""
    program = api().get(f"/v1/programs/{world.program_id}").json
    policy = program["policy"] | {"external_footage_hosts": ["monitor.example"]}
    changed = api("province").post(
        f"/v1/programs/{world.program_id}/policy", {"version": program["version"], "policy": policy}
    )
    assert changed.status == 201, changed.text
    return Classroom(world).rostered(2)


def test_a_reference_to_a_listed_platform_counts_and_stands_in_the_manifest(watched, s3):
    referred = refer(watched)
    assert (referred.status, referred.json["status"], referred.json["url"]) == (201, "external", None)
    assert refer(watched).json == referred.json
    seen = footage(watched)
    assert (seen["coverage"], seen["segments"][0]["url"]) == (0.5, URL)
    assert footage(watched, "institution")["segments"][0]["url"] is None
    (body,) = manifests(watched, s3)
    listed = json.loads(body)["evidence"]["footage"][0]
    assert (listed["url"], listed["sha256"], listed["status"]) == (URL, "a" * 64, "external")
    lesson = attendance(watched)["lessons"][0]
    assert [gap["ended_at"] for gap in lesson["gaps"]] == [lesson["ends_at"]]


@pytest.mark.parametrize(
    ("changes", "status", "code", "fault"),
    [
        ({"url": "https://elsewhere.example/1.mp4"}, 422, "external_host_unknown", None),
        ({"url": "http://monitor.example/1.mp4"}, 400, "malformed", "external_url_unfit"),
        ({"url": URL + "?token=1"}, 400, "malformed", "external_url_unfit"),
        ({"ended_at": "2026-01-01T00:00:00Z"}, 400, "malformed", "ends_before_start"),
        ({"who": "institution_two"}, 404, "not_found", None),
        ({"who": "clerk", "url": "http://x.example/1.mp4"}, 403, "forbidden", None),
    ],
)
def test_an_unfit_reference_is_refused_with_its_reason(watched, changes, status, code, fault):
    answer = refer(watched, **changes)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert [problem["code"] for problem in answer.json.get("errors", [])] == ([fault] if fault else [])


def test_by_default_no_platform_is_listed(room):
    assert refer(room).json["code"] == "external_host_unknown"


# ------------------------------------------------------------------------------------------ looking


def test_who_gets_links_is_recorded_once_a_request(room):
    from chalicelib.accounts.disclosures.store import AccessRow

    def looks():
        return [row.record for row in AccessRow.query(room.lesson()["id"])]

    announced = announce(room)
    footage(room)
    assert looks() == []
    upload(room, announced)
    upload(room, announce(room, camera_id="cam-2"))
    footage(room, "institution")
    assert looks() == []
    footage(room)
    footage(room, "supervisor")
    assert [(look.purpose, look.items, look.division) for look in looks()] == [
        ("footage.watch", 2, "340111")
    ] * 2
    assert {look.last_change.role for look in looks()} == {"clerk", "supervisor"}


# ------------------------------------------------------------------------------------------ the night


def test_the_night_registers_what_is_there_and_marks_what_is_not(room, s3):
    at = room.starts() + FILMED
    there, wrong, never = (announce(room, camera_id=name) for name in ("there", "wrong", "never"))
    put(s3, key_of(there), b"x" * len(FILM))
    put(s3, key_of(there))
    put(s3, key_of(wrong), FILM + b"!")
    assert reconcile(at + HOUR)["looked_at"] == 0  # an upload may still be under way
    counts = reconcile(at + 2 * HOUR)
    assert counts == {"looked_at": 3, "left": 0, "stored": 1, "mismatch": 1, "missing": 1}
    statuses = {segment["camera_id"]: segment["status"] for segment in footage(room)["segments"]}
    assert statuses == {"there": "stored", "wrong": "mismatch", "never": "missing"}
    assert reconcile(at + 3 * HOUR)["looked_at"] == 0
    assert hear(room, key_of(never), put(s3, key_of(never))) == "stored"


def test_a_recording_announced_again_is_looked_for_again(room, s3):
    announced = announce(room)
    assert reconcile(room.starts() + FILMED + 2 * HOUR)["missing"] == 1
    again = announce(room)
    assert (again.json["id"], again.json["status"]) == (announced.json["id"], "awaiting_upload")
    put(s3, key_of(again))
    assert reconcile(room.starts() + FILMED + 2 * HOUR)["stored"] == 1


def test_a_failure_of_one_recording_does_not_stop_the_others_and_is_told(room, s3):
    from chalicelib.attendance.footage.registration import Unreconciled
    from chalicelib.attendance.footage.store import SegmentRow

    broken, sound = announce(room), announce(room, number=1)
    put(s3, key_of(broken))
    put(s3, key_of(sound))
    row = SegmentRow.get(room.id, broken.json["id"])
    row.update(actions=[SegmentRow.ended_at.remove()])
    with pytest.raises(Unreconciled, match="1 of 2"):
        reconcile(room.starts(1) + FILMED + 2 * HOUR)
    assert SegmentRow.get(room.id, sound.json["id"]).status == "stored"


def test_a_lesson_takes_no_more_recordings_than_its_limit(room):
    from chalicelib.attendance.footage.model import SEGMENTS_MAX
    from chalicelib.attendance.footage.store import SegmentRow

    first = announce(room)
    row = SegmentRow.get(room.id, first.json["id"])
    with SegmentRow.batch_write() as batch:
        for number in range(SEGMENTS_MAX - 1):
            copy = msgspec.structs.replace(row.record, id=f"{row.id[:-6]}{number:06d}")
            batch.save(SegmentRow.from_record(copy))
    refused = announce(room, camera_id="one-more")
    assert (refused.status, refused.json["code"]) == (409, "footage_too_many")
    assert announce(room).status == 201


def test_a_manifest_that_nobody_could_write_is_written_in_the_night(room, s3):
    """The recording had left the list of what is due before its manifest was there, so it never came.

    Films of four minutes are read by one range, whatever of them is drawn: the calls are the same each time.
    """
    from tests.proof.network import DROPPED, Network

    announced = announce(room, end=4)
    version = put(s3, key_of(announced))
    network = Network(None)
    with network.watched() as calls:
        register = hear_until(room, key_of(announced), version)
    assert register == "stored"
    first_manifest = calls.index("s3.ListObjectsV2") + 1
    other = announce(room, end=4, camera_id="cam-2")
    version = put(s3, key_of(other))
    with network.watched({first_manifest: DROPPED}):
        assert hear_until(room, key_of(other), version) is None
    told = len(manifests(room, s3))
    assert footage(room)["segments"][1]["status"] == "stored"
    assert reconcile(room.ended() + timedelta(days=1))["stored"] == 1
    assert len(manifests(room, s3)) == told + 1
    assert reconcile(room.ended() + timedelta(days=2))["looked_at"] == 0


def hear_until(room, key, version):
    """Tell the service of a version; None if it could not do it."""
    from chalicelib.kernel.errors import Unavailable

    try:
        return hear(room, key, version)
    except Unavailable:
        return None


def test_a_reference_whose_manifest_could_not_be_written_is_told_in_the_night(world, s3):
    from tests.attendance.builders import room_under
    from tests.proof.network import DROPPED, Network

    room = room_under(world, 2, external_footage_hosts=["monitor.example"])
    times = {
        "started_at": room.starts().isoformat(),
        "ended_at": (room.starts() + HOUR).isoformat(),
        "sha256": "c" * 64,
        "size_bytes": 1700,
    }
    path = f"/v1/lessons/{room.lesson()['id']}/footage/external"

    def refer(camera):
        return room.api("institution").post(path, {"camera_id": camera, "url": URL, **times}, at=room.ended())

    network = Network(None)
    with network.watched() as calls:
        assert refer("cam-1").status == 201
    told = len(manifests(room, s3))
    times["sha256"] = "d" * 64
    with network.watched({calls.index("s3.ListObjectsV2") + 1: DROPPED}):
        assert refer("cam-2").status == 503
    assert len(manifests(room, s3)) == told
    assert reconcile(room.ended() + timedelta(days=1))["external"] == 1
    assert len(manifests(room, s3)) == told + 1
