"""One world with a real thing behind every path id, and a request for every endpoint.

A request that would change something has a body which is refused after the area was looked at
(a version far ahead, totals that differ), or is harmless to repeat.
"""

from dataclasses import dataclass, field
from typing import Any

FAR = 999_999
VERSION = {"version": FAR}
REASON = {"reason": "测试"}
VERSION_REASON = VERSION | REASON
COUNTY = "340111"
CITY = "3401"


@dataclass(frozen=True)
class Owner:
    """Whose a thing is."""

    division: str | None = None
    institution: str | None = None
    person_key: str | None = None


def _announced_footage(world: Any, class_id: Any, lesson_id: Any) -> str:
    """Announce a recording of a lesson; nothing of it has come."""
    from chalicelib.attendance.footage import store
    from chalicelib.attendance.footage.model import FootageStatus, Segment, segment_id_of
    from tests.support.people import HEFEI_SCHOOL

    footage_id = segment_id_of(lesson_id, digest="0" * 64)
    announced = Segment(
        class_id=class_id,
        id=footage_id,
        lesson_id=lesson_id,
        division=COUNTY,
        institution=HEFEI_SCHOOL,
        camera_id="cam",
        started_at=world.now,
        ended_at=world.later(minutes=5),
        sha256="0" * 64,
        status=FootageStatus.AWAITING_UPLOAD,
        announced_at=world.now,
        size_bytes=1000,
        content_type="video/mp4",
        object_key=f"footage/{class_id}/{lesson_id}/{footage_id}.mp4",
    )
    return store.announce(announced, world.change).id


@dataclass(frozen=True)
class Case:
    """A request: `owner` of what its path or query names; None where it names nothing of anybody's.

    A `listing` narrows what bureaus see by its query; trainees and institutions get their own.
    `outside` is the code that people outside the area get.
    """

    path: str
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    listing: bool = False
    outside: str = "not_found"


@dataclass(frozen=True)
class RightsWorld:
    """Requests by endpoint, and the ids that must never reach anyone outside their owner's area."""

    cases: dict[tuple[str, str], Case]
    secrets: dict[str, tuple[Owner, ...]]
    holder: Any
    other_person: Any


def _proposed_payee(world: Any, money: Any) -> str:
    """Propose another account for the school; give its id."""
    from tests.support.people import HEFEI_SCHOOL

    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    version = money.ok(world.api("clerk").get(path, at=money.now))["version"]
    body = {
        "holder": "学校",
        "bank": "银行",
        "number": "6222020000000000018",
        "reason": "更换",
        "version": version,
    }
    return str(money.ok(world.api("clerk").post(f"{path}/payee", body, at=money.now))["id"])


def _asked_override(world: Any, class_id: str, enrolment_id: str) -> str:
    from chalicelib.subsidies.overrides import store as override_store
    from chalicelib.subsidies.overrides.model import Override, OverrideStatus, override_id_of

    asked = Override(
        id=override_id_of(class_id, enrolment_id, "attendance"),
        class_id=class_id,  # type: ignore[arg-type]
        division=COUNTY,
        enrolment_id=enrolment_id,  # type: ignore[arg-type]
        check="attendance",  # type: ignore[arg-type]
        status=OverrideStatus.ASKED,
        reason="住院",
        expires_on=world.later(days=30).date(),
        asked_by="test",
        asked_at=world.now,
    )
    override_store.ask(asked, before=None, change=world.change)
    return asked.id


