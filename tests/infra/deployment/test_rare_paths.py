"""Paths that few days take, each walked by the function that takes it: its role is known to allow them.

A path that no test takes is refused on AWS when somebody takes it for the first time.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

import boto3
import msgspec

import app
from chalicelib.vouchers import store
from chalicelib.vouchers.expiry.service import PAGE
from chalicelib.vouchers.model import VoucherStatus
from infra.local.films import film_of
from tests.attendance.builders import room_under
from tests.classes.builders import Classroom
from tests.settlement.evaluated import evaluated
from tests.subsidies.scored import Money, scored_class

BUCKET = "voucher-test-evidence"
FILMS = {camera: film_of(8 * 3600, camera) for camera in ("cam-1", "cam-2")}


def test_a_refused_call_frees_its_key_so_that_a_repeat_is_decided_afresh(api: Any, world: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = {"account": "neu-clerk", "name": "新", "role": "clerk", "division": "3499"}
    body["id_number"] = world.person(1).id_number
    refused = api("province").post("/v1/accounts", body, headers=headers)
    assert refused.status >= 400
    again = api("province").post("/v1/accounts", {**body, "division": "3401"}, headers=headers)
    assert again.status == 201, again.text


def test_the_night_looks_again_at_attendance_in_doubt_of_a_class_under_an_earlier_policy(world: Any) -> None:
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 2, mocked={0}))
    room_under(world, 0)  # the policy has another version from now on
    money.wait()
    evaluated(money.now)
    app.settle_subsidies({"now": money.now.isoformat()}, None)
    world.cloud.work("settlement", app.seal_settlement)
    assert [line["status"] for line in money.read(claim)["lines"]] == ["held", "batched"]


def test_a_shard_of_more_than_a_page_is_gone_on_with_by_another_message(world: Any) -> None:
    claimed = store.read_voucher(world.voucher(world.person(1)))
    revoked = msgspec.structs.replace(claimed, status=VoucherStatus.REVOKED, version=1, last_change=None)
    copies = [
        msgspec.structs.replace(revoked, id=f"vch_copy{number:04d}", due_shard="00")
        for number in range(PAGE + 1)
    ]
    store.issue(copies, world.change)
    for queue, handler, days in (("expiry", app.expire_shard, 0), ("reminders", app.remind_shard, 7)):
        now = claimed.expires_at - timedelta(days=days)
        body = {"due_shard": "00", "days": days, "now": now.isoformat()}
        done = handler({"Records": [{"messageId": "m", "body": json.dumps(body)}]}, None)
        assert done == {"batchItemFailures": []}
        (following,) = world.cloud.messages(queue)
        assert (following["due_shard"], following["days"]) == ("00", days)
        assert following["after"] is not None


def _announced(room: Classroom, camera: str) -> str:
    body = {
        "camera_id": camera,
        "started_at": room.starts().isoformat(),
        "ended_at": (room.starts() + timedelta(hours=8)).isoformat(),
        "size_bytes": len(FILMS[camera]),
        "sha256": hashlib.sha256(FILMS[camera]).hexdigest(),
        "content_type": "video/mp4",
    }
    path = f"/v1/lessons/{room.lesson()['id']}/footage"
    return str(room.api("institution").post(path, body, at=room.ended()).json["upload"]["fields"]["key"])


def test_recordings_of_a_held_lesson_under_an_earlier_policy_are_held_by_whoever_finds_them(
    world: Any,
) -> None:
    room = Classroom(world).rostered(2)
    room_under(world, 0)
    hold = f"/v1/lessons/{room.lesson()['id']}/footage/hold"
    assert room.api("supervisor").post(hold, {"reason": "核查"}, at=room.ended()).status == 200
    s3 = boto3.client("s3")
    keys = [_announced(room, "cam-1"), _announced(room, "cam-2")]
    versions = [
        s3.put_object(Bucket=BUCKET, Key=key, Body=film, ContentType="video/mp4", ChecksumAlgorithm="SHA256")
        for key, film in zip(keys, FILMS.values(), strict=True)
    ]
    told = {"key": keys[0], "version-id": versions[0]["VersionId"]}
    now = {"now": room.ended().isoformat()}
    app.register_footage({"detail": {"bucket": {"name": BUCKET}, "object": told}, **now}, None)
    app.reconcile_footage({"now": (room.ended() + timedelta(days=3)).isoformat()}, None)
    for key, version in zip(keys, versions, strict=True):
        found = s3.head_object(Bucket=BUCKET, Key=key, VersionId=version["VersionId"])
        assert (found["ObjectLockMode"], found["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", "ON")
