"""Stories through every step: the state is built as in the other tests, each `yield` is a call that is tried."""

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

from chalicelib.kernel.principal import Principal, Role, system_context
from chalicelib.people.lists.graduates.service import GRADUATES
from chalicelib.supervision.exports.service import make_export
from tests.attendance.builders import room_under
from tests.classes.builders import DAY, SITE, Classroom, application, trainer
from tests.classes.changes.test_changes import wanted
from tests.edge.idempotency.trials import Story, Use
from tests.subsidies.overrides.test_overrides import letting
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record
from tests.support import keys
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL
from tests.vouchers.lists import graduate_of, ready_list

HOUR = timedelta(hours=1)


def programs(world: Any) -> Story:
    from infra.local.catalogue import PROGRAM

    province = world.api("province")
    program = yield Use(province, "/v1/programs", PROGRAM, world.now)
    assert program.status == 201
    policy = {**program.json["policy"], "pass_mark": 70}
    path = f"/v1/programs/{program.json['id']}/policy"
    changed = yield Use(province, path, {"version": 1, "policy": policy}, world.now)
    assert changed.json["policy_version"] == 2
    stale = yield Use(province, path, {"version": 1, "policy": program.json["policy"]}, world.now)
    assert stale.json["code"] == "version_conflict"


def accounts(world: Any) -> Story:
    province = world.api("province")
    body = {"account": "neu-clerk", "name": "新人", "role": "clerk", "division": "3401"}
    body["id_number"] = world.person(700).id_number
    account = yield Use(province, "/v1/accounts", body, world.now)
    assert account.status == 201, account.text
    taken = yield Use(world.api("province_two"), "/v1/accounts", body, world.now)
    assert taken.json["code"] == "already_exists"
    path = f"/v1/accounts/{account.json['id']}"
    again = yield Use(province, f"{path}/reset", {"version": 1}, world.now)
    assert again.json["activation_code"] != account.json["activation_code"]
    off = yield Use(province, f"{path}/disable", {"version": 2, "reason": "离职"}, world.now)
    assert off.json["status"] == "disabled"
    decider = {**body, "account": "neu-reviewer", "role": "reviewer"}
    decider["id_number"] = world.person(701).id_number
    asked = yield Use(province, "/v1/accounts", decider, world.now)
    assert asked.json["status"] == "proposed"
    path = f"/v1/accounts/{asked.json['id']}/confirm"
    own = yield Use(province, path, {"version": 1}, world.now)
    assert own.json["code"] == "self_approval"
    confirmed = yield Use(world.api("supervisor"), path, {"version": 1}, world.now)
    assert confirmed.json["status"] == "pending"
    mine = {**decider, "account": "neu-finance", "role": "finance"}
    held = yield Use(province, "/v1/accounts", mine, world.now)
    assert held.json["code"] == "duty_held"


def _jwk(program: Any) -> dict[str, str]:
    return {name: program.public_key()[name] for name in ("kty", "crv", "x", "y")}


def clients(world: Any) -> Story:
    from chalicelib.accounts.model import SoftwareKey
    from tests.accounts.clients.builders import Program
    from tests.exchange.webhooks.builders import hook

    school, clerk, program = world.api("institution"), world.api("clerk"), Program()
    wish = program.wish(webhook=hook())
    asked = yield Use(school, "/v1/clients", wish, world.now)
    assert asked.status == 201, asked.text
    path = f"/v1/clients/{asked.json['id']}"
    confirmed = yield Use(clerk, f"{path}/confirm", {"version": 1}, world.now)
    assert confirmed.json["status"] == "active", confirmed.text
    again = {"reason": "服务器已恢复"}
    redriven = yield Use(school, f"{path}/webhook/redrive", again, world.now)
    assert redriven.json == {"redriven": 0, "more": False, "resumed": False}, redriven.text

    def itself(program: Program) -> Any:
        mark = SoftwareKey(kid=program.kid, alg="ES256", jwk=_jwk(program), added_at=world.now).mark
        return world.api(
            Principal(
                actor=asked.json["id"],
                role=Role.INSTITUTION,
                division=asked.json["division"],
                institution=HEFEI_SCHOOL,
                key=mark,
            )
        )

    following = Program(kid="2027-spring")
    body = {"version": 2, "public_key": following.public_key()}
    added = yield Use(itself(program), f"{path}/keys", body, world.now)
    assert len(added.json["keys"]) == 2, added.text
    retired = yield Use(itself(following), f"{path}/keys/{program.kid}/retire", {"version": 3}, world.now)
    assert [key["kid"] for key in retired.json["keys"]] == ["2027-spring"], retired.text
    gone = yield Use(school, f"{path}/revoke", {"version": 4, "reason": "停用"}, world.now)
    assert gone.json["status"] == "disabled", gone.text
    other = yield Use(school, "/v1/clients", Program(name="签到大屏").wish(["class.read"]), world.now)
    refusing = {"version": 1, "reason": "用途不明"}
    refused = yield Use(clerk, f"/v1/clients/{other.json['id']}/refuse", refusing, world.now)
    assert refused.json["status"] == "disabled", refused.text


