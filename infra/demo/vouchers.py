"""Steps 1 to 5: exchange, catalogue, issue, claim, redeem."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import openpyxl

from chalicelib.kernel.calendar import SHANGHAI, add_months
from infra.demo.scene import (
    CITY,
    CLAIMANTS,
    LIST_ROWS,
    OTHER_PROJECT,
    PROJECT,
    REDEEMED,
    Body,
    Graduate,
    Scene,
)
from infra.demo.sight import read_qr
from infra.demo.telling import table
from infra.local.catalogue import PROGRAM
from infra.local.people import demo_list, make_person

_INSTITUTIONS_MIN: Final = 30
_PROJECTS_MIN: Final = 20
_FACE_VALUE_FEN: Final = 600_000
_QUIET_SECONDS: Final = 0.5
_IMPORT_OVER: Final = frozenset({"ready", "failed"})
_FILE_NAME: Final = "离校未就业毕业生名单.xlsx"


# --------------------------------------------------------------------------- 1 exchange


def exchange(scene: Scene) -> None:
    """Find the national platform there and the voucher's face and rules configured for the program."""
    programs = scene.service.anyone().every("/v1/programs")
    scene.program = next(one for one in programs if one["name"] == PROGRAM["name"])
    face, policy = scene.program["face"], scene.program["policy"]
    scene.teller.say(f"{face['title']} · {face['issuer']} · policy version {scene.program['policy_version']}")
    scene.check("face value in fen", policy["face_value_fen"], _FACE_VALUE_FEN)
    scene.check("simulated national platform", scene.service.platform("/state")["mode"], "ok")
    scene.before = _figures(scene)


def _figures(scene: Scene) -> Body:
    """Read what the end of the story is compared with, once all that happened before is counted."""
    province = scene.staff("province", "34")
    funnels: list[Body] = []

    def read() -> bool:
        waiting = province.get("/v1/exchange/deliveries", state="pending").wanted["items"]
        funnels.append(province.get("/v1/reports/funnel", program=scene.program["id"]).wanted)
        return not waiting and funnels[-1:] == funnels[-2:-1]

    scene.teller.wait_for("earlier changes to be counted", read, bool, every_seconds=_QUIET_SECONDS)
    funnel = funnels[-1]
    return {"funnel": funnel, "trial": scene.staff("finance").get("/v1/ledger/trial-balance").wanted}


# --------------------------------------------------------------------------- 2 catalogue


def catalogue(scene: Scene) -> None:
    """Look up, as anybody, where and on what a voucher may be spent."""
    anyone = scene.service.anyone()
    institutions, projects = anyone.every("/v1/institutions"), anyone.every("/v1/projects")
    scene.holds(f"institutions, at least {_INSTITUTIONS_MIN}", len(institutions) >= _INSTITUTIONS_MIN)
    scene.holds(f"projects, at least {_PROJECTS_MIN}", len(projects) >= _PROJECTS_MIN)
    own = next(
        one["institution"]
        for one in scene.service.stack["accounts"]
        if one["role"] == "institution" and one["division"].startswith(CITY)
    )
    scene.institution = anyone.get(f"/v1/institutions/{own}").wanted
    scene.project = anyone.get(f"/v1/projects/{PROJECT}").wanted
    where = scene.institution["location"]
    near = f"{where['lng']},{where['lat']},{where['coord_system']}"
    found = anyone.get(
        "/v1/institutions", program=scene.program["id"], division=CITY, project=PROJECT, near=near, limit=3
    ).wanted["items"]
    shown = table("Nearest institutions for the project", "institution", "address", "m", right=["m"])
    for one in found:
        shown.add_row(one["name"], one["address"], str(one["distance_m"]))
    scene.teller.show(shown)
    scene.check("the nearest one", found[0]["uscc"], own)
    scene.check("bank accounts shown to the public", sum("bank_account" in one for one in institutions), 0)


# --------------------------------------------------------------------------- 3 issue


