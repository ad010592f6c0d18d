"""A school's software, as a vendor would write it who has read /docs and /openapi.json and nothing else.

`School` is the vendor's: plain HTTP of the standard library, one class for the whole life of a training class.
What the world around it does (holders with their cards, the bureau) stands below, told by the demo's own client.
"""

import hashlib
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from rich.console import Console

from infra.demo.client import Caller, Service
from infra.demo.scene import PROJECT, Scene
from infra.demo.story import tell
from infra.local.films import film_of
from infra.local.people import PEOPLE_MAX, make_person
from tests.e2e.stack import Stack

pytestmark = pytest.mark.cloud

Json = dict[str, Any]
TRAINEES = 10
LESSONS = 5
KEY = "2026"
SCOPES = [
    "attendance.read",
    "class.read",
    "class.submit",
    "class.write",
    "completion.submit",
    "footage.write",
    "payability.read",
    "roster.write",
    "scan.redeem",
    "scan.verify",
    "scores.write",
    "subsidy_claim.read",
    "subsidy_claim.submit",
]
HOURS = 8
FIRST_FREE = 20
"""The first of the story's holders who claimed and did not redeem."""


# --------------------------------------------------------------------------- the vendor's software


class Problem(Exception):
    """An answer of type `application/problem+json`; `code` says what to do."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem['code']}: {problem['detail']} {problem.get('errors', '')}")
        self.status, self.code = status, problem["code"]


class School:
    """Speaks for one institution, by a key of its own; what it changes, it changes for `person`.

    `now` is the time travel of a local stack; a real one knows no such header.
    """

    def __init__(self, api: str, person: str) -> None:
        self.api, self.person = api, person
        self.id = ""
        self._key = ECKey.generate_key("P-256")
        self.now: datetime | None = None
        self._tokens: Json = {}
        self.lines_lost = 0

    # ----------------------------------------------------------------- transport

    def sign_in(self) -> Json:
        """Prove the key by another assertion each time, in form fields, as a library of OAuth 2.0 would."""
        server = self.get("/openapi.json")["servers"][0]["url"]
        issued_at = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": f"{server}/v1/auth/client-tokens",
            "iat": issued_at,
            "exp": issued_at + 120,
            "jti": uuid.uuid4().hex,
        }
        grant = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": KEY}, claims, self._key),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._tokens = self._once("POST", "/v1/auth/client-tokens", urlencode(grant).encode(), headers)
        return self._tokens

    @property
    def wish(self) -> Json:
        """What the school sends to `/v1/clients`: what the software is for, and its public key."""
        public_key = {**self._key.as_dict(private=False), "kid": KEY, "alg": "ES256"}
        return {
            "name": "教务系统",
            "purpose": "扫码、开班、花名册、录像、成绩与申领",
            "scopes": SCOPES,
            "public_key": public_key,
        }

    def get(self, path: str, **query: Any) -> Any:
        return self._once("GET", path + ("?" + urlencode(query) if query else ""), None, {})

    def post(self, path: str, body: Json) -> Any:
        """POST so that the line may break: the same key, so the second try has the first one's answer."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        lost = self._once("POST", path, _json(body), headers)
        self.lines_lost += 1
        again = self._once("POST", path, _json(body), headers)
        assert again == lost
        return again

    def put(self, path: str, body: Json) -> Any:
        return self._once("PUT", path, _json(body), {"Content-Type": "application/json"})

    def put_csv(self, path: str, rows: list[tuple[str, ...]], *, version: int) -> Any:
        sheet = "\r\n".join(",".join(row) for row in rows).encode("utf-8-sig")
        return self._once("PUT", f"{path}?version={version}", sheet, {"Content-Type": "text/csv"})

    def _once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        sent = {"Accept": "application/json", "Accept-Language": "en", **headers}
        if "access_token" in self._tokens and not path.startswith("/v1/auth"):
            sent["Authorization"] = f"Bearer {self._tokens['access_token']}"
            if method != "GET":
                sent["X-On-Behalf-Of"] = self.person
        if self.now is not None:
            sent["X-Local-Now"] = self.now.isoformat()
        request = urllib.request.Request(self.api + path, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise Problem(refused.code, json.load(refused)) from None

    # ----------------------------------------------------------------- the counter

    def redeem(self, token: str, project_id: str) -> Json:
        """Look at what a scan would do, then redeem; a repeat of the same nonce has the same answer."""
        seen = self.post("/v1/verifications", {"token": token, "project_id": project_id})
        assert seen["redeemable"], seen["reasons"]
        assert self.now is not None
        scan = {
            "token": token,
            "project_id": project_id,
            "nonce": uuid.uuid4().hex,
            "device_id": "counter-1",
            "happened_at": self.now.isoformat(),
        }
        headers = {"Content-Type": "application/json"}
        enrolment = self._once("POST", "/v1/enrolments", _json(scan), headers)
        assert self._once("POST", "/v1/enrolments", _json(scan), headers) == enrolment
        return dict(enrolment)

    # ----------------------------------------------------------------- the class

    def plan(self, project_id: str, first_lesson: datetime, trainer: Json) -> Json:
        """Draft a class in the institution's own place, with lessons on days in a row, and file it."""
        own = self.get(f"/v1/institutions/{self._tokens['institution']}")
        lessons = [
            {
                "starts_at": (first_lesson + timedelta(days=day)).isoformat(),
                "ends_at": (first_lesson + timedelta(days=day, hours=HOURS)).isoformat(),
                "hours": HOURS,
                "topic": f"第{day + 1}讲",
                "trainer": 0,
            }
            for day in range(LESSONS)
        ]
        draft = self.post(
            "/v1/classes",
            {
                "project_id": project_id,
                "name": "软件直报班",
                "planned_size": TRAINEES,
                "site": {"name": "直报教室", "address": own["address"], "location": own["location"]},
                "trainers": [trainer],
                "lessons": lessons,
            },
        )
        assert draft["warnings"] == []
        assert "submit" in draft["allowed_actions"]
        return dict(self.post(f"/v1/classes/{draft['id']}/submit", {"version": draft["version"]}))

    def film(self, lesson: Json, content: bytes) -> str:
        """Announce a recording, then send the form's fields in their order and the file last."""
        announced = self.post(
            f"/v1/lessons/{lesson['id']}/footage",
            {
                "camera_id": "camera-1",
                "started_at": lesson["starts_at"],
                "ended_at": lesson["ends_at"],
                "size_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "content_type": "video/mp4",
            },
        )
        form = announced["upload"]
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in form["fields"].items()
        ]
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="1.mp4"\r\n\r\n'.encode()
        body = b"".join([*parts, head, content, f"\r\n--{edge}--\r\n".encode()])
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        with urllib.request.urlopen(
            urllib.request.Request(form["url"], data=body, headers=headers)
        ) as answer:
            assert answer.status == 204
        return str(announced["id"])

    def change(self, class_id: str, verb: str) -> Json:
        """Do what a class allows now, on the version that it has now."""
        seen = self.get(f"/v1/classes/{class_id}")
        assert verb.replace("/", "_") in seen["allowed_actions"], seen["allowed_actions"]
        return dict(self.post(f"/v1/classes/{class_id}/{verb}", {"version": seen["version"]}))

    def claim(self, class_id: str) -> Json:
        """Declare exactly what is payable."""
        payable = self.get(f"/v1/classes/{class_id}/payability")
        body = {"declared_count": payable["count"], "declared_amount_fen": payable["amount_fen"]}
        return dict(self.post(f"/v1/classes/{class_id}/subsidy-claims", body))