def catalogue(world: Any) -> Story:
    from chalicelib.sheets.content_types import XLSX
    from chalicelib.sheets.writing import write_xlsx
    from infra.local.catalogue import INSTITUTIONS
    from tests.catalogue.imports.test_sheets import HEADERS, rows

    clerk, path = world.api("clerk"), f"/v1/institutions/{HEFEI_OTHER}"
    version = clerk.get(path).json["version"]
    body = {"version": version, "reason": "核查"}
    suspended = yield Use(clerk, f"{path}/suspend", body, world.now)
    assert suspended.json["status"] == "suspended", suspended.text
    back = yield Use(clerk, f"{path}/reinstate", body | {"version": version + 1}, world.now)
    assert back.json["status"] == "listed"
    sheet = write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS[3:6]))
    options = {"raw": sheet, "content_type": XLSX}
    province = world.api("province")
    tried = yield Use(
        province, "/v1/catalogue/imports?kind=institutions&dry_run=true", None, world.now, options
    )
    assert tried.json["created"] == 3, tried.text
    listed = yield Use(province, "/v1/catalogue/imports?kind=institutions", None, world.now, options)
    assert listed.json["created"] == 3, listed.text


def issuance(world: Any) -> Story:
    province, second = world.api("province"), world.api("province_two")
    raw = b"x" * 100
    body = {
        "kind": "graduates",
        "filename": "a.csv",
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    announced = yield Use(province, "/v1/imports", body, world.now)
    assert announced.status == 201, announced.text
    path = f"/v1/programs/{world.program_id}/issuance-batches"
    for number, verb in enumerate(("approve", "reject")):
        chunk = [graduate_of(world.person(100 + 10 * number + n), n + 2) for n in range(3)]
        record = ready_list(world, [chunk], import_id=f"imp_listready{verb}")
        body = {"import_id": record.id, "declared_count": record.valid}
        batch = yield Use(province, path, body, world.now)
        assert batch.status == 201, batch.text
        decision = {"version": batch.json["version"]} | ({"reason": "有误"} if verb == "reject" else {})
        decided = yield Use(second, f"{path}/{batch.json['id']}/{verb}", decision, world.now)
        assert decided.status == 200, decided.text


def vouchers(world: Any) -> Story:
    person, other, third = (world.person(number) for number in (1, 2, 3))
    voucher_id = world.voucher(person, claimed=False)
    trainee, school, clerk = world.api(person), world.api("institution"), world.api("clerk")
    claimed = yield Use(trainee, f"/v1/vouchers/{voucher_id}/claim", {}, world.now)
    assert claimed.json["status"] == "claimed", claimed.text
    token = trainee.get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    seen = yield Use(school, "/v1/verifications", {"token": token, "project_id": world.project_id}, world.now)
    assert seen.json["redeemable"]

    def scan(token: str, nonce: str) -> Use:
        body = {
            "token": token,
            "project_id": world.project_id,
            "nonce": nonce,
            "device_id": "counter-1",
            "happened_at": world.now.isoformat(),
        }
        return Use(school, "/v1/enrolments", body, world.now)

    enrolment = yield scan(token, "n1")
    assert enrolment.status == 201, enrolment.text
    refused = yield scan(token, "n2")
    assert refused.json["code"] == "token_replayed", refused.text
    wrong = yield scan("nonsense", "n3")
    assert wrong.json["code"] == "token_invalid"
    path = f"/v1/enrolments/{enrolment.json['id']}/release"
    released = yield Use(school, path, {"reason": "本人改主意"}, world.now)
    assert released.status == 200, released.text
    for redeemed in (False, True):
        holder = third if redeemed else other
        revocable = world.enrolment(holder)["voucher_id"] if redeemed else world.voucher(holder)
        version = clerk.get(f"/v1/vouchers/{revocable}", at=world.now).json["version"]
        body = {"version": version, "reason": "查实不符合条件"}
        revoked = yield Use(clerk, f"/v1/vouchers/{revocable}/revoke", body, world.now)
        assert revoked.json["status"] == "revoked", revoked.text
        path = f"/v1/vouchers/{revocable}/restore"
        asked = yield Use(world.api("province"), path, {"reason": "名单有误，已更正"}, world.now)
        assert asked.status == 200, asked.text
        restored = yield Use(world.api("province_two"), f"{path}/confirm", {}, world.now)
        assert restored.json["status"] == ("redeemed" if redeemed else "claimed"), restored.text


def classes(world: Any) -> Story:
    school, clerk = world.api("institution"), world.api("clerk")
    made = yield Use(school, "/v1/classes", application(world), world.now)
    assert made.status == 201, made.text
    path = f"/v1/classes/{made.json['id']}"
    one = {"version": made.json["version"]}
    filed = yield Use(school, f"{path}/submit", one, world.now)
    given_back = yield Use(
        clerk, f"{path}/return", {"version": filed.json["version"], "reason": "改名"}, world.now
    )
    filed = yield Use(school, f"{path}/submit", {"version": given_back.json["version"]}, world.now)
    approved = yield Use(clerk, f"{path}/approve", {"version": filed.json["version"]}, world.now)
    assert approved.json["status"] == "approved", approved.text
    room = Classroom(world, trainers=[trainer(902)], site={**SITE, "room": "9"}).approved()
    for number, verb in enumerate(("approve", "reject", "withdraw")):
        room.refresh()
        body = {
            "version": room.version,
            "reason": "教师生病",
            "lessons": wanted(room, _2=(20 + number) * DAY),
        }
        change = yield Use(school, f"/v1/classes/{room.id}/changes", body, world.now)
        assert change.status == 201, change.text
        decision = {"version": change.json["version"]} | ({"reason": "不妥"} if verb == "reject" else {})
        decided = yield Use(
            school if verb == "withdraw" else clerk,
            f"/v1/classes/{room.id}/changes/{change.json['id']}/{verb}",
            decision,
            world.now,
        )
        assert decided.status == 200, decided.text
    enrolments = room.refresh().enrol(2)
    put = room.put_roster([{"enrolment_id": enrolment["id"]} for enrolment in enrolments])
    assert put.status == 200, put.text
    left = yield Use(school, f"/v1/enrolments/{enrolments[0]['id']}/withdraw", {"reason": "退学"}, world.now)
    assert left.status == 200, left.text
    body = {"version": room.refresh().version, "reason": "停办"}
    cancelled = yield Use(school, f"/v1/classes/{room.id}/cancel", body, world.now)
    assert cancelled.json["status"] == "cancelled", cancelled.text


def cancellations(world: Any) -> Story:
    """A class that has begun is cancelled on application: refused once, then approved."""
    school, clerk = world.api("institution"), world.api("clerk")
    room = Classroom(world).rostered(2)
    path, at = f"/v1/classes/{room.id}/cancel", room.starts() - HOUR
    body = {"version": room.version, "reason": "教师离职"}
    for verb, status in (("refuse", "approved"), ("approve", "cancelled")):
        asked = yield Use(school, path, body, at)
        assert asked.status == 202, asked.text
        decision = {"version": asked.json["version"]} | ({"reason": "可换教师"} if verb == "refuse" else {})
        decided = yield Use(clerk, f"{path}/{verb}", decision, at)
        assert decided.json["status"] == status, decided.text
        body["version"] = decided.json["version"]


def renames(world: Any) -> Story:
    """A list gives two people other names: one is confirmed, the other refused."""
    second = world.api("province_two")
    uploader = system_context("uploader", now=world.now, request_id="req_list")
    for import_id, names in (("imp_firstnames", ("王一", "王二")), ("imp_othernames", ("赵一", "赵二"))):
        chunk = [
            graduate_of(world.person(40 + place), place + 2, name=name) for place, name in enumerate(names)
        ]
        GRADUATES.keep(uploader, ready_list(world, [chunk], import_id=import_id), 0, chunk)
    for row, verb in ((2, "confirm"), (3, "refuse")):
        body = {"version": 1} | ({"reason": "查无此更名"} if verb == "refuse" else {})
        decided = yield Use(second, f"/v1/imports/{import_id}/renames/{row}/{verb}", body, world.now)
        assert decided.status == 200, decided.text


def lessons(world: Any) -> Story:
    room = room_under(world, 3, external_footage_hosts=["monitor.example"])
    school, clerk, supervisor = world.api("institution"), world.api("clerk"), world.api("supervisor")
    lesson = f"/v1/lessons/{room.lesson()['id']}"
    at = room.starts() - timedelta(minutes=10)

    def tap(place: int, nonce: str, **location: Any) -> Use:
        body = {
            "kind": "in",
            "location": {"accuracy_m": 20, "mocked": False, **SITE["location"], **location},
            "device_id": f"phone-{place}",
            "nonce": nonce,
            "happened_at": at.isoformat(),
        }
        return Use(world.api(room.people[place]), f"{lesson}/check-ins", body, at)

    came = yield tap(0, "n1")
    assert came.json["outcome"] == "accepted", came.text
    twice = yield tap(0, "n2")
    assert twice.json["code"] == "already_checked_in"
    far = yield tap(1, "n3", lat=31.9)
    assert far.json["code"] == "outside_site", far.text
    for place, verb in ((1, "accept"), (2, "reject")):
        rough = yield tap(place, f"n{place + 3}", accuracy_m=500)
        assert rough.json["outcome"] == "needs_review", rough.text
        items = clerk.get(f"{lesson}/check-ins", {"outcome": "recorded"}, at=room.ended()).json["items"]
        waiting = next(item for item in items if item["needs_review"])
        body = {"version": waiting["version"], "reason": "已核实"}
        decided = yield Use(clerk, f"{lesson}/check-ins/{waiting['id']}/{verb}", body, room.ended())
        assert decided.status == 200, decided.text
    for place, verb in ((1, "approve"), (2, "reject")):
        other = f"/v1/lessons/{room.lesson(place)['id']}/make-ups"
        body = {"enrolment_id": room.enrolments[place]["id"], "kind": "make_up", "reason": "手机没电"} | {
            "evidence": "签到簿"
        }
        asked = yield Use(school, other, body, room.ended())
        assert asked.status == 201, asked.text
        body = {"version": asked.json["version"], "reason": "已核实"}
        decided = yield Use(clerk, f"/v1/make-ups/{asked.json['id']}/{verb}", body, room.ended())
        assert decided.status == 200, decided.text
    times = {
        "started_at": room.starts().isoformat(),
        "ended_at": (room.starts() + HOUR).isoformat(),
        "sha256": "a" * 64,
        "size_bytes": 1700,
    }
    film = {"camera_id": "cam-1", "content_type": "video/mp4", **times}
    announced = yield Use(school, f"{lesson}/footage", film, room.starts() + HOUR)
    assert announced.status == 201, announced.text
    sent = f"{lesson}/footage/{announced.json['id']}"
    begun = yield Use(school, f"{sent}/parts", {"parts": []}, room.starts() + HOUR)
    assert begun.json["arrived"] == [], begun.text
    early = yield Use(school, f"{sent}/complete", {}, room.starts() + HOUR)
    assert early.json["code"] == "footage_parts_missing", early.text
    elsewhere = {"camera_id": "cam-2", "url": "https://monitor.example/1.mp4", **times, "sha256": "c" * 64}
    referred = yield Use(school, f"{lesson}/footage/external", elsewhere, room.starts() + HOUR)
    assert referred.status == 201, referred.text
    held = yield Use(supervisor, f"{lesson}/footage/hold", {"reason": "调查"}, room.ended())
    assert held.json["held"], held.text
    freed = yield Use(supervisor, f"{lesson}/footage/release", {"reason": "查毕"}, room.ended())
    assert not freed.json["held"], freed.text
    path = f"/v1/classes/{room.id}/completion"
    for verb in ("return", "approve"):
        version = room.refresh().version
        applied = yield Use(school, f"{path}/submit", {"version": version}, room.ended())
        assert applied.status == 200, applied.text
        body = {"version": applied.json["version"]} | ({"reason": "补材料"} if verb == "return" else {})
        decided = yield Use(clerk, f"{path}/{verb}", body, room.ended())
        assert decided.status == 200, decided.text


def claims(world: Any) -> Story:
    money = Money(world)
    money.budget()
    school, clerk = world.api("institution"), world.api("clerk")
    reviewer, supervisor = world.api("reviewer"), world.api("supervisor")

    def file(class_id: str) -> Use:
        payability = money.payability(class_id)
        body = {"declared_count": payability["count"], "declared_amount_fen": payability["amount_fen"]}
        return Use(school, f"/v1/classes/{class_id}/subsidy-claims", body, money.now)

    class_id = scored_class(world, 3)
    claim = (yield file(class_id)).json
    path = f"/v1/subsidy-claims/{claim['id']}"
    scan = {"kind": "sign_in_sheet", "content_type": "application/pdf", "size_bytes": 9, "sha256": "b" * 64}
    paper = yield Use(school, f"{path}/documents", scan, money.now)
    assert paper.status == 201, paper.text
    one = {"version": claim["version"]}
    claim = (yield Use(clerk, f"{path}/return", one | {"reason": "缺签到表"}, money.now)).json
    assert claim["status"] == "returned"
    claim = (yield file(class_id)).json
    claim = (yield Use(clerk, f"{path}/review", {"version": claim["version"]}, money.now)).json
    lines = money.read(claim)["lines"]
    rejecting = {"version": claim["version"], "rejected_lines": [{"id": lines[0]["id"], "reason": "不实"}]}
    approved = yield Use(reviewer, f"{path}/approve", rejecting, money.now)
    assert approved.json["status"] == "publicised", approved.text

    def objection(about: Any, **extra: Any) -> Any:
        sent = {"reason": f"异议{uuid.uuid4().hex[:4]}", **extra}
        return money.ok(world.api().post(f"/v1/publicity/{about['id']}/objections", sent, at=money.now))

    for outcome, extra in (
        ("dismissed", {}),
        ("dismissed", {"line_id": lines[1]["id"]}),
        ("upheld", {"line_id": lines[1]["id"]}),
        ("upheld", {}),
    ):
        against = objection(claim, **extra)
        body = {"version": 1, "outcome": outcome, "reason": "已核"}
        decided = yield Use(supervisor, f"/v1/objections/{against['id']}/resolve", body, money.now)
        assert decided.json["status"] == outcome, decided.text
    assert money.read(claim)["status"] == "returned"
    claim = (yield file(class_id)).json
    rejected = yield Use(clerk, f"{path}/reject", {"version": claim["version"], "reason": "虚假"}, money.now)
    assert rejected.json["status"] == "rejected", rejected.text

    several = [money.claim(scored_class(world, 1)) for _ in range(3)]
    decisions = [
        {"claim_id": several[0]["id"], "action": "review", "version": 1},
        {"claim_id": several[1]["id"], "action": "review", "version": 9},
        {"claim_id": several[2]["id"], "action": "return", "version": 1, "reason": "缺签到表"},
    ]
    many = yield Use(clerk, "/v1/claim-decisions", {"decisions": decisions}, money.now)
    assert (many.json["applied"], many.json["refused"]) == (2, 1), many.text
    decisions = [{"claim_id": several[0]["id"], "action": "approve", "version": 2}]
    many = yield Use(reviewer, "/v1/claim-decisions", {"decisions": decisions}, money.now)
    assert many.json["applied"] == 1
    against_it = [objection(several[0]) for _ in range(2)]
    decisions = [
        {"objection_id": each["id"], "version": 1, "outcome": "dismissed", "reason": "查无实据"}
        for each in against_it
    ]
    many = yield Use(supervisor, "/v1/objection-decisions", {"decisions": decisions}, money.now)
    assert many.json["applied"] == 2, many.text

    nobody = scored_class(world, 2, failed={0, 1})
    version = clerk.get(f"/v1/classes/{nobody}", at=money.now).json["version"]
    body = {"version": version, "reason": "全班未通过"}
    closed = yield Use(clerk, f"/v1/classes/{nobody}/close", body, money.now)
    assert closed.json["status"] == "closed", closed.text


def withdrawn_approval(world: Any) -> Story:
    money, reviewer = Money(world), world.api("reviewer")
    money.budget()
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 2)), "review"))
    path, (line, _) = f"/v1/subsidy-claims/{claim['id']}/approve", money.read(claim)["lines"]
    rejecting = {"version": claim["version"], "rejected_lines": [{"id": line["id"], "reason": "不实"}]}
    approved = yield Use(reviewer, path, rejecting, money.now)
    mistaken = {"version": approved.json["version"], "reason": "误点通过"}
    withdrawn = yield Use(reviewer, f"{path}/withdraw", mistaken, money.now)
    assert (withdrawn.json["status"], withdrawn.json["count"]) == ("reviewed", 2), withdrawn.text