def issue(scene: Scene) -> None:
    """Make vouchers of a list of graduates: rows are checked, a second person approves."""
    scene.go_to(scene.at(0))
    province, second = scene.staff("province", "34"), scene.staff("province", "34", nth=1)
    _choose_people(scene)
    workbook, expected = demo_list(LIST_ROWS, today=scene.day, first=scene.first_person)
    scene.expected = expected
    failed = _import(scene, workbook, partial=False)
    counts = tuple(failed[name] for name in ("status", "total", "valid", "invalid"))
    wrong = len(expected.wrong)
    scene.check("import with wrong rows", counts, ("failed", expected.total, expected.valid, wrong))
    _show_errors(scene, failed)
    found = [(one["row"], one["column"]) for one in failed["errors"]]
    scene.check("rows and columns named", found, [(one.row, one.column) for one in expected.wrong])
    _check_error_sheet(scene, failed)
    batches = f"/v1/programs/{scene.program['id']}/issuance-batches"
    proposal = {"import_id": failed["id"], "declared_count": expected.valid}
    scene.refused("a batch from a failed import", province.post(batches, proposal), 409, "import_not_ready")

    ready = _import(scene, workbook, partial=True)
    counts = tuple(ready[name] for name in ("status", "total", "valid", "invalid"))
    scene.check("same list, ?partial=true", counts, ("ready", expected.total, expected.valid, wrong))
    proposal = {"import_id": ready["id"], "declared_count": expected.valid}
    too_many = {**proposal, "declared_count": expected.total}
    scene.refused("wrong count declared", province.post(batches, too_many), 422, "declared_totals_differ")
    batch = province.post(batches, proposal).wanted
    counts = tuple(batch[name] for name in ("status", "eligible", "refused", "already_held"))
    ineligible = sum(expected.ineligible.values())
    scene.check("batch proposed", counts, ("proposed", expected.eligible, ineligible, 0))
    path = f"{batches}/{batch['id']}"
    reasons = Counter(one["code"] for one in province.every(f"{path}/refusals"))
    scene.check("ineligible, by reason", dict(reasons), expected.ineligible)
    own = province.post(f"{path}/approve", {"version": batch["version"]})
    scene.refused("approved by who proposed it", own, 403, "self_approval")
    scene.decide(second, f"{path}/approve", batch["version"])
    issued = _issued(scene, path)
    scene.check("vouchers issued", (issued["status"], issued["issued"]), ("issued", expected.eligible))

    again = province.post(batches, proposal)
    scene.refused("the list once more", again, 409, "nothing_to_issue")


def _choose_people(scene: Scene) -> None:
    """Take people of whom nobody has a voucher yet: a list is told only once of anybody."""
    assert scene.expected is None
    while True:
        first = make_person(scene.first_person, today=scene.day)
        card = scene.service.trainee(name=first.name, id_number=first.id_number)
        if not card.get("/v1/vouchers").wanted["items"]:
            return
        scene.first_person += LIST_ROWS


def _import(scene: Scene, workbook: bytes, *, partial: bool) -> Body:
    province = scene.staff("province", "34")
    announced = {
        "kind": "graduates",
        "filename": _FILE_NAME,
        "size_bytes": len(workbook),
        "sha256": hashlib.sha256(workbook).hexdigest(),
    }
    options = {"partial": "true"} if partial else {}
    begun = province.post("/v1/imports", announced, **options).wanted
    scene.check(
        "list uploaded with the presigned form", scene.service.post_form(begun["upload"], workbook), 204
    )
    return scene.teller.wait_for(
        "the import",
        lambda: dict(province.get(f"/v1/imports/{begun['id']}").wanted),
        lambda read: read["status"] in _IMPORT_OVER,
    )


def _show_errors(scene: Scene, failed: Body) -> None:
    shown = table("What is wrong with the list", "row", "column", "code", "reason", right=["row"])
    for one in failed["errors"]:
        shown.add_row(str(one["row"]), one["column"], one["code"], one["detail"])
    scene.teller.show(shown)


def _check_error_sheet(scene: Scene, failed: Body) -> None:
    book = openpyxl.load_workbook(io.BytesIO(scene.service.download(failed["error_sheet"])), read_only=True)
    rows = list(book.worksheets[0].iter_rows(min_row=2, values_only=True))
    assert scene.expected is not None
    found = (len(rows), sum(bool(row[-1]) for row in rows))
    scene.check("error sheet: rows, reasons", found, (LIST_ROWS, len(scene.expected.wrong)))


