"""The nine steps of the notice through the client that openapi-python-client made of the document.

Run by `infra.contract.steps` in the environment of that client: what it needs to know of the stack comes as
JSON on standard input.
"""

# mypy: ignore-errors

import hashlib
import importlib
import json
import random
import sys
import time
import typing
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import voucher_client
from voucher_client.types import UNSET, File

MODULES = {
    path.stem: f"voucher_client.api.{path.parent.name}.{path.stem}"
    for path in Path(voucher_client.__file__).parent.glob("api/*/*.py")
}
CAST = json.load(sys.stdin)
NOW = datetime.fromisoformat(CAST["now"])
LESSONS, HOURS = 5, 8


class Caller:
    """Calls operations by their names; bodies are made with the generated models, answers read by them."""

    def __init__(self, token: str | None = None) -> None:
        self.now = NOW
        self._token = token

    def call(self, operation: str, *, body: Any = UNSET, or_none: bool = False, **parameters: Any) -> Any:
        module = importlib.import_module(MODULES[operation])
        if isinstance(body, dict):
            kinds = typing.get_type_hints(module._get_kwargs)["body"]
            kinds = typing.get_args(kinds) or (kinds,)
            body = next(kind for kind in kinds if hasattr(kind, "from_dict")).from_dict(body)
        client = self._client()
        given = parameters if body is UNSET else {"body": body, **parameters}
        answer = module.sync_detailed(client=client, **given)
        if or_none and answer.status_code == 404:
            return None
        assert answer.status_code < 300, f"{operation}: {answer.status_code} {answer.content.decode()[:900]}"
        return answer.parsed

    def _client(self) -> Any:
        settings = {
            "base_url": CAST["api_url"],
            "raise_on_unexpected_status": True,
            "timeout": httpx.Timeout(60),
        }
        if self._token is None:
            client = voucher_client.Client(**settings)
        else:
            client = voucher_client.AuthenticatedClient(token=self._token, **settings)
        return client.with_headers({"X-Local-Now": self.now.isoformat()})


def signed_in(**grant: Any) -> Caller:
    return Caller(Caller().call("sign_in", body=grant).access_token)


def staff(role: str, nth: int = 0) -> Caller:
    account = CAST["accounts"][role][nth]
    return signed_in(grant_type="password", **account)


def upload(form: Any, content: bytes) -> None:
    fields = form.to_dict()["fields"]
    answer = httpx.post(form.url, data=fields, files={"file": content}, timeout=60)
    assert answer.status_code == 204, answer.text


def wait(read: Any, *wanted: str) -> Any:
    for _ in range(300):
        seen = read()
        if str(seen.status) in wanted:
            return seen
        time.sleep(0.3)
    raise AssertionError(f"still {seen.status}")