def holds(world: Any) -> Story:
    money, supervisor = Money(world), world.api("supervisor")
    claim = money.claim(scored_class(world, 2))
    stop = {"subject": {"kind": "claim", "id": claim["id"]}, "reason": "举报套取，核查中"}
    held = yield Use(supervisor, "/v1/holds", stop, money.now)
    assert held.status in (200, 201), held.text
    lift = {"version": held.json["version"], "reason": "已核实"}
    lifted = yield Use(supervisor, f"/v1/holds/{held.json['id']}/release", lift, money.now)
    assert lifted.status == 200, lifted.text


def payees(world: Any) -> Story:
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    for number, verb in enumerate(("refuse", "confirm")):
        version = world.api("clerk").get(path, at=world.now).json["version"]
        account = {"holder": "启明", "bank": "徽商银行", "number": f"1302010109000{number}"}
        body = account | {"version": version, "reason": "更换账户"}
        proposed = yield Use(world.api("clerk"), f"{path}/payee", body, world.now)
        assert proposed.status == 201, proposed.text
        typed = {"number": account["number"]} if verb == "confirm" else {}
        body = {"version": proposed.json["version"], "reason": "已核"} | typed
        place = f"{path}/payee/{proposed.json['id']}/{verb}"
        decided = yield Use(world.api("finance"), place, body, world.now)
        assert decided.status == 200, decided.text