def _issued(scene: Scene, path: str) -> Body:
    province = scene.staff("province", "34")
    return scene.teller.wait_for(
        "the vouchers", lambda: dict(province.get(path).wanted), lambda batch: batch["status"] == "issued"
    )


# --------------------------------------------------------------------------- 4 claim


def claim(scene: Scene) -> None:
    """Let graduates open their card and see what they were given; some accept it."""
    assert scene.expected is not None
    scene.go_to(scene.at(0, 10))
    vouchers = []
    for person in scene.teller.each("graduates open the card", scene.expected.eligible_people):
        card = scene.service.trainee(name=person.name, id_number=person.id_number)
        mine = card.get("/v1/vouchers").wanted["items"]
        vouchers += mine
        scene.graduates.append(Graduate(person, card, voucher_id=mine[0]["id"] if mine else ""))
    states = Counter(one["status"] for one in vouchers)
    scene.check("vouchers in cards", dict(states), {"issued": scene.expected.eligible})
    scene.messages["voucher.issued"] += len(vouchers)

    first, other = scene.graduates[0], scene.graduates[1]
    path = f"/v1/vouchers/{first.voucher_id}"
    face = first.card.get(path).wanted
    holder = {"name": first.person.name, "id_number": first.person.id_number}
    scene.holds("the holder sees their own name and number in full", face["holder"] == holder)
    months = scene.program["policy"]["validity_months"]
    last_day = add_months(scene.day, months)
    scene.check("valid through", face["valid_through"], last_day.isoformat())
    midnight = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), tzinfo=SHANGHAI)
    scene.check("expires at", datetime.fromisoformat(face["expires_at"]), midnight)
    scene.holds("project among the usable ones", PROJECT in face["projects"])
    scene.refused("another one's voucher", other.card.get(path), 404, "not_found")
    scene.refused("the QR of an unclaimed voucher", first.card.get(f"{path}/qr"), 409, "voucher_not_claimed")

    scene.claimants = scene.graduates[:CLAIMANTS]
    states = Counter[str]()
    for one in scene.teller.each("graduates claim", scene.claimants):
        states[one.card.post(f"/v1/vouchers/{one.voucher_id}/claim").wanted["status"]] += 1
    scene.check("claimed", dict(states), {"claimed": CLAIMANTS})
    scene.messages["voucher.claimed"] += CLAIMANTS
    claimed = first.card.get(path).wanted
    scene.later(minutes=5)
    again = first.card.post(f"{path}/claim").wanted
    same = ("version", "claimed_at", "status")
    scene.check(
        "claiming twice changes nothing", [again[name] for name in same], [claimed[name] for name in same]
    )


# --------------------------------------------------------------------------- 5 redeem


def redeem(scene: Scene) -> None:
    """Scan the QR of those who come: enrolled and redeemed in one write."""
    scene.go_to(scene.at(1))
    scene.redeemed = scene.claimants[:REDEEMED]
    decoded = 0
    trainees = []
    for nth, one in enumerate(scene.teller.each("QR shown, drawn, decoded, scanned", scene.redeemed)):
        qr = one.card.get(f"/v1/vouchers/{one.voucher_id}/qr").wanted
        seen = read_qr(qr["svg"])
        decoded += seen == qr["token"]
        project = OTHER_PROJECT if nth == REDEEMED - 1 else PROJECT
        preview = scene.school.post("/v1/verifications", {"token": seen, "project_id": project}).wanted
        if nth == 0:
            scene.check("preview of the first scan", (preview["redeemable"], preview["reasons"]), (True, []))
            shown = f"{preview['holder']['name']} {preview['holder']['id_number']}"
            scene.teller.say(f"the counter sees {shown}")
            later = _token_of_next_minute(scene, one)
        answer = scene.school.post(
            "/v1/enrolments", _scan(scene, seen, project, nonce=f"scan-{one.voucher_id}")
        )
        enrolment = answer.wanted
        one.enrolment_id = enrolment["id"]
        trainees.append(enrolment)
        if nth == 0:
            _scan_again(scene, one, seen, later, enrolment)
        scene.later(seconds=40)
    scene.check("QR codes decoded to their token", decoded, REDEEMED)
    scene.check("enrolments", dict(Counter(one["status"] for one in trainees)), {"confirmed": REDEEMED})
    vouchers = Counter(
        one.card.get(f"/v1/vouchers/{one.voucher_id}").wanted["status"] for one in scene.redeemed
    )
    scene.check("vouchers redeemed", dict(vouchers), {"redeemed": REDEEMED})
    scene.messages["voucher.redeemed"] += REDEEMED
    _refuse_bad_scans(scene)
    _release_one(scene)
    _restore_one(scene)


