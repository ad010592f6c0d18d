"""Registrations of one lesson at the same time, on the local cloud: run by `make bench`."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from tests.attendance.summary.test_attendance_and_footage import BUCKET, announce, film_under
from tests.classes.builders import Classroom

CAMERAS = 24


@pytest.fixture
def announced(world):
    room = Classroom(world).approved()
    made = [announce(room, camera_id=f"cam-{number}") for number in range(CAMERAS)]
    s3 = boto3.client("s3", region_name="cn-north-1")
    events = []
    for one in made:
        key = one.json["upload"]["fields"]["key"]
        put = s3.put_object(Bucket=BUCKET, Key=key, Body=film_under(key), ContentType="video/mp4")
        told = {"key": key, "version-id": put["VersionId"]}
        events.append({"detail": {"bucket": {"name": BUCKET}, "object": told}})
    return room, events, s3


def test_the_last_manifest_holds_everything_however_registrations_meet(announced):
    from chalicelib.attendance.footage.jobs import register_footage
    from chalicelib.kernel.principal import system_context

    room, events, s3 = announced
    context = system_context("register_footage", now=room.ended(), request_id="req_race")
    with ThreadPoolExecutor(CAMERAS) as pool:  # each report comes twice
        statuses = list(pool.map(lambda event: register_footage(event, context)["status"], events * 2))
    assert set(statuses) == {"stored"}
    prefix = f"lessons/{room.lesson()['id']}/"
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)["Versions"]
    keys = sorted(one["Key"] for one in versions)
    assert len(set(keys)) == len(keys)  # none was written twice
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    told = [json.loads(body) for body in bodies]
    assert [one["number"] for one in told] == list(range(1, len(told) + 1))
    digests = [None, *(hashlib.sha256(body).hexdigest() for body in bodies)]
    assert [one["previous_sha256"] for one in told] == digests[:-1]
    last = told[-1]["evidence"]["footage"]
    assert {one["status"] for one in last} == {"stored"}
    assert {one["camera_id"] for one in last} == {f"cam-{number}" for number in range(CAMERAS)}
    stored = [sum(each["status"] == "stored" for each in one["evidence"]["footage"]) for one in told]
    assert stored == sorted(stored)