def risk_cases(world: Any) -> Story:
    money, class_id = Money(world), scored_class(world, 2)
    money.claim(class_id)
    record(money, finding(class_id))
    case = money.ok(world.api("supervisor").get("/v1/risk-cases", at=money.now))["items"][0]
    path = f"/v1/risk-cases/{case['id']}"
    stale = yield Use(world.api("supervisor"), f"{path}/take", {"version": 9}, money.now)
    assert stale.json["code"] == "version_conflict"
    taken = yield Use(world.api("supervisor"), f"{path}/take", {"version": 1}, money.now)
    assert taken.json["status"] == "under_review", taken.text
    body = {"version": 2, "outcome": "false_alarm", "reason": "已核实"}
    resolved = yield Use(world.api("supervisor"), f"{path}/resolve", body, money.now)
    assert resolved.json["status"] == "resolved", resolved.text


def inspections(world: Any) -> Story:
    scored_class(world, 1)
    body = {"scope": "classes", "division": "3401", "share": 1}
    for _ in range(2):
        drawn = yield Use(world.api("supervisor"), "/v1/inspections", body, world.now)
        assert drawn.status == 201, drawn.text


def record_exports(world: Any) -> Story:
    body = {"division": "3401", "from": "2026-09-01", "to": "2026-09-30", "purpose": "审计"}
    asked = yield Use(world.api("supervisor"), "/v1/records/exports", body, world.now)
    assert asked.status == 202, asked.text
    make_export(system_context("make_exports", now=world.now, request_id="req_test"), asked.json["id"])
    path = f"/v1/records/exports/{asked.json['id']}/open"
    opened = yield Use(world.api("supervisor"), path, {"reason": "交审计组"}, world.now)
    assert opened.status == 200, opened.text