class Steps:
    """The nine steps in their order; each leaves on it what the next ones need."""

    def look(self) -> None:
        """Find the program, an institution and the keys of the service."""
        self.anyone = Caller()
        self.program = next(
            one for one in self.anyone.call("list_programs").items if one.name == CAST["program"]
        )
        assert self.anyone.call("list_exchange_keys").keys
        said("1 exchange: the program and the service's keys are there")

        self.school, self.clerk, self.province = map(staff, ("institution", "clerk", "province"))
        uscc = CAST["accounts"]["institution_of"]
        self.place = self.anyone.call("read_institution", uscc=uscc)
        assert self.anyone.call("search_institutions", project=CAST["project"], limit=3).items
        said("2 catalogue: an institution and its projects")

    def issue(self) -> None:
        """Send a list, propose a batch of it, have a second person approve it."""
        sheet = CAST["list"].encode()
        digest = hashlib.sha256(sheet).hexdigest()
        body = {"kind": "graduates", "filename": "a.csv", "size_bytes": len(sheet), "sha256": digest}
        announced = self.province.call("announce_import", body=body)
        upload(announced.upload, sheet)
        ready = wait(lambda: self.province.call("read_import", import_id=announced.id), "ready", "failed")
        assert (str(ready.status), ready.valid) == ("ready", len(CAST["holders"])), ready
        batch = {"import_id": ready.id, "declared_count": ready.valid}
        proposed = self.province.call("propose_issuance_batch", program_id=self.program.id, body=batch)
        at = {"program_id": self.program.id, "batch_id": proposed.id}
        staff("province", 1).call("approve_issuance_batch", **at, body={"version": proposed.version})
        issued = wait(lambda: self.province.call("read_issuance_batch", **at), "issued")
        said(f"3 issue: {issued.issued} vouchers")

    def redeem(self) -> None:
        """Claim with the card, scan at the counter."""
        self.cards = [
            signed_in(grant_type="social_card", assertion=one["assertion"]) for one in CAST["holders"]
        ]
        self.vouchers = [card.call("list_vouchers").items[0] for card in self.cards]
        for card, voucher in zip(self.cards, self.vouchers, strict=True):
            assert str(card.call("claim_voucher", voucher_id=voucher.id, body={}).status) == "claimed"
        said("4 claim")

        self.enrolments = []
        for card, voucher in zip(self.cards, self.vouchers, strict=True):
            token = card.call("show_voucher_qr", voucher_id=voucher.id).token
            seen = self.school.call("verify_voucher", body={"token": token, "project_id": CAST["project"]})
            assert seen.redeemable, seen
            scan = {"token": token, "project_id": CAST["project"], "nonce": uuid.uuid4().hex}
            scan |= {"device_id": "counter-1", "happened_at": NOW.isoformat()}
            self.enrolments.append(self.school.call("redeem_voucher", body=scan))
            assert self.school.call("redeem_voucher", body=scan).id == self.enrolments[-1].id
        said(f"5 redeem: {len(self.enrolments)} enrolled")

    def open_class(self) -> None:
        """Apply for a class; put its roster as a sheet."""
        first = NOW + timedelta(days=12)
        self.location = self.place.location.to_dict()
        lessons = [
            {
                "starts_at": (first + timedelta(days=day)).isoformat(),
                "ends_at": (first + timedelta(days=day, hours=HOURS)).isoformat(),
                "hours": HOURS,
                "topic": f"第{day + 1}讲",
                "trainer": 0,
            }
            for day in range(LESSONS)
        ]
        plan = {
            "project_id": CAST["project"],
            "name": "客户端班",
            "planned_size": len(self.cards),
            "site": {"name": CAST["room"], "address": self.place.address, "location": self.location},
            "trainers": [CAST["trainer"]],
            "lessons": lessons,
        }
        self.draft = self.school.call("create_class", body=plan, idempotency_key=uuid.uuid4().hex)
        filed = self.school.call("submit_class", class_id=self.draft.id, body={"version": self.draft.version})
        self.approved = self.clerk.call(
            "approve_class", class_id=self.draft.id, body={"version": filed.version}
        )
        said(f"6 class: {self.approved.status}")

        rows = "\n".join(["姓名,身份证号", *(f"{one['name']},{one['id_number']}" for one in CAST["holders"])])
        put = self.school.call(
            "replace_roster",
            class_id=self.draft.id,
            body=File(payload=rows.encode()),
            version=self.approved.version,
        )
        assert put.accepted == len(self.cards), put
        said(f"7 roster: {put.accepted} by csv")

    def attend(self) -> None:
        """Check in at every lesson, and film it."""
        for nth_lesson, lesson in enumerate(self.approved.lessons):
            for nth, card in enumerate(self.cards):
                card.now = lesson.starts_at - timedelta(minutes=20, seconds=random.randrange(600))
                came = {"kind": "in", "nonce": uuid.uuid4().hex}
                came |= {"device_id": f"phone-{self.enrolments[nth].id[-12:]}"}
                came |= {"happened_at": card.now.isoformat(), "location": phone_near(self.location)}
                assert str(card.call("check_in", lesson_id=lesson.id, body=came).outcome) == "accepted"
            self.school.now = lesson.ends_at + timedelta(minutes=5)
            film = Path(CAST["films"][nth_lesson]).read_bytes()
            footage = {"camera_id": "camera-1", "size_bytes": len(film), "content_type": "video/mp4"}
            footage |= {"sha256": hashlib.sha256(film).hexdigest()}
            footage |= {"started_at": lesson.starts_at.isoformat(), "ended_at": lesson.ends_at.isoformat()}
            upload(self.school.call("announce_footage", lesson_id=lesson.id, body=footage).upload, film)
        said("8 attend: check-ins and footage of every lesson")

    def complete(self) -> None:
        """End the class, mark it, declare what is payable."""
        self.school.now = self.clerk.now = self.school.now + timedelta(hours=1)
        version = self.school.call("read_class", class_id=self.draft.id).version
        applied = self.school.call("submit_completion", class_id=self.draft.id, body={"version": version})
        done = self.clerk.call(
            "approve_completion", class_id=self.draft.id, body={"version": applied.version}
        )
        marks = [
            {"enrolment_id": one.id, "theory": random.randrange(62, 98), "practice": random.randrange(62, 98)}
            for one in self.enrolments
        ]
        self.school.call(
            "record_scores", class_id=self.draft.id, body={"version": done.version, "rows": marks}
        )
        payable = self.school.call("read_payability", class_id=self.draft.id)
        declared = {"declared_count": payable.count, "declared_amount_fen": payable.amount_fen}
        self.claim = self.school.call("submit_subsidy_claim", class_id=self.draft.id, body=declared)

    def pay(self) -> None:
        """Review, reserve, publish, settle, pay."""
        reviewer, finance, second = staff("reviewer"), staff("finance"), staff("finance", 1)
        reviewer.now = finance.now = second.now = self.school.now
        claim = {"claim_id": self.claim.id}
        reviewed = self.clerk.call("review_subsidy_claim", **claim, body={"version": self.claim.version})
        year = self.school.now.year
        place_of = {"division": CAST["city"], "year": str(year)}
        budget = {"program_id": self.program.id, "appropriated_fen": self.claim.amount_fen}
        old = finance.call("read_budget", **place_of, program_id=self.program.id, or_none=True)
        if old is not None:
            budget["appropriated_fen"] += old.appropriated_fen
            budget["version"] = old.version
        finance.call("put_budget", **place_of, body=budget)
        reviewer.call("approve_subsidy_claim", **claim, body={"version": reviewed.version})
        finance.now = second.now = finance.now + timedelta(days=25)
        sealed = finance.call("seal_settlement_batches", body={})
        ours = sealed.items[0]
        finance.call("export_settlement_batch", batch_id=ours.id, body={})
        lines = finance.call("read_settlement_batch", batch_id=ours.id).lines
        results = [
            {
                "line_id": line.line_id,
                "status": "paid",
                "amount_fen": line.amount_fen,
                "paid_on": finance.now.date().isoformat(),
                "bank_reference": f"R-{nth}",
            }
            for nth, line in enumerate(lines)
        ]
        applied = second.call("record_payment_results", batch_id=ours.id, body={"results": results})
        assert (applied.applied, applied.refused) == (len(lines), []), applied
        said(f"9 pay: {applied.applied} lines, {self.claim.amount_fen} fen claimed")


def phone_near(place: Any) -> Any:
    """Say where a phone is: never twice at the same point, as no phone is; supervision looks for those."""
    here = {name: place[name] + random.gauss(0, 0.00008) for name in ("lng", "lat")}
    return {**place, **here, "accuracy_m": random.randrange(8, 25)}


def said(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


steps = Steps()
for step in (
    steps.look,
    steps.issue,
    steps.redeem,
    steps.open_class,
    steps.attend,
    steps.complete,
    steps.pay,
):
    step()
