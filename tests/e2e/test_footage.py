"""Footage over real HTTP: what the store refuses, what registration flags, what the night finds."""

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from infra.demo.client import Answer, Caller, Service
from infra.demo.scene import PROJECT
from infra.local.films import film_of
from infra.local.people import make_person

pytestmark = pytest.mark.cloud

LESSON_SECONDS = 8 * 3600
FORGED = film_of(LESSON_SECONDS, "another")
HEARD_SECONDS = 20
_classes: list[dict[str, Any]] = []


def account(facts: dict[str, Any], role: str, division: str) -> str:
    return next(
        one["account"] for one in facts["accounts"] if (one["role"], one["division"]) == (role, division)
    )


def client(service: str, facts: dict[str, Any]) -> Any:
    return boto3.client(
        service,
        endpoint_url=facts["aws_endpoint_url"],
        region_name=facts["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@dataclass
class Film:
    """One lesson and those who deal with its footage."""

    service: Service
    school: Caller
    clerk: Caller
    supervisor: Caller
    lesson: dict[str, Any]
    bucket: str
    s3: Any
    facts: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/v1/lessons/{self.lesson['id']}/footage"

    @staticmethod
    def of(camera: str) -> bytes:
        """Give what a camera filmed of the whole lesson: other bytes than any other's."""
        return film_of(LESSON_SECONDS, camera)

    @property
    def ended(self) -> datetime:
        return datetime.fromisoformat(self.lesson["ends_at"]) + timedelta(minutes=1)

    def announce(self, camera: str, **changes: Any) -> Answer:
        """Announce what a camera filmed, once the lesson is over: it is weeks away."""
        content = self.of(camera)
        body = {
            "camera_id": camera,
            "started_at": self.lesson["starts_at"],
            "ended_at": self.lesson["ends_at"],
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "video/mp4",
        }
        self.service.clock = self.ended
        try:
            return self.school.post(self.path, body | changes)
        finally:
            self.service.clock = None

    def form(self, camera: str, **changes: Any) -> dict[str, Any]:
        return self.announce(camera, **changes).wanted["upload"]

    def segment(self, camera: str) -> dict[str, Any]:
        return next(one for one in self.clerk.get(self.path).wanted["segments"] if one["camera_id"] == camera)

    def heard(self, camera: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the notification of an upload has come through."""
        until = time.monotonic() + HEARD_SECONDS
        while not wanted(found := self.segment(camera)) and time.monotonic() < until:
            time.sleep(0.2)
        assert wanted(found), found
        return found

    def manifests(self) -> list[tuple[bytes, dict[str, Any]]]:
        under = f"lessons/{self.lesson['id']}/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=under).get("Contents", [])
        bodies = [
            self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
            for one in sorted(listed, key=lambda one: one["Key"])
        ]
        return [(body, json.loads(body)) for body in bodies]

    def reconcile(self) -> dict[str, Any]:
        later = self.ended + timedelta(hours=2)
        return self.service.invoke("reconcile_footage", {"now": later.isoformat()})

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Lose every notification."""
        events = client("events", self.facts)
        rule = next(
            one["Name"] for one in events.list_rules()["Rules"] if one["Name"].endswith("-register_footage")
        )
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)


@pytest.fixture
def film(facts: dict[str, Any], service: Service) -> Film:
    """Give a lesson of an approved class; nobody has to be on its roster to film it."""
    school = service.staff(account(facts, "institution", "340111"))
    clerk = service.staff(account(facts, "clerk", "3401"))
    if not _classes:
        _classes.append(_approved(school, clerk))
    s3 = client("s3", facts)
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    return Film(
        service,
        school,
        clerk,
        service.staff(account(facts, "supervisor", "3401")),
        _classes[0]["lessons"][0],
        next(name for name in buckets if "-evidence-" in name),
        s3,
        facts,
    )


def _approved(school: Caller, clerk: Caller) -> dict[str, Any]:
    first = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=60)
    trainer = make_person(777, today=first.date())
    lessons = [
        {
            "starts_at": (first + timedelta(days=n)).isoformat(),
            "ends_at": (first + timedelta(days=n, hours=8)).isoformat(),
            "hours": 8,
            "topic": "录像",
            "trainer": 0,
        }
        for n in range(5)
    ]
    made = school.post(
        "/v1/classes",
        {
            "project_id": PROJECT,
            "name": "录像班",
            "planned_size": 12,
            "site": {
                "name": "录像教室",
                "address": "合肥市蜀山区",
                "location": {"lng": 117.2272, "lat": 31.8206, "coord_system": "gcj02"},
            },
            "trainers": [{"name": trainer.name, "id_number": trainer.id_number, "qualification": "讲师"}],
            "lessons": lessons,
        },
    ).wanted
    path = f"/v1/classes/{made['id']}"
    sent = school.post(f"{path}/submit", {"version": made["version"]}).wanted
    return clerk.post(f"{path}/approve", {"version": sent["version"]}).wanted


def test_the_store_refuses_what_the_form_does_not_allow(film: Film) -> None:
    form = film.form("refused")
    fields = form["fields"]

    whole = film.of("refused")

    def post(content: bytes = whole, **changes: str) -> int:
        return film.service.post_form({"url": form["url"], "fields": fields | changes}, content)

    assert post(whole + b"!") == 400
    assert post(whole[:-1]) == 400
    assert post(**{"Content-Type": "video/avi"}) == 403
    assert post(key=fields["key"].replace("ftg_", "ftg_other")) == 403
    assert post(key="lessons/les_a/manifest-000001.json") == 403
    assert post(**{"x-amz-checksum-sha256": "A" * 43 + "="}) == 403
    assert post(**{"x-amz-meta-more": "x"}) == 403
    expired = film.s3.generate_presigned_post(film.bucket, fields["key"], ExpiresIn=1)
    time.sleep(1.5)
    assert film.service.post_form(expired, whole) == 403
    assert film.segment("refused")["status"] == "awaiting_upload"


def test_an_upload_is_registered_locked_and_told_in_the_manifest(film: Film) -> None:
    form = film.form("right")
    assert film.service.post_form(form, film.of("right")) == 204
    found = film.heard("right", lambda one: one["status"] == "stored")
    assert film.service.download(found["url"]) == film.of("right")
    told = _told(film, found["id"])
    lock = film.s3.get_object_retention(
        Bucket=film.bucket, Key=told["object_key"], VersionId=told["object_version"]
    )["Retention"]
    ends_at = datetime.fromisoformat(film.lesson["ends_at"])
    assert (lock["Mode"], lock["RetainUntilDate"].year) == ("GOVERNANCE", ends_at.year + 5)
    with pytest.raises(film.s3.exceptions.ClientError, match="AccessDenied"):
        film.s3.delete_object(Bucket=film.bucket, Key=told["object_key"], VersionId=told["object_version"])


def _told(film: Film, segment_id: str) -> dict[str, Any]:
    """Give what the last manifest says of a recording, and check the chain of manifests."""
    until = time.monotonic() + HEARD_SECONDS
    while time.monotonic() < until:
        told = film.manifests()
        named = {one["id"]: one for one in told[-1][1]["evidence"]["footage"]} if told else {}
        if named.get(segment_id, {}).get("status") not in (None, "awaiting_upload"):
            break
        time.sleep(0.2)
    for (body, _), (_, after) in itertools.pairwise(told):
        assert after["previous_sha256"] == hashlib.sha256(body).hexdigest()
    assert [one["number"] for _, one in told] == list(range(1, len(told) + 1))
    return named[segment_id]


def test_a_replaced_object_is_flagged_and_the_first_one_stays_what_is_seen(film: Film) -> None:
    form = film.form("replaced")
    assert film.service.post_form(form, film.of("replaced")) == 204
    film.heard("replaced", lambda one: one["status"] == "stored")
    assert film.service.post_form(form, FORGED) in (204, 400)  # AWS compares the checksum, the emulator not
    film.s3.put_object(Bucket=film.bucket, Key=form["fields"]["key"], Body=FORGED, ContentType="video/mp4")
    found = film.heard("replaced", lambda one: one["other_versions"] >= 1)
    assert found["status"] == "stored"
    assert film.service.download(found["url"]) == film.of("replaced")


@pytest.mark.parametrize(
    ("camera", "content", "content_type", "mismatch"),
    [
        ("wrong-bytes", Film.of("wrong-bytes")[:-1] + b"!", "video/mp4", "sha256"),
        ("wrong-size", Film.of("wrong-size") + b"!", "video/mp4", "size_bytes"),
        ("wrong-type", Film.of("wrong-type"), "video/avi", "content_type"),
    ],
)
def test_what_came_past_the_form_is_flagged_until_the_right_object_comes(
    film: Film, camera: str, content: bytes, content_type: str, mismatch: str
) -> None:
    form = film.form(camera)
    key = form["fields"]["key"]
    film.s3.put_object(Bucket=film.bucket, Key=key, Body=content, ContentType=content_type)
    found = film.heard(camera, lambda one: one["status"] == "mismatch")
    assert (found["mismatch"], found["url"]) == (mismatch, None)
    assert film.service.post_form(form, film.of(camera)) == 204
    found = film.heard(camera, lambda one: one["status"] == "stored")
    assert (found["mismatch"], found["other_versions"]) == (None, 1)


def test_a_lost_notification_is_found_by_the_night(film: Film) -> None:
    with film.unheard():
        forms = {camera: film.form(camera) for camera in ("lost", "lost-wrong", "never")}
        assert film.service.post_form(forms["lost"], film.of("lost")) == 204
        film.s3.put_object(
            Bucket=film.bucket, Key=forms["lost-wrong"]["fields"]["key"], Body=FORGED, ContentType="video/mp4"
        )
        time.sleep(1)
        assert film.segment("lost")["status"] == "awaiting_upload"
        counts = film.reconcile()
    assert counts["stored"] >= 1
    assert counts["mismatch"] >= 1
    assert counts["missing"] >= 1
    statuses = {camera: film.segment(camera)["status"] for camera in forms}
    assert statuses == {"lost": "stored", "lost-wrong": "mismatch", "never": "missing"}
    assert film.reconcile()["looked_at"] == 0
    assert film.announce("never").wanted["status"] == "awaiting_upload"


def test_a_legal_hold_keeps_what_is_there_and_what_comes_until_it_is_released(film: Film) -> None:
    assert film.service.post_form(film.form("held"), film.of("held")) == 204
    film.heard("held", lambda one: one["status"] == "stored")
    assert film.clerk.post(f"{film.path}/hold", {"reason": "核查"}).status == 403
    assert film.supervisor.post(f"{film.path}/hold", {"reason": "核查"}).wanted["held"] is True
    assert film.clerk.get(film.path).wanted["hold"]["reason"] == "核查"
    assert film.school.get(film.path).wanted["hold"] is None
    assert film.service.post_form(film.form("held-later"), film.of("held-later")) == 204
    film.heard("held-later", lambda one: one["status"] == "stored")
    assert _holds(film) == {"ON"}
    assert film.supervisor.post(f"{film.path}/release", {"reason": "核查完毕"}).wanted["held"] is False
    assert _holds(film) == {"OFF"}
    history = _history(film)
    assert {"footage.hold", "footage.release", "personal_data.open"} <= {one["action"] for one in history}
    looks = [one for one in history if one["reason"] == "footage.watch"]
    assert {one["role"] for one in looks} == {"clerk"}


def _holds(film: Film) -> set[str]:
    """Give how every version of the lesson's uploads is held; manifests are awaited, not counted."""
    prefix = f"footage/{_classes[0]['id']}/{film.lesson['id']}/"
    versions = film.s3.list_object_versions(Bucket=film.bucket, Prefix=prefix)["Versions"]
    return {
        film.s3.get_object_legal_hold(Bucket=film.bucket, Key=one["Key"], VersionId=one["VersionId"])[
            "LegalHold"
        ]["Status"]
        for one in versions
    }


def _history(film: Film) -> list[dict[str, Any]]:
    until = time.monotonic() + HEARD_SECONDS
    while True:
        found = film.supervisor.every("/v1/audit", subject=film.lesson["id"])
        if any(one["action"] == "footage.release" for one in found) or time.monotonic() > until:
            return found
        time.sleep(0.3)