def lookups(world: Any) -> Story:
    enrolment = world.enrolment(world.person(1))
    body = {"id_number": world.person(1).id_number, "purpose": "核对投诉"}
    found = yield Use(world.api("clerk"), "/v1/person-lookups", body, world.now)
    assert found.json["enrolments"][0]["enrolment_id"] == enrolment["id"], found.text
    unknown = {**body, "id_number": world.person(702).id_number}
    nobody = yield Use(world.api("clerk"), "/v1/person-lookups", unknown, world.now)
    assert nobody.json["person"] is None, nobody.text


def overrides(world: Any) -> Story:
    money = Money(world)
    class_id = scored_class(world, 3, absent={0, 1}, policy_version=letting(money, "attendance"))
    for place, verb in enumerate(("confirm", "refuse")):
        body = {
            "enrolment_id": f"enr_{class_id[4:20]}0{place}",
            "check": "attendance",
            "reason": "住院，附证明",
            "expires_on": (money.now + timedelta(days=30)).date().isoformat(),
        }
        asked = yield Use(world.api("clerk"), f"/v1/classes/{class_id}/overrides", body, money.now)
        assert asked.status == 201, asked.text
        decision = {"version": asked.json["version"]} | ({"reason": "证明不足"} if verb == "refuse" else {})
        path = f"/v1/overrides/{asked.json['id']}/{verb}"
        decided = yield Use(world.api("reviewer"), path, decision, money.now)
        assert decided.status == 200, decided.text


