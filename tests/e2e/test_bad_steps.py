"""Bad input against a running life: a class that is approved and rostered, and all that cannot be done with it.

The systematic cases are in test_bad_input; these need something that is there.
"""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from infra.demo.client import CSV, Answer
from infra.demo.scene import OTHER_PROJECT, PROJECT, Body, Scene
from infra.demo.story import tell
from infra.local.people import PEOPLE_MAX, graduate_workbook, make_person, roster_workbook
from tests.e2e.stack import Stack
from tests.e2e.trials import Trials

pytestmark = pytest.mark.cloud

UNTIL_ROSTERED = 8
HUGE = 10**60
_scenes: list[Scene] = []


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Iterator[Trials]:
    trials = Trials()
    yield trials
    trials.report(request)
    assert not trials.wrong, "\n".join(trials.wrong)


@pytest.fixture
def scene(stack: Stack, facts: dict[str, Any]) -> Iterator[Scene]:
    """Give a story that has come as far as the roster; told once, nothing here moves it on."""
    if not _scenes:
        told = tell(facts, Console(width=120), chapters=UNTIL_ROSTERED)
        assert told.teller.expectations.wrong == []
        _scenes.append(told)
    with _scenes[0].service:
        _scenes[0].go_to(_scenes[0].at(3, 12))
        yield _scenes[0]


def announced(workbook: bytes, **changes: Any) -> Body:
    return {
        "kind": "graduates",
        "filename": "list.xlsx",
        "size_bytes": len(workbook),
        "sha256": hashlib.sha256(workbook).hexdigest(),
    } | changes


# --------------------------------------------------------------------------- catalogue and accounts


def test_catalogue(scene: Scene, trials: Trials) -> None:
    clerk, other = scene.staff("clerk"), scene.staff("clerk", "3402")
    uscc = scene.institution["uscc"]
    path = f"/v1/institutions/{uscc}"
    seen = clerk.get(path).wanted
    sound = {
        "name": "某培训学校",
        "division": "340111",
        "address": "某路1号",
        "phone": "0551-63470011",
        "location": {"lng": 117.3, "lat": 31.79, "coord_system": "gcj02"},
        "programs": [scene.program["id"]],
        "projects": [PROJECT],
        "bank_account": {"holder": "某培训学校", "bank": "某银行", "number": "1025340111000000018"},
        "version": seen["version"],
    }

    def put(**changes: Any) -> Answer:
        return clerk.put(path, {**sound, **changes})

    where = sound["location"]
    trials.refused("another city's", other.put(path, sound), 404)
    trials.refused("another city's USCC", clerk.put("/v1/institutions/52340202MX0000086M", sound), 404, 409)
    trials.refused("bad check digit", clerk.put("/v1/institutions/91340111MX0000027X", sound), 400)
    trials.refused("stale", put(version=seen["version"] + 7), 409, code="version_conflict")
    trials.refused(
        "no version", clerk.put(path, {k: v for k, v in sound.items() if k != "version"}), 400, 409
    )
    trials.refused("moved to another city", put(division="340202"), 400, 404, 409)
    trials.refused("unknown division", put(division="349999"), 400)
    trials.refused("whole province", put(division="34"), 400, 404)
    trials.refused("unknown project", put(projects=["prj_nothing"]), 400)
    trials.refused("unknown program", put(programs=["prg_nothing"]), 400)
    trials.refused("10,000 projects", put(projects=["prj_x"] * 10_000), 400)
    trials.refused("empty name", put(name=""), 400)
    trials.refused("bad account", put(bank_account={**sound["bank_account"], "number": "12"}), 400)
    trials.refused(
        "letters in account", put(bank_account={**sound["bank_account"], "number": "12ab" * 5}), 400
    )
    for what, change in {
        "latitude 91": {"lat": 91},
        "longitude -181": {"lng": -181},
        "Beijing": {"lng": 116.4, "lat": 39.9},
        "Null Island": {"lng": 0, "lat": 0},
        "swapped": {"lng": where["lat"], "lat": where["lng"]},
        "no system": {"coord_system": None},
        "mars": {"coord_system": "mars"},
        "text": {"lng": "117.3"},
        "huge": {"lng": 1e300},
    }.items():
        trials.refused(f"location: {what}", put(location={**where, **change}), 400)
    trials.refused(
        "suspended without reason", clerk.post(f"{path}/suspend", {"version": seen["version"]}), 400
    )
    away = {"version": seen["version"], "reason": "核查"}
    trials.refused("suspended by another city", other.post(f"{path}/suspend", away), 404)
    trials.refused("reinstated though active", clerk.post(f"{path}/reinstate", away), 409)