def _json(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


# --------------------------------------------------------------------------- the world around it


def _check_in(card: Caller, service: Service, lesson: Json, place: Json, device: str) -> str:
    starts_at = datetime.fromisoformat(lesson["starts_at"])
    chance = random.Random(f"{lesson['id']} {device}")
    service.clock = starts_at - timedelta(minutes=20, seconds=chance.randrange(600))
    here = {name: place[name] + chance.gauss(0, 0.00008) for name in ("lng", "lat")}
    body = {
        "kind": "in",
        "location": {**place, **here, "accuracy_m": chance.randrange(8, 25), "mocked": False},
        "device_id": device,
        "nonce": uuid.uuid4().hex,
        "happened_at": service.clock.isoformat(),
    }
    return str(card.post(f"/v1/lessons/{lesson['id']}/check-ins", body).wanted["outcome"])


def _approve(scene: Scene, class_id: str, verb: str, at: datetime) -> None:
    clerk = scene.staff("clerk")
    scene.service.clock = at
    version = clerk.get(f"/v1/classes/{class_id}").wanted["version"]
    clerk.post(f"/v1/classes/{class_id}/{verb}", {"version": version}).wanted  # noqa: B018 - raises if refused


def test_a_school_integrated_from_the_documentation_alone_is_paid_for_whom_it_trained(
    facts: Json, quiet: Console, stack: Stack
) -> None:
    scene = tell(facts, quiet, chapters=5)
    account = next(one for one in facts["accounts"] if one["role"] == "institution")
    school = School(facts["api_url"], account["account"])
    with Service(facts) as world:
        told = Scene(world, scene.teller, scene.day)
        today = told.at(1, 14)
        world.clock = school.now = today
        wish = told.school.post("/v1/clients", school.wish).wanted
        school.id = wish["id"]
        confirmed = told.staff("clerk").post(f"/v1/clients/{school.id}/confirm", {"version": wish["version"]})
        assert confirmed.wanted["status"] == "active"
        signed = school.sign_in()
        assert (signed["role"], signed["institution"]) == ("institution", account["institution"])
        assert set(signed["scope"].split()) == set(SCOPES)

        holders = [one.person for one in scene.claimants[FIRST_FREE : FIRST_FREE + TRAINEES]]
        cards = [world.trainee(name=one.name, id_number=one.id_number) for one in holders]
        enrolled = []
        for card in cards:
            voucher = card.get("/v1/vouchers").wanted["items"][0]
            token = card.get(f"/v1/vouchers/{voucher['id']}/qr").wanted["token"]
            enrolled.append(school.redeem(token, PROJECT)["id"])
        assert len(set(enrolled)) == TRAINEES

        teacher = make_person(PEOPLE_MAX - 31)
        trainer = {"name": teacher.name, "id_number": teacher.id_number, "qualification": "互联网营销师二级"}
        filed = school.plan(PROJECT, told.at(12, 9), trainer)
        class_id = filed["id"]
        _approve(told, class_id, "approve", today + timedelta(hours=1))
        seen = school.get(f"/v1/classes/{class_id}")
        assert seen["status"] == "approved"
        rows = [("姓名", "身份证号"), *((one.name, one.id_number) for one in holders)]
        put = school.put_csv(f"/v1/classes/{class_id}/roster", rows, version=seen["version"])
        assert (put["accepted"], put["errors"]) == (TRAINEES, [])

        place = seen["site"]["location"]
        for lesson in seen["lessons"]:
            came = [
                _check_in(card, world, lesson, place, f"phone-{enrolled[nth][-12:]}")
                for nth, card in enumerate(cards)
            ]
            assert came == ["accepted"] * TRAINEES
            ends_at = datetime.fromisoformat(lesson["ends_at"])
            school.now = ends_at + timedelta(minutes=5)
            school.film(lesson, film_of(HOURS * 3600, lesson["id"]))
        attended = school.get(f"/v1/classes/{class_id}/attendance")["trainees"]
        assert {one["hours"] for one in attended} == {LESSONS * HOURS}
        school.now += timedelta(hours=1)

        school.change(class_id, "completion/submit")
        _approve(told, class_id, "completion/approve", school.now + timedelta(minutes=5))
        school.now += timedelta(minutes=10)
        version = school.get(f"/v1/classes/{class_id}")["version"]
        marks = [
            ("姓名", "身份证号", "理论成绩", "实操成绩"),
            *(
                (one.name, one.id_number, str(70 + nth), str(95 - 2 * nth))
                for nth, one in enumerate(holders[:-1])
            ),
            (holders[-1].name, holders[-1].id_number, "80", "12"),
        ]
        scored = school.put_csv(f"/v1/classes/{class_id}/scores", marks, version=version)
        assert (scored["passed"], scored["failed"]) == (TRAINEES - 1, 1)

        _claim(school, class_id, line_fen=scene.line_fen)
        assert school.lines_lost == TRAINEES + LESSONS + len(("draft", "submit", "completion", "claim"))


def _claim(school: School, class_id: str, *, line_fen: int) -> None:
    """Declare what is payable; what is not is refused by a code that software can act on."""
    with pytest.raises(Problem) as refused:
        school.post(
            f"/v1/classes/{class_id}/subsidy-claims", {"declared_count": 99, "declared_amount_fen": 1}
        )
    assert (refused.value.status, refused.value.code) == (422, "declared_totals_differ")
    claim = school.claim(class_id)
    assert (claim["status"], claim["count"], len(claim["lines"])) == (
        "submitted",
        TRAINEES - 1,
        TRAINEES - 1,
    )
    assert claim["amount_fen"] == (TRAINEES - 1) * line_fen
    assert school.get(f"/v1/subsidy-claims/{claim['id']}")["amount_fen"] == claim["amount_fen"]