def settlement(world: Any) -> Story:
    money = Money(world)
    money.budget()
    finance, second = world.api("finance"), world.api("finance_two")
    for size in (3, 2):
        money.publicised(scored_class(world, size))
    money.wait()
    sealed = yield Use(finance, "/v1/settlement-batches", {}, money.now, in_steps=True)
    assert sealed.status == 201, sealed.text
    batch = sealed.json["items"][0]
    nothing = yield Use(second, "/v1/settlement-batches", {}, money.now)
    assert (nothing.status, nothing.json["items"]) == (200, []), nothing.text
    path = f"/v1/settlement-batches/{batch['id']}"
    exported = yield Use(second, f"{path}/export", {}, money.now)
    assert exported.json["sha256"] == batch["digest"], exported.text
    lines = money.batch(batch)["lines"]
    results = [money.result(line, "failed" if place == 0 else "paid") for place, line in enumerate(lines)]
    results.append(money.result(lines[1]))
    applied = yield Use(finance, f"{path}/results", {"results": results}, money.now)
    assert (applied.json["applied"], len(applied.json["refused"])) == (5, 1), applied.text
    failed, paid, other = (line["line_id"] for line in lines[:3])
    yield from _corrections(money, lines[0], lines[3])
    version = finance.get(f"/v1/claim-lines/{failed}", at=money.now).json["version"]
    body = {"version": version, "reason": "账户注销"}
    rejected = yield Use(world.api("reviewer"), f"/v1/claim-lines/{failed}/reject", body, money.now)
    assert rejected.status == 200, rejected.text
    path = f"/v1/claim-lines/{other}/reverse"
    asked = yield Use(finance, path, {"reason": "重复"}, money.now)
    assert asked.status == 200, asked.text
    body = {"version": asked.json["version"], "reason": "弄错了"}
    withdrawn = yield Use(finance, f"{path}/cancel", body, money.now)
    assert withdrawn.status == 200, withdrawn.text
    path = f"/v1/claim-lines/{paid}"
    yield Use(finance, f"{path}/reverse", {"reason": "重复"}, money.now)
    confirmed = yield Use(second, f"{path}/reverse/confirm", {}, money.now)
    assert confirmed.json["status"] == "reversed", confirmed.text
    for number in (1, 2):
        part = {"amount_fen": 80_000, "received_on": "2026-09-21", "bank_reference": f"R{number}"}
        repaid = yield Use(finance, f"{path}/repayments", part, money.now)
        assert repaid.json["repayment_asked"]["amount_fen"] == 80_000, repaid.text
        if number == 1:
            body = {"version": repaid.json["version"], "reason": "录错了"}
            withdrawn = yield Use(second, f"{path}/repayments/cancel", body, money.now)
            assert withdrawn.json["repayment_asked"] is None, withdrawn.text
    booked = yield Use(second, f"{path}/repayments/confirm", {}, money.now)
    assert len(booked.json["repayments"]) == 1, booked.text
    verified = yield Use(finance, "/v1/ledger/verify", {}, money.now)
    assert verified.json["intact"], verified.text