def test_accounts(scene: Scene, trials: Trials) -> None:
    clerk = scene.staff("clerk")
    sound = {"account": "new-clerk-1", "name": "新人", "role": "clerk", "division": "340111"}
    sound["id_number"] = make_person(PEOPLE_MAX - 3).id_number

    def make(**changes: Any) -> Answer:
        return clerk.post("/v1/accounts", {**sound, **changes})

    other_school = {"role": "institution", "division": "340202", "institution": "52340202MX0000086M"}
    trials.refused("another city", make(division="3402"), 404)
    trials.refused("the province's division", make(division="34"), 404)
    trials.refused("a province account", make(role="province", division="34"), 403, 404)
    trials.refused("a trainee", make(role="trainee"), 400)
    trials.refused("nobody's number", make(id_number="340102199001010000"), 400)
    trials.refused("the platform", make(role="platform"), 400)
    trials.refused("unknown division", make(division="999999"), 400)
    trials.refused("staff of no institution", make(role="institution"), 400)
    trials.refused("a clerk of an institution", make(institution=scene.institution["uscc"]), 400)
    trials.refused("another city's institution", make(**other_school), 404)
    trials.refused("name with a blank", make(account="two words"), 400)
    trials.refused("taken", make(account="reviewer-3401"), 409, 404)
    trials.refused("taken, in capitals", make(account="REVIEWER-3401"), 409, 404)
    trials.refused("very long", make(account="a" * 65), 400)
    reset = "/v1/accounts/acc_aaaaaaaaaaaaaaaaaaaaaaaa/reset"
    trials.refused("reset of nobody", clerk.post(reset, {"version": 1}), 404)
    nobodys = {"version": 1, "id_number": "340102199001010000"}
    trials.refused("reset for nobody's number", clerk.post(reset, nobodys), 400, faulty="id_number")


def test_accounts_of_institutions_outside_ones_area(scene: Scene) -> None:
    clerk = scene.staff("clerk")
    sound = {"account": uuid.uuid4().hex, "name": "新人", "role": "institution", "division": "340111"}
    sound["id_number"] = make_person(PEOPLE_MAX - 3).id_number
    other = clerk.post("/v1/accounts", {**sound, "institution": "52340202MX0000086M"})
    nobody = clerk.post("/v1/accounts", {**sound, "institution": "91350100M000100Y43"})
    assert {other.status, nobody.status} <= {400, 404}


# --------------------------------------------------------------------------- lists and batches


def test_lists(scene: Scene, trials: Trials) -> None:
    province = scene.staff("province", "34")
    book = graduate_workbook([])
    for what, changes in {
        "program": {"filename": "list.exe"},
        "no ending": {"filename": "list"},
    }.items():
        trials.refused(
            what, province.post("/v1/imports", announced(book, **changes)), 422, code="unreadable_sheet"
        )
    for what, changes in {
        "empty": {"size_bytes": 0},
        "negative": {"size_bytes": -1},
        "a terabyte": {"size_bytes": 10**12},
        "half a byte": {"size_bytes": 1.5},
        "short digest": {"sha256": "ab"},
        "no digest": {"sha256": "z" * 64},
        "unknown kind": {"kind": "everybody"},
        "long name": {"filename": "a" * 300 + ".xlsx"},
        "no name": {"filename": ""},
    }.items():
        trials.refused(what, province.post("/v1/imports", announced(book, **changes)), 400)
    for value in ("maybe", "1.5", ""):
        trials.refused(f"partial={value}", province.post("/v1/imports", announced(book), partial=value), 400)
    waiting = province.post("/v1/imports", announced(book)).wanted
    batches = f"/v1/programs/{scene.program['id']}/issuance-batches"
    proposal = {"import_id": waiting["id"], "declared_count": 0}
    trials.refused("not uploaded yet", province.post(batches, proposal), 409, code="import_not_ready")
    for what, changes in {"negative": -1, "huge": HUGE, "text": "280", "half": 1.5}.items():
        answer = province.post(batches, {**proposal, "declared_count": changes})
        trials.refused(f"declared {what}", answer, 400, faulty="declared_count")
    unknown = {**proposal, "import_id": "imp_aaaaaaaaaaaaaaaaaaaaaaaa"}
    trials.refused("unknown list", province.post(batches, unknown), 404)
    trials.refused("odd list", province.post(batches, {**proposal, "import_id": "\u0000"}), 404, 400)