def _token_of_next_minute(scene: Scene, one: Graduate) -> str:
    now = scene.now
    scene.later(minutes=1)
    token = str(one.card.get(f"/v1/vouchers/{one.voucher_id}/qr").wanted["token"])
    scene.go_to(now)
    return token


def _scan(scene: Scene, token: str, project: str, *, nonce: str) -> Body:
    return {
        "token": token,
        "project_id": project,
        "nonce": nonce,
        "device_id": "counter-1",
        "happened_at": scene.now.isoformat(),
    }


def _scan_again(scene: Scene, one: Graduate, token: str, later: str, enrolment: Body) -> None:
    now = scene.now
    same = scene.school.post("/v1/enrolments", _scan(scene, token, PROJECT, nonce=f"scan-{one.voucher_id}"))
    scene.check("the same scan sent again gives the same enrolment", same.wanted, enrolment)
    twice = scene.school.post("/v1/enrolments", _scan(scene, token, PROJECT, nonce="second"))
    scene.refused("the same code scanned a second time", twice, 409, "token_replayed")
    scene.later(minutes=1)
    fresh = scene.school.post("/v1/enrolments", _scan(scene, later, PROJECT, nonce="third"))
    scene.refused("a fresh code of a spent voucher", fresh, 409, "voucher_already_redeemed")
    scene.go_to(now)


def _refuse_bad_scans(scene: Scene) -> None:
    one = scene.claimants[REDEEMED]
    token = str(one.card.get(f"/v1/vouchers/{one.voucher_id}/qr").wanted["token"])
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    answer = scene.school.post("/v1/enrolments", _scan(scene, forged, PROJECT, nonce="forged"))
    scene.refused("a forged code", answer, 422, "token_invalid")
    scene.later(minutes=3)
    answer = scene.school.post("/v1/enrolments", _scan(scene, token, PROJECT, nonce="late"))
    scene.refused("a screenshot of three minutes ago", answer, 409, "token_expired")
    kept = scene.school.get("/v1/scans", outcome="refused", limit=100).wanted["items"]
    codes = {one["code"] for one in kept}
    wanted = {"token_replayed", "voucher_already_redeemed", "token_invalid", "token_expired"}
    scene.check("refused scans are kept as evidence", wanted - codes, set())


def _release_one(scene: Scene) -> None:
    """Let one of them change their mind: the voucher is theirs again."""
    one = scene.redeemed[REDEEMED - 2]
    path = f"/v1/enrolments/{one.enrolment_id}/release"
    released = scene.school.post(path, {"reason": "学员因工作安排放弃报名"}).wanted
    voucher = one.card.get(f"/v1/vouchers/{one.voucher_id}").wanted
    scene.check(
        "an enrolment released with a reason",
        (released["status"], voucher["status"]),
        ("released", "claimed"),
    )
    scene.messages["voucher.released"] += 1


def _restore_one(scene: Scene) -> None:
    """Take a voucher from the wrong person, and give it back by the word of two of the province."""
    one = scene.claimants[REDEEMED + 1]
    path = f"/v1/vouchers/{one.voucher_id}"
    province, second = scene.staff("province", "34"), scene.staff("province", "34", nth=1)
    version = province.get(path).wanted["version"]
    scene.decide(province, f"{path}/revoke", version, reason="误认为同名人员已就业")
    proposed = province.post(f"{path}/restore", {"reason": "收回有误，系同名人员"}).wanted
    scene.refused(
        "restored by who proposed it", province.post(f"{path}/restore/confirm"), 403, "self_approval"
    )
    restored = second.post(f"{path}/restore/confirm", {"version": proposed["version"]}).wanted
    scene.check(
        "revoked by mistake, restored by two of the province",
        (proposed["status"], restored["status"], restored["valid_through"]),
        ("revoked", "claimed", proposed["valid_through"]),
    )
    scene.messages["voucher.revoked"] += 1
    scene.messages["voucher.changed"] += 1
    scene.messages["voucher.restored"] += 1