def _corrections(money: Money, failed: Any, paid: Any) -> Story:
    """Release what failed, take back one correction of it, and make one of what was paid."""
    finance, second = money.api("finance"), money.api("finance_two")
    path = f"/v1/claim-lines/{failed['line_id']}"
    amount = {"amount_fen": failed["amount_fen"], "reason": "银行更正"}
    released = yield Use(second, f"{path}/release", {"reason": "已核实收款账户"}, money.now)
    assert released.json["released"], released.text
    was_paid = amount | {"to": "paid", "paid_on": money.now.date().isoformat(), "bank_reference": "R-8"}
    asked = yield Use(finance, f"{path}/correct", was_paid, money.now)
    body = {"version": asked.json["version"], "reason": "弄错了"}
    withdrawn = yield Use(finance, f"{path}/correct/cancel", body, money.now)
    assert withdrawn.json["correction"] is None, withdrawn.text
    path = f"/v1/claim-lines/{paid['line_id']}/correct"
    asked = yield Use(finance, path, amount | {"to": "failed"}, money.now)
    assert asked.json["correction"]["to"] == "failed", asked.text
    corrected = yield Use(second, f"{path}/confirm", {}, money.now)
    assert corrected.json["status"] == "payment_failed", corrected.text


def supervision(world: Any) -> Story:
    verified = yield Use(world.api("supervisor"), "/v1/audit/verify", {}, world.now)
    assert verified.status == 200, verified.text