def test_lists_that_cannot_be_read_fail_and_say_why(scene: Scene, trials: Trials) -> None:
    province = scene.staff("province", "34")
    person = make_person(PEOPLE_MAX - 2)
    headers = "姓名,身份证号,毕业院校,学历,毕业日期,离校日期,就业状态,手机号,行政区划"
    row = f"{person.name},{person.id_number},某校,本科,2026-06-30,2026-06-30,未就业,15400000000,340111"
    files = {
        "unreadable_sheet": ("list.xlsx", b"PK\x03\x04 this is no workbook"),
        "missing_column": ("list.csv", headers.replace(",手机号", "").encode()),
        "unknown_column": ("list.csv", f"{headers},备注\n{row},x".encode()),
        "duplicate_column": ("list.csv", f"{headers},姓名\n{row},x".encode()),
        "no_rows": ("list.csv", headers.encode()),
        "rows_invalid": ("list.csv", f"{headers}\n{row[:-3]}".encode("gb18030")),
    }
    ids = {}
    for code, (name, content) in files.items():
        begun = province.post("/v1/imports", announced(content, filename=name)).wanted
        other = scene.service.post_form(begun["upload"], content + b" ")
        assert other in (400, 403), f"another file was taken: {other}"
        assert scene.service.post_form(begun["upload"], content) == 204
        ids[code] = begun["id"]
    for code, import_id in ids.items():
        seen = scene.teller.wait_for(
            "the import",
            lambda one=import_id: province.get(f"/v1/imports/{one}").wanted,
            lambda found: found["status"] in {"failed", "ready"},
        )
        trials.tried += 1
        if (seen["status"], seen["failure"]) != ("failed", code):
            trials.wrong.append(f"{code}: {seen['status']} {seen['failure']}")


def test_batches_that_are_decided(scene: Scene, trials: Trials) -> None:
    one, two = scene.staff("province", "34"), scene.staff("province", "34", nth=1)
    batches = f"/v1/programs/{scene.program['id']}/issuance-batches"
    issued = one.get(batches, limit=1).wanted["items"][0]
    path = f"{batches}/{issued['id']}"
    version = {"version": issued["version"]}
    trials.refused("approved again", two.post(f"{path}/approve", version), 409)
    trials.refused("rejected after all", two.post(f"{path}/reject", {**version, "reason": "x"}), 409)
    trials.refused("rejected without reason", two.post(f"{path}/reject", version), 400, faulty="reason")
    trials.refused("version 0", two.post(f"{path}/approve", {"version": 0}), 400, faulty="version")
    trials.refused("version huge", two.post(f"{path}/approve", {"version": HUGE}), 400, faulty="version")
    other = path.replace(scene.program["id"], "prg_aaaaaaaaaaaaaaaaaaaaaaaa")
    trials.refused("under another program", two.get(other), 404)


# --------------------------------------------------------------------------- vouchers and scans


def test_vouchers(scene: Scene, trials: Trials) -> None:
    holder, other = scene.claimants[20], scene.claimants[21]
    path = f"/v1/vouchers/{holder.voucher_id}"
    clerk = scene.staff("clerk", "3402")
    trials.refused("claimed by another", other.card.post(f"{path}/claim"), 404)
    trials.refused("QR by another", other.card.get(f"{path}/qr"), 404)
    redeemed = scene.redeemed[0]
    spent = redeemed.card.get(f"/v1/vouchers/{redeemed.voucher_id}/qr")
    trials.refused("QR of a spent voucher", spent, 409, code="voucher_already_redeemed")
    unclaimed = scene.graduates[-1]
    bare = unclaimed.card.get(f"/v1/vouchers/{unclaimed.voucher_id}/qr")
    trials.refused("QR of an unclaimed voucher", bare, 409, code="voucher_not_claimed")
    seen = scene.staff("province", "34").get(path).wanted
    revoke = {"version": seen["version"], "reason": "核查"}
    if not seen["division"].startswith("3402"):
        trials.refused("revoked by another city", clerk.post(f"{path}/revoke", revoke), 404)
    province = scene.staff("province", "34")
    trials.refused("revoked, stale", province.post(f"{path}/revoke", {**revoke, "version": 99}), 409)
    trials.refused("revoked without reason", province.post(f"{path}/revoke", {"version": 1}), 400)
    rostered = province.get(f"/v1/vouchers/{redeemed.voucher_id}").wanted
    answer = province.post(
        f"/v1/vouchers/{redeemed.voucher_id}/revoke", {**revoke, "version": rostered["version"]}
    )
    trials.refused("revoked in a running class", answer, 409)
    scene.go_to(scene.at(800))
    trials.refused(
        "claimed when expired", unclaimed.card.post(f"/v1/vouchers/{unclaimed.voucher_id}/claim"), 409
    )
    trials.refused("QR when expired", holder.card.get(f"{path}/qr"), 409, code="voucher_expired")