def build(world: Any) -> RightsWorld:  # noqa: PLR0915 - a list of things
    """Bring the world into being and give its requests."""
    from chalicelib.accounts.persons.service import person_key_of
    from chalicelib.attendance.check_ins.model import slot_of
    from chalicelib.attendance.check_ins.store import check_ins_of
    from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus
    from chalicelib.attendance.make_ups.store import MakeUpRow
    from chalicelib.aws.waiting import queue_of
    from chalicelib.classes.model import lesson_id_of
    from chalicelib.exchange import jobs as exchange_jobs
    from chalicelib.exchange import store as exchange_store
    from chalicelib.kernel.principal import system_context
    from chalicelib.people.lists.renames.model import Rename, RenameStatus, part_of
    from chalicelib.people.lists.renames.store import RenameRow
    from chalicelib.supervision.audit import jobs as supervision_jobs
    from chalicelib.vouchers.batches import store as batch_store
    from chalicelib.vouchers.batches.model import IssuanceBatch, IssuanceBatchStatus
    from tests.accounts.builders import ask_for, numbered
    from tests.accounts.clients.builders import Program
    from tests.classes.builders import application, changed_class
    from tests.exchange.webhooks.builders import hook
    from tests.subsidies.holds.test_listed import listed as listed_late
    from tests.subsidies.scored import Money, scored_class
    from tests.supervision.cases.found import finding, record
    from tests.support.people import HEFEI_SCHOOL
    from tests.support.streams import stream_event, voucher_changes

    money = Money(world)
    holder, other = world.person(1), world.person(2)
    holder_key = person_key_of(holder.id_number)
    enrolment = world.enrolment(holder)
    voucher_id = enrolment["voucher_id"]
    class_id = scored_class(world, 2, people=[holder_key, "prs_someoneelse00001"])
    passed = f"enr_{class_id[4:20]}00"
    lesson_id = lesson_id_of(class_id, 1)  # type: ignore[arg-type]
    checked_in = next(iter(check_ins_of(class_id))).id
    make_up = MakeUp(
        class_id=class_id,  # type: ignore[arg-type]
        slot=slot_of(lesson_id, holder_key),
        enrolment_id=passed,
        division=COUNTY,
        institution=HEFEI_SCHOOL,
        kind=MakeUpKind.MAKE_UP,
        status=MakeUpStatus.REQUESTED,
        hours=8,
        reason="测试",
        evidence="签到簿",
        requested_by="test",
        requested_at=world.now,
        queue=queue_of(COUNTY),
    )
    MakeUpRow.from_record(make_up).save()
    batch = money.sealed(scored_class(world, 2))
    line_id = money.batch(batch)["lines"][0]["line_id"]
    claim_id = next(
        one["id"] for one in money.ok(world.api("clerk").get("/v1/subsidy-claims", at=money.now))["items"]
    )
    money.pay(batch)
    listed_late(money, money.read({"id": claim_id})["lines"][0]["voucher_id"])
    ledger = money.balance()["accounts"][0]["id"]
    public = money.publicised(scored_class(world, 2))
    objection = money.ok(
        world.api().post(f"/v1/publicity/{public['id']}/objections", {"reason": "有异议"}, at=money.now)
    )["id"]
    override = _asked_override(world, class_id, passed)
    payee = _proposed_payee(world, money)
    stop = {"subject": {"kind": "claim", "id": public["id"]}, "reason": "核查"}
    hold = money.ok(world.api("finance").post("/v1/holds", stop, at=money.now))["id"]
    case = record(money, finding(scored_class(world, 1))).opened[0]
    exported = {"division": COUNTY, "from": "2026-09-01", "to": "2026-09-30", "purpose": "测试"}
    export_id = money.ok(world.api("supervisor").post("/v1/records/exports", exported, at=money.now), 202)[
        "id"
    ]
    inspection_request = {"scope": "classes", "division": COUNTY, "share": 0.1}
    drawn = money.ok(world.api("supervisor").post("/v1/inspections", inspection_request, at=money.now))
    inspected, subject = drawn["id"], drawn["items"][0]["subject"]
    wish = world.api("institution").post("/v1/clients", Program().wish(webhook=hook()), at=money.now)
    client = money.ok(wish, 201)["id"]
    account = money.ok(ask_for(world.api, "in-county", division=COUNTY))["id"]
    upload = {"kind": "graduates", "filename": "a.csv", "size_bytes": 10, "sha256": "0" * 64}
    listed = money.ok(world.api("province").post("/v1/imports", upload))["id"]
    rename = Rename(
        import_id=listed,
        part=part_of(2),
        chunk=0,
        person_key=holder_key,
        status=RenameStatus.REFUSED,
        proposed_by="test",
        proposed_at=world.now,
    )
    RenameRow.from_record(rename).save()
    issuance = IssuanceBatch(
        id="iss_rightsworld00000000000",  # type: ignore[arg-type]
        program_id=world.program_id,
        import_id=listed,
        status=IssuanceBatchStatus.PROPOSED,
        proposed_by="test",
        proposed_at=world.now,
    )
    batch_store.create_batch(issuance, world.change)
    changes = voucher_changes(versions=2)
    context = system_context("test", now=world.now, request_id="req_test")
    exchange_jobs.return_changes(stream_event(*changes), context)
    supervision_jobs.record_audit(stream_event(*changes), context)
    delivery = exchange_store.deliveries_of("vch_aaaa")[0]

    ours = Owner(COUNTY, HEFEI_SCHOOL, holder_key)
    in_county, in_city = Owner(COUNTY), Owner(CITY)
    of_class = Owner(COUNTY, HEFEI_SCHOOL, holder_key)
    of_school = Owner(COUNTY, HEFEI_SCHOOL)
    of_province = Owner("34")
    moment = world.now.isoformat()
    institution = {
        "name": "学校",
        "division": COUNTY,
        "address": "合肥市",
        "phone": "0551-1234567",
        "location": {"lng": 117.2, "lat": 31.8, "coord_system": "wgs84"},
        "programs": [],
        "projects": [],
        "bank_account": {"holder": "学校", "bank": "银行", "number": "6222020000000000000"},
        "version": FAR,
    }
    project = {
        "name": "项目",
        "occupation_code": "4-01-02-06",
        "edition": "2020",
        "level": 5,
        "hours": 40,
        "fee_fen": 1,
        "version": FAR,
    }
    program = {
        "name": "方案",
        "division": "34",
        "kind": "targeted_face_value",
        "face": {"title": "券", "issuer": "省人力资源和社会保障厅"},
    }
    lesson_place = {"lng": 117.2, "lat": 31.8, "accuracy_m": 10, "coord_system": "wgs84"}
    check_in = {
        "kind": "in",
        "location": lesson_place,
        "device_id": "phone",
        "nonce": "n1",
        "happened_at": moment,
    }
    footage = {
        "camera_id": "cam",
        "started_at": moment,
        "ended_at": world.later(minutes=5).isoformat(),
        "size_bytes": 1000,
        "sha256": "0" * 64,
        "content_type": "video/mp4",
    }
    this_footage = f"/v1/lessons/{lesson_id}/footage/{_announced_footage(world, class_id, lesson_id)}"
    recorded = ("camera_id", "started_at", "ended_at", "sha256")
    external = {name: footage[name] for name in recorded} | {"url": "https://monitor.example/1.mp4"}
    scan = {"token": "V1.not.a.token", "project_id": world.project_id}
    redeem = scan | {"nonce": "n", "device_id": "d", "happened_at": moment}
    result = {"line_id": "lin_unknown", "status": "failed", "amount_fen": 1, "reason": "x"}
    programs = f"/v1/programs/{world.program_id}"
    batches = f"{programs}/issuance-batches"
    this_batch = f"{batches}/{issuance.id}"
    classroom = f"/v1/classes/{class_id}"
    change = f"{classroom}/changes/{changed_class(class_id)}"
    claim = f"/v1/subsidy-claims/{claim_id}"
    settlement = f"/v1/settlement-batches/{batch['id']}"
    school = f"/v1/institutions/{HEFEI_SCHOOL}"
    div = {"division": COUNTY}

    sign_in = {"grant_type": "refresh_token", "refresh_token": "none"}
    named = {"account": "in-county", "name": "张三", "role": "clerk", "division": COUNTY}
    named["id_number"] = numbered("in-county").id_number
    cases = {
        ("POST", "/v1/auth/tokens"): Case("/v1/auth/tokens", sign_in),
        ("POST", "/v1/auth/activate"): Case("/v1/auth/activate", {}),
        ("POST", "/v1/auth/totp"): Case("/v1/auth/totp", {}),
        ("POST", "/v1/auth/totp/confirm"): Case("/v1/auth/totp/confirm", {}),
        ("GET", "/v1/me"): Case("/v1/me"),
        ("POST", "/v1/accounts"): Case("/v1/accounts", named, owner=in_county),
        ("GET", "/v1/accounts"): Case("/v1/accounts", query=div, owner=in_county),
        ("POST", "/v1/accounts/{account_id}/confirm"): Case(
            f"/v1/accounts/{account}/confirm", VERSION, owner=in_county
        ),
        ("POST", "/v1/accounts/{account_id}/disable"): Case(
            f"/v1/accounts/{account}/disable", VERSION_REASON, owner=in_county
        ),
        ("POST", "/v1/accounts/{account_id}/reset"): Case(
            f"/v1/accounts/{account}/reset", VERSION, owner=in_county
        ),
        ("POST", "/v1/auth/client-tokens"): Case("/v1/auth/client-tokens", {}),
        ("POST", "/v1/clients"): Case("/v1/clients", Program(name="测试").wish(["class.read"])),
        ("GET", "/v1/clients"): Case("/v1/clients", query=div, owner=in_county, listing=True),
        ("GET", "/v1/clients/{client_id}"): Case(f"/v1/clients/{client}", owner=of_school),
        ("POST", "/v1/clients/{client_id}/confirm"): Case(
            f"/v1/clients/{client}/confirm", VERSION, owner=of_school
        ),
        ("POST", "/v1/clients/{client_id}/refuse"): Case(
            f"/v1/clients/{client}/refuse", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/clients/{client_id}/revoke"): Case(
            f"/v1/clients/{client}/revoke", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/clients/{client_id}/keys"): Case(
            f"/v1/clients/{client}/keys", VERSION | {"public_key": Program().public_key()}, owner=Owner()
        ),
        ("POST", "/v1/clients/{client_id}/keys/{kid}/retire"): Case(
            f"/v1/clients/{client}/keys/k/retire", VERSION, owner=Owner()
        ),
        ("GET", "/v1/webhook-keys"): Case("/v1/webhook-keys"),
        ("GET", "/v1/clients/{client_id}/webhook"): Case(f"/v1/clients/{client}/webhook", owner=of_school),
        ("GET", "/v1/clients/{client_id}/webhook/deliveries"): Case(
            f"/v1/clients/{client}/webhook/deliveries", owner=of_school
        ),
        ("POST", "/v1/clients/{client_id}/webhook/redrive"): Case(
            f"/v1/clients/{client}/webhook/redrive", REASON, owner=of_school
        ),
        ("POST", "/v1/lessons/{lesson_id}/check-ins"): Case(
            f"/v1/lessons/{lesson_id}/check-ins", check_in, owner=of_class, outside="not_on_roster"
        ),
        ("GET", "/v1/lessons/{lesson_id}/check-ins"): Case(
            f"/v1/lessons/{lesson_id}/check-ins", owner=of_class
        ),
        ("GET", "/v1/check-ins"): Case("/v1/check-ins", query=div, owner=in_county),
        ("POST", "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/accept"): Case(
            f"/v1/lessons/{lesson_id}/check-ins/{checked_in}/accept", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/check-ins/{check_in_id}/reject"): Case(
            f"/v1/lessons/{lesson_id}/check-ins/{checked_in}/reject", VERSION_REASON, owner=of_class
        ),
        ("GET", "/v1/lessons/{lesson_id}/roll-calls"): Case(
            f"/v1/lessons/{lesson_id}/roll-calls", owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/make-ups"): Case(
            f"/v1/lessons/{lesson_id}/make-ups",
            REASON | {"enrolment_id": passed, "evidence": "簿"},
            owner=of_class,
        ),
        ("GET", "/v1/classes/{class_id}/make-ups"): Case(f"{classroom}/make-ups", owner=of_class),
        ("GET", "/v1/make-ups"): Case("/v1/make-ups", query=div, owner=in_county),
        ("POST", "/v1/make-ups/{make_up_id}/approve"): Case(
            f"/v1/make-ups/{make_up.id}/approve", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/make-ups/{make_up_id}/reject"): Case(
            f"/v1/make-ups/{make_up.id}/reject", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/exchange/check-ins"): Case(
            "/v1/exchange/check-ins",
            {"items": [check_in | {"lesson_id": lesson_id, "enrolment_id": "enr_unknown"}]},
        ),
        ("GET", "/v1/classes/{class_id}/attendance/own"): Case(f"{classroom}/attendance/own", owner=of_class),
        ("GET", "/v1/classes/{class_id}/attendance"): Case(f"{classroom}/attendance", owner=of_class),
        ("POST", "/v1/lessons/{lesson_id}/footage"): Case(
            f"/v1/lessons/{lesson_id}/footage", footage, owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/footage/{footage_id}/parts"): Case(
            f"{this_footage}/parts", {"parts": []}, owner=of_class
        ),
        ("GET", "/v1/lessons/{lesson_id}/footage/{footage_id}/parts"): Case(
            f"{this_footage}/parts", owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/footage/{footage_id}/complete"): Case(
            f"{this_footage}/complete", {}, owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/footage/external"): Case(
            f"/v1/lessons/{lesson_id}/footage/external", external, owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/footage/hold"): Case(
            f"/v1/lessons/{lesson_id}/footage/hold", REASON, owner=of_class
        ),
        ("POST", "/v1/lessons/{lesson_id}/footage/release"): Case(
            f"/v1/lessons/{lesson_id}/footage/release", REASON, owner=of_class
        ),
        ("GET", "/v1/lessons/{lesson_id}/footage"): Case(f"/v1/lessons/{lesson_id}/footage", owner=of_class),
        ("PUT", "/v1/institutions/{uscc}"): Case(school, institution, owner=of_school),
        ("GET", "/v1/institutions/{uscc}"): Case(school),
        ("POST", "/v1/institutions/{uscc}/payee"): Case(
            f"{school}/payee",
            institution["bank_account"] | VERSION_REASON,
            owner=of_school,
        ),
        ("POST", "/v1/institutions/{uscc}/payee/{payee_id}/confirm"): Case(
            f"{school}/payee/{payee}/confirm", VERSION_REASON | {"number": "622202"}, owner=of_school
        ),
        ("POST", "/v1/institutions/{uscc}/payee/{payee_id}/refuse"): Case(
            f"{school}/payee/{payee}/refuse", VERSION_REASON, owner=of_school
        ),
        ("GET", "/v1/payees"): Case("/v1/payees", query=div, owner=in_county),
        ("POST", "/v1/holds"): Case(
            "/v1/holds", {"subject": {"kind": "claim", "id": public["id"]}} | REASON, owner=of_school
        ),
        ("GET", "/v1/holds"): Case("/v1/holds", query=div, owner=in_county),
        ("POST", "/v1/holds/{hold_id}/release"): Case(
            f"/v1/holds/{hold}/release", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/records/exports"): Case("/v1/records/exports", exported, owner=in_county),
        ("GET", "/v1/records/exports/{export_id}"): Case(f"/v1/records/exports/{export_id}", owner=in_county),
        ("POST", "/v1/records/exports/{export_id}/open"): Case(
            f"/v1/records/exports/{export_id}/open", REASON, owner=in_county
        ),
        ("POST", "/v1/inspections"): Case("/v1/inspections", inspection_request, owner=in_county),
        ("GET", "/v1/inspections"): Case("/v1/inspections", query=div, owner=in_county),
        ("GET", "/v1/inspections/{inspection_id}"): Case(f"/v1/inspections/{inspected}", owner=in_county),
        ("GET", "/v1/inspections/{inspection_id}/phones"): Case(
            f"/v1/inspections/{inspected}/phones", owner=in_county
        ),
        ("PUT", "/v1/inspections/{inspection_id}/entries/{subject}"): Case(
            f"/v1/inspections/{inspected}/entries/{subject}",
            {"outcome": "in_order"} | VERSION,
            owner=in_county,
        ),
        ("GET", "/v1/risk-cases"): Case("/v1/risk-cases", query=div, owner=in_county),
        ("GET", "/v1/risk-cases/{case_id}"): Case(f"/v1/risk-cases/{case}", owner=in_county),
        ("POST", "/v1/risk-cases/{case_id}/take"): Case(
            f"/v1/risk-cases/{case}/take", VERSION, owner=in_county
        ),
        ("POST", "/v1/risk-cases/{case_id}/resolve"): Case(
            f"/v1/risk-cases/{case}/resolve", VERSION_REASON | {"outcome": "confirmed"}, owner=in_county
        ),
        ("GET", "/v1/institutions"): Case("/v1/institutions", query=div),
        ("POST", "/v1/institutions/{uscc}/suspend"): Case(
            f"{school}/suspend", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/institutions/{uscc}/reinstate"): Case(
            f"{school}/reinstate", VERSION_REASON, owner=of_school
        ),
        ("PUT", "/v1/projects/{project_id}"): Case(f"/v1/projects/{world.project_id}", project),
        ("GET", "/v1/projects/{project_id}"): Case(f"/v1/projects/{world.project_id}"),
        ("GET", "/v1/projects"): Case("/v1/projects"),
        ("POST", "/v1/classes"): Case("/v1/classes", application(world)),
        ("GET", "/v1/classes"): Case("/v1/classes", query=div, owner=in_county, listing=True),
        ("GET", "/v1/classes/{class_id}"): Case(classroom, owner=of_class),
        ("PUT", "/v1/classes/{class_id}"): Case(classroom, application(world) | VERSION, owner=of_class),
        ("POST", "/v1/classes/{class_id}/submit"): Case(f"{classroom}/submit", VERSION, owner=of_class),
        ("POST", "/v1/classes/{class_id}/approve"): Case(f"{classroom}/approve", VERSION, owner=of_class),
        ("POST", "/v1/classes/{class_id}/return"): Case(
            f"{classroom}/return", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/cancel"): Case(
            f"{classroom}/cancel", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/cancel/approve"): Case(
            f"{classroom}/cancel/approve", VERSION, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/cancel/refuse"): Case(
            f"{classroom}/cancel/refuse", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/completion/submit"): Case(
            f"{classroom}/completion/submit", VERSION, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/completion/approve"): Case(
            f"{classroom}/completion/approve", VERSION, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/close"): Case(f"{classroom}/close", VERSION_REASON, owner=of_class),
        ("POST", "/v1/classes/{class_id}/completion/return"): Case(
            f"{classroom}/completion/return", VERSION_REASON, owner=of_class
        ),
        ("PUT", "/v1/classes/{class_id}/roster"): Case(
            f"{classroom}/roster", VERSION | {"rows": []}, owner=of_class
        ),
        ("GET", "/v1/classes/{class_id}/roster"): Case(f"{classroom}/roster", owner=of_class),
        ("PUT", "/v1/classes/{class_id}/scores"): Case(
            f"{classroom}/scores", VERSION | {"rows": []}, owner=of_class
        ),
        ("GET", "/v1/classes/{class_id}/scores"): Case(f"{classroom}/scores", owner=of_class),
        ("GET", "/v1/classes/{class_id}/roster/template"): Case(
            f"{classroom}/roster/template", owner=of_class
        ),
        ("GET", "/v1/classes/{class_id}/scores/template"): Case(
            f"{classroom}/scores/template", owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/changes"): Case(
            f"{classroom}/changes", VERSION_REASON, owner=of_class
        ),
        ("GET", "/v1/classes/{class_id}/changes"): Case(f"{classroom}/changes", owner=of_class),
        ("POST", "/v1/classes/{class_id}/changes/{change_id}/approve"): Case(
            f"{change}/approve", VERSION, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/changes/{change_id}/reject"): Case(
            f"{change}/reject", VERSION_REASON, owner=of_class
        ),
        ("POST", "/v1/classes/{class_id}/changes/{change_id}/withdraw"): Case(
            f"{change}/withdraw", VERSION, owner=of_class
        ),
        ("POST", "/v1/enrolments/{enrolment_id}/withdraw"): Case(
            f"/v1/enrolments/{passed}/withdraw", REASON, owner=ours
        ),
        ("GET", "/healthz"): Case("/healthz"),
        ("GET", "/openapi.json"): Case("/openapi.json"),
        ("GET", "/docs"): Case("/docs"),
        ("GET", "/card"): Case("/card"),
        ("GET", "/static/{name}"): Case("/static/card.js"),
        ("POST", "/v1/verifications"): Case("/v1/verifications", scan),
        ("POST", "/v1/enrolments"): Case("/v1/enrolments", redeem),
        ("GET", "/v1/enrolments"): Case("/v1/enrolments", query=div, owner=in_county, listing=True),
        ("GET", "/v1/enrolments/{enrolment_id}"): Case(f"/v1/enrolments/{passed}", owner=ours),
        ("POST", "/v1/enrolments/{enrolment_id}/release"): Case(
            f"/v1/enrolments/{passed}/release", REASON, owner=ours
        ),
        ("POST", "/v1/person-lookups"): Case(
            "/v1/person-lookups", {"id_number": world.person(1).id_number, "purpose": "测试"}
        ),
        ("GET", "/v1/scans"): Case(
            "/v1/scans", query={"institution": HEFEI_SCHOOL}, owner=of_school, listing=True
        ),
        ("POST", "/v1/vouchers/{voucher_id}/restore"): Case(
            f"/v1/vouchers/{voucher_id}/restore", REASON, owner=ours
        ),
        ("POST", "/v1/vouchers/{voucher_id}/restore/confirm"): Case(
            f"/v1/vouchers/{voucher_id}/restore/confirm", {}, owner=ours
        ),
        ("POST", "/v1/vouchers/{voucher_id}/revoke"): Case(
            f"/v1/vouchers/{voucher_id}/revoke", VERSION_REASON, owner=ours
        ),
        ("GET", "/v1/exchange/keys"): Case("/v1/exchange/keys"),
        ("GET", "/v1/exchange/deliveries"): Case("/v1/exchange/deliveries"),
        ("GET", "/v1/exchange/schemas"): Case("/v1/exchange/schemas"),
        ("GET", "/v1/exchange/comparison"): Case("/v1/exchange/comparison"),
        ("GET", "/v1/exchange/deliveries/{message_id}"): Case(
            f"/v1/exchange/deliveries/{delivery.message_id}", owner=Owner(delivery.division)
        ),
        ("POST", "/v1/exchange/redrives"): Case(
            "/v1/exchange/redrives",
            {"state": "refused", "reason": "平台已修复", "kind": "voucher", "failure": "unknown"},
        ),
        ("POST", "/v1/exchange/deliveries/{message_id}/pass-over"): Case(
            f"/v1/exchange/deliveries/{delivery.message_id}/pass-over",
            {"reason": "x"},
            owner=Owner(delivery.division),
        ),
        ("POST", "/v1/exchange/deliveries/{message_id}/pass-over/confirm"): Case(
            f"/v1/exchange/deliveries/{delivery.message_id}/pass-over/confirm",
            {"reason": "x"},
            owner=Owner(delivery.division),
        ),
        ("POST", "/v1/exchange/deliveries/{message_id}/redrive"): Case(
            f"/v1/exchange/deliveries/{delivery.message_id}/redrive", {}, owner=Owner(delivery.division)
        ),
        ("POST", "/v1/exchange/acknowledgements"): Case(
            "/v1/exchange/acknowledgements", {"items": [{"message_id": "x", "outcome": "accepted"}]}
        ),
        ("GET", "/v1/exchange/reconciliation"): Case(
            "/v1/exchange/reconciliation", query={"day": "2026-09-01"}
        ),
        ("GET", "/v1/dead-letters"): Case("/v1/dead-letters"),
        ("POST", "/v1/dead-letters/{queue}/redrive"): Case("/v1/dead-letters/expire_shard/redrive", {}),
        # a sheet's rows have areas of their own, tested in tests/catalogue
        ("GET", "/v1/catalogue/templates"): Case("/v1/catalogue/templates", query={"kind": "projects"}),
        ("GET", "/v1/catalogue/publication"): Case("/v1/catalogue/publication", query=div),
        ("POST", "/v1/catalogue/imports"): Case("/v1/catalogue/imports", {}, query={"kind": "institutions"}),
        ("GET", "/v1/import-templates"): Case(
            "/v1/import-templates", query={"kind": "graduates"}, owner=of_province
        ),
        ("GET", "/v1/imports/{import_id}/renames"): Case(f"/v1/imports/{listed}/renames", owner=of_province),
        ("POST", "/v1/imports/{import_id}/renames/{row}/confirm"): Case(
            f"/v1/imports/{listed}/renames/2/confirm", VERSION, owner=of_province
        ),
        ("POST", "/v1/imports/{import_id}/renames/{row}/refuse"): Case(
            f"/v1/imports/{listed}/renames/2/refuse", VERSION_REASON, owner=of_province
        ),
        ("POST", "/v1/imports"): Case("/v1/imports", upload),
        ("GET", "/v1/imports"): Case("/v1/imports"),
        ("GET", "/v1/imports/{import_id}/errors"): Case(f"/v1/imports/{listed}/errors", owner=of_province),
        ("GET", "/v1/imports/{import_id}"): Case(f"/v1/imports/{listed}", owner=of_province),
        ("POST", "/v1/programs"): Case("/v1/programs", program),
        ("GET", "/v1/programs"): Case("/v1/programs"),
        ("GET", "/v1/programs/{program_id}"): Case(programs),
        ("GET", "/v1/programs/{program_id}/policies"): Case(f"{programs}/policies"),
        ("GET", "/v1/programs/{program_id}/policies/{policy_version}"): Case(f"{programs}/policies/1"),
        ("POST", "/v1/programs/{program_id}/policy"): Case(
            f"{programs}/policy", VERSION | {"policy": {}}, owner=of_province
        ),
        ("PUT", "/v1/budgets/{division}/{year}"): Case(
            f"/v1/budgets/{CITY}/2026",
            {"program_id": world.program_id, "appropriated_fen": 1} | VERSION,
            owner=in_city,
        ),
        ("GET", "/v1/budgets/{division}/{year}"): Case(f"/v1/budgets/{CITY}/2026", owner=in_city),
        ("POST", "/v1/settlement-batches"): Case("/v1/settlement-batches", {}),
        ("GET", "/v1/settlement-batches"): Case(
            "/v1/settlement-batches", query={"division": CITY}, owner=in_city
        ),
        ("GET", "/v1/settlement-batches/{batch_id}"): Case(settlement, owner=in_city),
        ("POST", "/v1/settlement-batches/{batch_id}/export"): Case(f"{settlement}/export", {}, owner=in_city),
        ("POST", "/v1/settlement-batches/{batch_id}/results"): Case(
            f"{settlement}/results", {"results": [result]}, owner=in_city
        ),
        ("GET", "/v1/claim-lines"): Case(
            "/v1/claim-lines", query=div | {"flag": "late_ineligibility"}, owner=in_county
        ),
        ("GET", "/v1/claim-lines/{line_id}"): Case(f"/v1/claim-lines/{line_id}", owner=of_school),
        ("POST", "/v1/claim-lines/{line_id}/reject"): Case(
            f"/v1/claim-lines/{line_id}/reject", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/claim-lines/{line_id}/reverse"): Case(
            f"/v1/claim-lines/{line_id}/reverse", REASON, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/reverse/confirm"): Case(
            f"/v1/claim-lines/{line_id}/reverse/confirm", {}, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/reverse/cancel"): Case(
            f"/v1/claim-lines/{line_id}/reverse/cancel", VERSION_REASON, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/release"): Case(
            f"/v1/claim-lines/{line_id}/release", REASON, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/correct"): Case(
            f"/v1/claim-lines/{line_id}/correct", {"to": "failed", "amount_fen": 1, **REASON}, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/correct/confirm"): Case(
            f"/v1/claim-lines/{line_id}/correct/confirm", {}, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/correct/cancel"): Case(
            f"/v1/claim-lines/{line_id}/correct/cancel", VERSION_REASON, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/repayments"): Case(
            f"/v1/claim-lines/{line_id}/repayments",
            {"amount_fen": 1, "received_on": "2026-10-01", "bank_reference": "R1"},
            owner=in_city,
        ),
        ("POST", "/v1/claim-lines/{line_id}/repayments/confirm"): Case(
            f"/v1/claim-lines/{line_id}/repayments/confirm", {}, owner=in_city
        ),
        ("POST", "/v1/claim-lines/{line_id}/repayments/cancel"): Case(
            f"/v1/claim-lines/{line_id}/repayments/cancel", VERSION_REASON, owner=in_city
        ),
        ("GET", "/v1/settlement-batches/{batch_id}/results"): Case(f"{settlement}/results", owner=in_city),
        ("POST", "/v1/ledger/verify"): Case("/v1/ledger/verify", {"division": CITY}, owner=in_city),
        ("GET", "/v1/statements"): Case(
            "/v1/statements", query={"institution": HEFEI_SCHOOL, "period": "2026"}, owner=of_school
        ),
        ("GET", "/v1/ledger/accounts/{account_id}"): Case(f"/v1/ledger/accounts/{ledger}", owner=in_city),
        ("GET", "/v1/ledger/trial-balance"): Case(
            "/v1/ledger/trial-balance", query={"division": CITY}, owner=in_city
        ),
        ("GET", "/v1/classes/{class_id}/payability"): Case(f"{classroom}/payability", owner=of_school),
        ("POST", "/v1/classes/{class_id}/subsidy-claims"): Case(
            f"{classroom}/subsidy-claims", {"declared_count": 9, "declared_amount_fen": 9}, owner=of_school
        ),
        ("GET", "/v1/subsidy-claims"): Case("/v1/subsidy-claims", query=div, owner=in_county, listing=True),
        ("GET", "/v1/subsidy-claims/{claim_id}"): Case(claim, owner=of_school),
        ("POST", "/v1/subsidy-claims/{claim_id}/review"): Case(f"{claim}/review", VERSION, owner=of_school),
        ("POST", "/v1/subsidy-claims/{claim_id}/approve"): Case(f"{claim}/approve", VERSION, owner=of_school),
        ("POST", "/v1/subsidy-claims/{claim_id}/approve/withdraw"): Case(
            f"{claim}/approve/withdraw", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/subsidy-claims/{claim_id}/return"): Case(
            f"{claim}/return", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/subsidy-claims/{claim_id}/reject"): Case(
            f"{claim}/reject", VERSION_REASON, owner=of_school
        ),
        ("POST", "/v1/subsidy-claims/{claim_id}/documents"): Case(
            f"{claim}/documents",
            {"kind": "other", "content_type": "application/pdf", "size_bytes": 9, "sha256": "0" * 64},
            owner=of_school,
        ),
        ("GET", "/v1/subsidy-claims/{claim_id}/documents"): Case(f"{claim}/documents", owner=of_school),
        ("POST", "/v1/classes/{class_id}/overrides"): Case(
            f"{classroom}/overrides",
            {"enrolment_id": "enr_aaaa", "check": "attendance", "reason": "r", "expires_on": "2026-12-31"},
            owner=of_school,
        ),
        ("GET", "/v1/classes/{class_id}/overrides"): Case(f"{classroom}/overrides", owner=of_school),
        ("POST", "/v1/overrides/{override_id}/confirm"): Case(
            f"/v1/overrides/{override}/confirm", VERSION, owner=of_school
        ),
        ("POST", "/v1/overrides/{override_id}/refuse"): Case(
            f"/v1/overrides/{override}/refuse", VERSION_REASON, owner=of_school
        ),
        # each decision has an area of its own, tested in tests/subsidies
        ("POST", "/v1/claim-decisions"): Case(
            "/v1/claim-decisions", {"decisions": [{"claim_id": claim_id, "action": "review"} | VERSION]}
        ),
        ("GET", "/v1/publicity"): Case("/v1/publicity"),
        ("POST", "/v1/publicity/{claim_id}/objections"): Case(f"/v1/publicity/{claim_id}/objections", REASON),
        ("GET", "/v1/objections"): Case("/v1/objections", query=div, owner=in_county),
        ("POST", "/v1/objections/{objection_id}/resolve"): Case(
            f"/v1/objections/{objection}/resolve", VERSION_REASON | {"outcome": "dismissed"}, owner=in_county
        ),
        ("POST", "/v1/objection-decisions"): Case(
            "/v1/objection-decisions",
            {"decisions": [{"objection_id": "obj_none", "outcome": "dismissed"} | VERSION_REASON]},
        ),
        ("GET", "/v1/audit"): Case("/v1/audit", query={"subject": "vch_aaaa"}, owner=in_county),
        ("POST", "/v1/audit/verify"): Case("/v1/audit/verify", {"division": CITY}, owner=in_city),
        ("GET", "/v1/waiting"): Case("/v1/waiting", listing=True),
        ("GET", "/v1/reports/funnel"): Case("/v1/reports/funnel", query=div, owner=in_county),
        ("GET", "/v1/reports/spending"): Case("/v1/reports/spending", query=div, owner=in_county),
        ("GET", "/v1/reports/institutions"): Case("/v1/reports/institutions", query=div, owner=in_county),
        ("GET", "/v1/reports/idle"): Case("/v1/reports/idle", query=div, owner=in_county),
        ("GET", "/v1/reports/ratings"): Case("/v1/reports/ratings", query=div, owner=in_county),
        ("GET", "/v1/reports/holds"): Case("/v1/reports/holds", query=div, owner=in_county),
        ("POST", "/v1/programs/{program_id}/issuance-batches"): Case(
            batches, {"import_id": listed, "declared_count": 0}
        ),
        ("GET", "/v1/programs/{program_id}/issuance-batches"): Case(batches),
        ("GET", "/v1/programs/{program_id}/issuance-batches/{batch_id}"): Case(this_batch, owner=of_province),
        ("GET", "/v1/programs/{program_id}/issuance-batches/{batch_id}/refusals"): Case(
            f"{this_batch}/refusals", owner=of_province
        ),
        ("POST", "/v1/programs/{program_id}/issuance-batches/{batch_id}/approve"): Case(
            f"{this_batch}/approve", VERSION, owner=of_province
        ),
        ("POST", "/v1/programs/{program_id}/issuance-batches/{batch_id}/reject"): Case(
            f"{this_batch}/reject", VERSION_REASON, owner=of_province
        ),
        ("GET", "/v1/vouchers"): Case("/v1/vouchers", query=div, owner=in_county, listing=True),
        ("GET", "/v1/vouchers/{voucher_id}"): Case(f"/v1/vouchers/{voucher_id}", owner=ours),
        ("POST", "/v1/vouchers/{voucher_id}/claim"): Case(f"/v1/vouchers/{voucher_id}/claim", {}, owner=ours),
        ("GET", "/v1/vouchers/{voucher_id}/qr"): Case(f"/v1/vouchers/{voucher_id}/qr", owner=ours),
    }
    secrets = {
        voucher_id: (ours,),
        enrolment["id"]: (ours,),
        passed: (ours,),
        class_id: (of_class,),
        make_up.id: (of_class,),
        checked_in: (of_class,),
        account: (in_county,),
        line_id: (of_school,),
        payee: (of_school,),
        hold: (of_school,),
        case: (in_county,),
        inspected: (in_county,),
        batch["id"]: (in_city, of_school),  # a line names the batch it is paid with
        issuance.id: (of_province,),
        listed: (of_province,),
        objection: (in_county,),
        delivery.message_id: (Owner(delivery.division),),
    }
    return RightsWorld(cases, secrets, holder, other)