def exchange(world: Any) -> Story:
    from chalicelib.exchange.model import message_id_of
    from tests.exchange.test_returning import returned
    from tests.support.streams import handed_over, voucher_changes

    room = Classroom(world).rostered(2)
    at = room.starts() - timedelta(minutes=10)
    items = [
        {
            "lesson_id": room.lesson()["id"],
            "enrolment_id": room.enrolments[place]["id"],
            "kind": "in",
            "location": {"accuracy_m": 20, **SITE["location"], "lat": SITE["location"]["lat"] + place},
            "device_id": f"phone-{place}",
            "nonce": f"nonce-{place}",
            "happened_at": at.isoformat(),
        }
        for place in range(2)
    ]
    forwarded = yield _signed(world, "/v1/exchange/check-ins", {"items": items}, at)
    assert [item["recorded"] for item in forwarded.json["items"]] == [True, False], forwarded.text
    returned(*voucher_changes(versions=2))
    outcomes = [
        {"message_id": message_id_of("vch_aaaa", 1), "outcome": "accepted"},
        {"message_id": message_id_of("vch_aaaa", 2), "outcome": "refused", "reason": "unknown program"},
    ]
    handed_over("vch_aaaa", 1)  # no platform is named in tests
    yield _signed(world, "/v1/exchange/acknowledgements", {"items": outcomes[:1]}, None)
    handed_over("vch_aaaa", 2)
    told = yield _signed(world, "/v1/exchange/acknowledgements", {"items": outcomes}, None)
    assert told.json["applied"] == 2, told.text
    path = f"/v1/exchange/deliveries/{message_id_of('vch_aaaa', 2)}"
    again = yield Use(world.api("province"), f"{path}/redrive", {}, world.now)
    assert again.json["state"] == "pending", again.text
    yield _signed(world, "/v1/exchange/acknowledgements", {"items": outcomes}, None)
    asked = yield Use(world.api("province"), f"{path}/pass-over", {"reason": "项目已撤销"}, world.now)
    assert asked.json["pass_over_reason"] == "项目已撤销", asked.text
    confirmed = yield Use(
        world.api("province_two"), f"{path}/pass-over/confirm", {"reason": "后一报文含最终状态"}, world.now
    )
    assert confirmed.json["state"] == "passed", confirmed.text


def _signed(world: Any, path: str, body: Any, at: Any) -> Use:
    raw = json.dumps(body).encode()
    headers = {"X-Message-Signature": lambda: keys.signed_by_platform(raw, path)}
    return Use(world.api(), path, None, at, {"raw": raw, "headers": headers})


STORIES = (
    programs,
    accounts,
    clients,
    catalogue,
    issuance,
    vouchers,
    classes,
    cancellations,
    renames,
    lessons,
    claims,
    withdrawn_approval,
    holds,
    payees,
    overrides,
    risk_cases,
    inspections,
    record_exports,
    lookups,
    settlement,
    supervision,
    exchange,
)