def test_scans(scene: Scene, trials: Trials) -> None:
    holder = scene.claimants[20]
    school = scene.school
    token = holder.card.get(f"/v1/vouchers/{holder.voucher_id}/qr").wanted["token"]
    sound = {
        "token": token,
        "project_id": PROJECT,
        "nonce": "bad-steps",
        "device_id": "counter-1",
        "happened_at": scene.now.isoformat(),
    }

    def scan(**changes: Any) -> Answer:
        return school.post("/v1/enrolments", {**sound, **changes})

    for what, text in {
        "garbage": "garbage",
        "empty parts": "TV1----",
        "another's signature": token[:-3] + "AAA",
        "many parts": "-".join("A" * 50),
        "not ASCII": "券" * 20,
    }.items():
        trials.refused(what, scan(token=text), 422, code="token_invalid")
    trials.refused("lower case", scan(token=token.lower()), 422, code="token_miskeyed")
    for field, values in {
        "token": ["", "x" * 10_000, 7],
        "nonce": ["", "two words", "x" * 65, "一"],
        "device_id": ["", "x" * 65, "\u0000"],
        "happened_at": ["yesterday", "2026-07-01T09:00:00", "2026-07-01", 1751331600, "2026-13-01T00:00:00Z"],
    }.items():
        for value in values:
            trials.refused(f"{field} = {str(value)[:20]}", scan(**{field: value}), 400, faulty=field)
    trials.refused("unknown project", scan(project_id="prj_nothing"), 400, faulty="project_id")
    trials.refused("not taught here", scan(project_id="prj_teaart-5"), 409, code="project_not_covered")
    scene.later(minutes=5)
    trials.refused("five minutes old", scan(), 409, code="token_expired")
    enrolled = scene.redeemed[0].enrolment_id
    loose = scene.redeemed[13].enrolment_id
    reason = {"reason": "放弃"}
    trials.refused("released though rostered", school.post(f"/v1/enrolments/{enrolled}/release", reason), 409)
    trials.refused(
        "withdrawn though not rostered", school.post(f"/v1/enrolments/{loose}/withdraw", reason), 409
    )
    trials.refused(
        "released without reason", school.post(f"/v1/enrolments/{loose}/release", {"reason": ""}), 400
    )
    long = {"reason": "长" * 501}
    trials.refused("a long reason", school.post(f"/v1/enrolments/{loose}/release", long), 400)
    stranger = scene.staff("institution", "3402")
    trials.refused("another institution's", stranger.get(f"/v1/enrolments/{loose}"), 404)
    trials.refused("released by another", stranger.post(f"/v1/enrolments/{loose}/release", reason), 404)


# --------------------------------------------------------------------------- classes


def plan_of(scene: Scene, **changes: Any) -> Body:
    start = scene.at(40, 8, 30)
    lesson = {
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=4)).isoformat(),
        "hours": 5,
        "topic": "x",
        "trainer": 0,
    }
    trainer = make_person(PEOPLE_MAX - 3)
    return {
        "project_id": PROJECT,
        "name": "某班",
        "planned_size": 12,
        "site": {"name": "教室", "address": "某路", "location": scene.institution["location"]},
        "trainers": [{"name": trainer.name, "id_number": trainer.id_number, "qualification": "x"}],
        "lessons": [lesson],
    } | changes


def test_plans_of_classes(scene: Scene, trials: Trials) -> None:
    sound = plan_of(scene)
    lesson, site = sound["lessons"][0], sound["site"]

    def draft(**changes: Any) -> Answer:
        return scene.school.post("/v1/classes", {**sound, **changes})

    for size in (0, -1, 10**9, HUGE, "12", 1.5):
        trials.refused(f"size {str(size)[:9]}", draft(planned_size=size), 400, faulty="planned_size")
    for what, change in {
        "ends before it starts": {"ends_at": lesson["starts_at"]},
        "lasts two days": {"ends_at": scene.at(42).isoformat()},
        "no hours": {"hours": 0},
        "25 hours": {"hours": 25},
        "half an hour": {"hours": 0.5},
        "no offset": {"starts_at": "2026-12-01T08:00:00"},
        "year 9999": {"starts_at": "9999-12-31T08:00:00+08:00", "ends_at": "9999-12-31T12:00:00+08:00"},
        "year 1": {"starts_at": "0001-01-01T08:00:00+08:00"},
        "trainer 7": {"trainer": 7},
        "trainer -1": {"trainer": -1},
        "unknown field": {"paid": True},
    }.items():
        trials.refused(f"lesson: {what}", draft(lessons=[{**lesson, **change}]), 400, faulty="lessons[0]")
    trials.refused("no lessons", draft(lessons=[]), 400)
    trials.refused("1,000 lessons", draft(lessons=[lesson] * 1000), 400, faulty="lessons")
    trials.refused("no trainers", draft(trainers=[]), 400, faulty="trainers")
    trials.refused("100 trainers", draft(trainers=sound["trainers"] * 100), 400, faulty="trainers")
    bad = {**sound["trainers"][0], "id_number": "340102200301010009"}
    trials.refused("trainer's number", draft(trainers=[bad]), 422)
    for what, change in {
        "no system": {"location": {"lng": 117.3, "lat": 31.8}},
        "latitude 91": {"location": {**site["location"], "lat": 91}},
        "huge": {"location": {**site["location"], "lng": 1e300}},
        "no radius": {"radius_m": 0},
        "radius of 10 km": {"radius_m": 10_000},
        "no name": {"name": ""},
    }.items():
        trials.refused(f"site: {what}", draft(site={**site, **change}), 400, faulty="site")
    trials.refused("unknown project", draft(project_id="prj_nothing"), 400, faulty="project_id")
    trials.refused("not taught here", draft(project_id="prj_teaart-5"), 409, code="project_not_covered")
    trials.refused("another program", draft(program_id="prg_nothing"), 409, 400)
    nan = b'{"project_id":"x","name":"x","planned_size":NaN}'
    answer = scene.school.send("POST", "/v1/classes", raw=nan)
    trials.refused("NaN", answer, 400, code="invalid_json")


def test_decisions_out_of_order(scene: Scene, trials: Trials) -> None:
    school, clerk = scene.school, scene.staff("clerk")
    path = scene.class_path
    version = school.get(path).wanted["version"]
    now = {"version": version}
    trials.refused("submitted though approved", school.post(f"{path}/submit", now), 409)
    trials.refused("approved again", clerk.post(f"{path}/approve", now), 409)
    trials.refused("returned though approved", clerk.post(f"{path}/return", {**now, "reason": "x"}), 409)
    trials.refused("edited though approved", school.put(path, {**plan_of(scene), **now}), 409)
    trials.refused(
        "completion too early", school.post(f"{path}/completion/submit", now), 409, code="lessons_open"
    )
    trials.refused("completion approved unasked", clerk.post(f"{path}/completion/approve", now), 409)
    unasked = clerk.post(f"{path}/completion/return", {**now, "reason": "x"})
    trials.refused("completion returned unasked", unasked, 409)
    rows = [{"enrolment_id": one.enrolment_id, "theory": 70, "practice": 70} for one in scene.trainees]
    trials.refused("marks too early", school.put(f"{path}/scores", {**now, "rows": rows}), 409)
    claim = {"declared_count": 0, "declared_amount_fen": 0}
    trials.refused("claimed too early", school.post(f"{path}/subsidy-claims", claim), 409)
    trials.refused(
        "stale", school.post(f"{path}/cancel", {"version": version + 7}), 409, code="version_conflict"
    )
    trials.refused(
        "cancelled by another", scene.staff("institution", "3402").post(f"{path}/cancel", now), 404
    )
    trials.refused("approved by another city", scene.staff("clerk", "3402").post(f"{path}/approve", now), 404)
    for what, value in {"0": 0, "-1": -1, "huge": HUGE, "text": "1", "null": None, "half": 1.5}.items():
        answer = clerk.post(f"{path}/approve", {"version": value})
        trials.refused(f"version {what}", answer, 400, faulty="version")
    trials.refused("returned without reason", clerk.post(f"{path}/return", now), 400, faulty="reason")
    trials.refused("a long comment", clerk.post(f"{path}/approve", {**now, "comment": "长" * 501}), 400)


def test_rosters_and_marks(scene: Scene, trials: Trials) -> None:
    school, path = scene.school, f"{scene.class_path}/roster"
    version = school.get(path).wanted["version"]
    person = scene.trainees[0].person

    def by_json(rows: Any) -> Answer:
        return school.put(path, {"version": version, "rows": rows})

    one = {"enrolment_id": scene.trainees[0].enrolment_id}
    trials.refused("10,000 rows", by_json([one] * 10_000), 400, faulty="rows")
    trials.refused("the same twice", by_json([one, one]), 422)
    trials.refused("unknown enrolment", by_json([{"enrolment_id": "enr_aaaaaaaaaaaaaaaaaaaaaaaa"}]), 422)
    trials.refused("odd enrolment", by_json([{"enrolment_id": "\u0000"}]), 422, 400)
    trials.refused("nobody", by_json([{}]), 400, 422)
    trials.refused(
        "both ways", by_json([{**one, "name": person.name, "id_number": person.id_number}]), 400, 422
    )
    other_name = {"name": "张三丰", "id_number": person.id_number}
    trials.refused("another name", by_json([other_name]), 422, code="roster_row_unmatched")
    bad_number = {"name": person.name, "id_number": "12345"}
    trials.refused("no number", by_json([bad_number]), 422)
    trials.refused("rows are no list", by_json(one), 400, faulty="rows")

    def by_sheet(content: bytes, content_type: str = CSV, **query: Any) -> Answer:
        return school.put_sheet(path, content, content_type=content_type, **({"version": version} | query))

    book = roster_workbook([person])
    trials.refused("no workbook", school.put_sheet(path, b"PK\x03\x04rubbish", version=version), 422)
    trials.refused("empty workbook", school.put_sheet(path, b"", version=version), 422)
    trials.refused("half a workbook", school.put_sheet(path, book[: len(book) // 2], version=version), 422)
    trials.refused("no version", school.put_sheet(path, book), 400, faulty="version")
    trials.refused("version abc", school.put_sheet(path, book, version="abc"), 400, faulty="version")
    trials.refused("version huge", school.put_sheet(path, book, version=HUGE), 400, faulty="version")
    trials.refused("stale", school.put_sheet(path, book, version=version + 7), 409, code="version_conflict")
    trials.refused("other columns", by_sheet("甲,乙\n1,2".encode()), 422)
    trials.refused("one column", by_sheet("姓名\n某".encode()), 422, code="missing_column")
    trials.refused("column twice", by_sheet("姓名,姓名,身份证号\n某,某,1".encode()), 422)
    trials.refused("only headers", by_sheet("姓名,身份证号\n".encode()), 422, code="no_rows")
    trials.refused("nothing", by_sheet(b""), 422)
    trials.refused("zeros", by_sheet(b"\x00" * 100), 422)
    trials.refused("no encoding", by_sheet(b"\xff\xfe\xfa" * 50), 422)
    trials.refused("an open quote", by_sheet('姓名,身份证号\n"某,1'.encode()), 422)
    many = "姓名,身份证号\n" + f"某,{person.id_number}\n" * 10_000
    trials.refused("10,000 rows of csv", by_sheet(many.encode()), 422)
    wide = "姓名,身份证号" + ",列" * 500 + "\n某,1"
    trials.refused("500 columns", by_sheet(wide.encode()), 422)
    trials.refused("6 MB", by_sheet(b"a" * 6_000_000), 413)
    trials.refused("a page", by_sheet(b"<html>", "text/html"), 415)
    trials.refused("?partial=maybe", by_sheet("姓名\n某".encode(), partial="maybe"), 400, faulty="partial")
    assert len(school.get(path).wanted["items"]) == len(scene.trainees)

    def marks(**changes: Any) -> Answer:
        rows = [{**one, "theory": 70, "practice": 70, **changes}]
        return school.put(f"{scene.class_path}/scores", {"version": version, "rows": rows})

    for what, value in {"text": "70", "half": 70.5, "null": None}.items():
        trials.refused(f"marks {what}", marks(theory=value), 400, faulty="rows[0].theory")
    for value in (-1, 101, HUGE):
        trials.refused(f"marks {str(value)[:9]}", marks(theory=value), 409, 422, 400)


# --------------------------------------------------------------------------- lessons


def test_check_ins(scene: Scene, trials: Trials) -> None:
    lesson = scene.training_class["lessons"][0]
    path = f"/v1/lessons/{lesson['id']}/check-ins"
    card = scene.trainees[0].card
    here = {"lng": 117.3082, "lat": 31.7935, "accuracy_m": 10, "coord_system": "gcj02", "mocked": False}
    sound = {
        "kind": "in",
        "location": here,
        "device_id": "phone-x",
        "nonce": "bad-steps",
        "happened_at": scene.now.isoformat(),
    }

    def come(**changes: Any) -> Answer:
        return card.post(path, {**sound, **changes})

    for what, change in {
        "latitude 91": {"lat": 91},
        "latitude -91": {"lat": -91},
        "longitude 181": {"lng": 181},
        "swapped": {"lng": 31.7935, "lat": 117.3082},
        "text": {"lat": "31.79"},
        "null": {"lat": None},
        "huge": {"lng": 1e308},
        "absurd accuracy": {"accuracy_m": -1e8},
        "mocked maybe": {"mocked": "maybe"},
        "altitude": {"altitude": 3},
    }.items():
        trials.refused(f"place: {what}", come(location={**here, **change}), 400, faulty="location")
    for what, place in {
        "without system": {k: v for k, v in here.items() if k != "coord_system"},
        "system null": {**here, "coord_system": None},
        "system unknown": {**here, "coord_system": "mars"},
        "system in capitals": {**here, "coord_system": "GCJ02"},
    }.items():
        trials.refused(f"place: {what}", come(location=place), 400, code="coord_system_missing")
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        payload = f'{{"kind":"in","location":{{"lng":{text},"lat":31.79}}}}'.encode()
        trials.refused(f"place: {text}", card.send("POST", path, raw=payload), 400)
    for field, values in {
        "kind": ["sideways", "", 1],
        "location": [None, [117, 31], "117,31"],
        "device_id": ["", "two words", "x" * 65],
        "nonce": ["", "x" * 65, "\n"],
        "happened_at": ["now", "2026-07-01T09:00:00", 0],
    }.items():
        for value in values:
            trials.refused(f"{field} = {str(value)[:9]}", come(**{field: value}), 400, faulty=field)
    trials.refused("too early", come(), 409, code="lesson_not_open")
    scene.go_to(scene.at(10, 8, 45))
    trials.refused("out before in", come(kind="out"), 409, code="not_checked_in")
    trials.refused("from Null Island", come(location={**here, "lng": 0, "lat": 0}), 409, code="outside_site")
    trials.refused("from the pole", come(location={**here, "lng": 0, "lat": 90}), 409, code="outside_site")
    outsider = scene.claimants[20].card.post(path, sound)
    trials.refused("not on the roster", outsider, 409, code="not_on_roster")
    unknown = f"/v1/lessons/{lesson['id'][:-2]}99/check-ins"
    trials.refused("a lesson that is not", card.post(unknown, sound), 404)
    scene.go_to(scene.at(10, 20))
    trials.refused("in the evening", come(), 409, code="lesson_closed")


def test_footage(scene: Scene, trials: Trials) -> None:
    lesson = scene.training_class["lessons"][0]
    path = f"/v1/lessons/{lesson['id']}/footage"
    sound = {
        "camera_id": "camera-1",
        "started_at": lesson["starts_at"],
        "ended_at": lesson["ends_at"],
        "size_bytes": 100,
        "sha256": "0" * 64,
        "content_type": "video/mp4",
    }

    def film(**changes: Any) -> Answer:
        return scene.school.post(path, {**sound, **changes})

    for field, values in {
        "size_bytes": [0, -1, 6 * 10**9, HUGE, "100"],
        "sha256": ["", "ab", "z" * 64, 7],
        "content_type": ["image/png", "", "video/mp4; codecs=x"],
        "camera_id": ["", "two words", "x" * 65],
        "started_at": ["early", "2026-07-01T09:00:00"],
    }.items():
        for value in values:
            trials.refused(f"{field} = {str(value)[:9]}", film(**{field: value}), 400, faulty=field)
    swapped = film(started_at=lesson["ends_at"], ended_at=lesson["starts_at"])
    trials.refused("ends before it starts", swapped, 400)
    day = film(started_at=scene.at(2).isoformat(), ended_at=scene.at(2, 10).isoformat())
    trials.refused("of another day", day, 422, code="footage_outside_lesson")
    stranger = scene.staff("institution", "3402").post(path, sound)
    trials.refused("by another institution", stranger, 404)


# --------------------------------------------------------------------------- money


def test_money(scene: Scene, trials: Trials) -> None:
    finance, program = scene.staff("finance"), scene.program["id"]
    budget = {"program_id": program, "appropriated_fen": 100}
    for what, amount in {"negative": -1, "huge": HUGE, "text": "100", "half": 0.5, "null": None}.items():
        answer = finance.put("/v1/budgets/3401/2030", {**budget, "appropriated_fen": amount})
        trials.refused(f"budget {what}", answer, 400, faulty="appropriated_fen")
    for division in ("3402", "34", "340111", "9999", "abc"):
        trials.refused(f"budget of {division}", finance.put(f"/v1/budgets/{division}/2030", budget), 404)
    for year in ("20x6", "1500", "99999", "-2026", "0", "２０２６"):
        trials.refused(f"budget of {year}", finance.put(f"/v1/budgets/3401/{year}", budget), 400)
    unknown = finance.put("/v1/budgets/3401/2030", {**budget, "program_id": "prg_nothing"})
    trials.refused("unknown program", unknown, 400, faulty="program_id")
    stale = finance.put("/v1/budgets/3401/2030", {**budget, "version": 7})
    trials.refused("a version of none", stale, 404, 409)
    row = {
        "line_id": "lin_x",
        "status": "paid",
        "amount_fen": 1,
        "paid_on": "2026-07-01",
        "bank_reference": "TK1",
    }
    path = "/v1/settlement-batches/bat_aaaaaaaaaaaaaaaaaaaaaaaa/results"
    for what, results in {
        "no list": row,
        "paid without a day": [{k: v for k, v in row.items() if k != "paid_on"}],
        "negative": [{**row, "amount_fen": -1}],
        "huge": [{**row, "amount_fen": HUGE}],
        "half a fen": [{**row, "amount_fen": 1.5}],
        "unknown status": [{**row, "status": "perhaps"}],
        "no day": [{**row, "paid_on": "2026-02-30"}],
        "long reference": [{**row, "bank_reference": "x" * 65}],
    }.items():
        trials.refused(f"results: {what}", finance.post(path, {"results": results}), 400, faulty="results")
    many = finance.post(path, {"results": [row] * 10_000})
    trials.refused("results: 10,000 rows", many, 400, 413)
    trials.refused("no rows for no batch", finance.post(path, {"results": []}), 404)
    trials.refused("results of no batch", finance.post(path, {"results": [row]}), 404)
    trials.refused("another's account", finance.get("/v1/ledger/accounts/treasury.3402"), 404)
    trials.refused("another's balance", finance.get("/v1/ledger/trial-balance", division="3402"), 404)
    claim = f"{scene.class_path}/subsidy-claims"
    sound = {"declared_count": 1, "declared_amount_fen": 1}
    for field in sound:
        for value in (-1, HUGE, "1", 0.5, None):
            answer = scene.school.post(claim, {**sound, field: value})
            trials.refused(f"{field} = {str(value)[:9]}", answer, 400, faulty=field)
    anyone = scene.service.anyone()
    nowhere = "/v1/publicity/clm_aaaaaaaaaaaaaaaaaaaaaaaa/objections"
    trials.refused("objection to nothing", anyone.post(nowhere, {"reason": "x"}), 404)
    trials.refused("objection without reason", anyone.post(nowhere, {"reason": "  "}), 400, faulty="reason")
    trials.refused(
        "a very long objection", anyone.post(nowhere, {"reason": "长" * 2001}), 400, faulty="reason"
    )


# --------------------------------------------------------------------------- reading what is another's


def test_another_city_and_institution_see_nothing(scene: Scene, trials: Trials) -> None:
    lesson = scene.training_class["lessons"][0]["id"]
    paths = [
        scene.class_path,
        f"{scene.class_path}/roster",
        f"{scene.class_path}/attendance",
        f"{scene.class_path}/payability",
        f"/v1/lessons/{lesson}/footage",
        f"/v1/enrolments/{scene.trainees[0].enrolment_id}",
    ]
    strangers = {
        "clerk": scene.staff("clerk", "3402"),
        "reviewer": scene.staff("reviewer", "3402"),
        "supervisor": scene.staff("supervisor", "3402"),
        "institution": scene.staff("institution", "3402"),
        "neighbour": scene.staff("institution", nth=1),
    }
    for name, stranger in strangers.items():
        for path in paths:
            trials.refused(f"{name}: {path}", stranger.get(path), 404, code="not_found")
        for listing in ("vouchers", "classes", "enrolments", "subsidy-claims"):
            if name in ("institution", "neighbour"):
                continue
            answer = stranger.get(f"/v1/{listing}", division="3401")
            trials.refused(f"{name}: list of {listing}", answer, 404)
    trainee = scene.claimants[20].card
    trials.refused("another's class", trainee.get(scene.class_path), 404)
    trials.refused("another's enrolment", trainee.get(paths[-1]), 404)
    supervisor = scene.staff("supervisor", "3402")
    voucher = scene.graduates[0]
    if (
        not scene.staff("province", "34")
        .get(f"/v1/vouchers/{voucher.voucher_id}")
        .wanted["division"]
        .startswith("3402")
    ):
        trials.refused("another's voucher", supervisor.get(f"/v1/vouchers/{voucher.voucher_id}"), 404)
        trials.refused("another's history", supervisor.get("/v1/audit", subject=voucher.voucher_id), 404)
    trials.refused("the whole chain", supervisor.post("/v1/audit/verify", {"division": "3401"}), 404)
    trials.refused("another's funnel", supervisor.get("/v1/reports/funnel", division="3401"), 404)
    trials.refused("the project's own", scene.school.get(f"/v1/projects/{OTHER_PROJECT}x"), 404)
