"""Step 9: completion, scores, subsidy claim, two reviews, publicity, settlement, payment."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from chalicelib.kernel.calendar import SHANGHAI, add_working_days
from infra.demo.client import CSV
from infra.demo.scene import CITY, CLASS_SIZE, Body, Scene
from infra.demo.telling import table

_PASSED: Final = CLASS_SIZE - 1
_NIGHT: Final = time(0, 35)
"""When the settlement runs."""


# --------------------------------------------------------------------------- completion and scores


def complete(scene: Scene) -> None:
    """End the class: completion is approved, marks are recorded, one trainee fails."""
    path = scene.class_path
    last = max(datetime.fromisoformat(one["ends_at"]) for one in scene.training_class["lessons"])
    scene.go_to(last - timedelta(hours=1))
    version = scene.training_class["version"]
    early = scene.school.post(f"{path}/completion/submit", {"version": version})
    scene.refused("completion before the last lesson ends", early, 409, "lessons_open")
    scene.go_to(last + timedelta(hours=2))
    applied = scene.decide(scene.school, f"{path}/completion/submit", version)
    scene.later(minutes=30)
    approved = scene.decide(scene.staff("clerk"), f"{path}/completion/approve", applied["version"])
    scene.check("completion", approved["status"], "completion_approved")

    chance = random.Random(9)  # noqa: S311 - the same story every time
    rows = [
        {
            "enrolment_id": one.enrolment_id,
            "theory": chance.randrange(62, 98),
            "practice": chance.randrange(62, 98),
        }
        for one in scene.trainees
    ]
    rows[-1]["practice"] = 52
    part = scene.school.put(f"{path}/scores", {"version": approved["version"], "rows": rows[1:]})
    scene.refused("marks of all but one", part, 422, "scores_incomplete")
    scored = scene.school.put(f"{path}/scores", {"version": approved["version"], "rows": rows}).wanted
    scene.check("passed, failed", (scored["passed"], scored["failed"]), (_PASSED, 1))

    payable = scene.school.get(f"{path}/payability").wanted
    found = (payable["count"], payable["amount_fen"])
    scene.check("payable: people, fen", found, (_PASSED, _PASSED * scene.line_fen))
    failed = next(one for one in payable["lines"] if one["enrolment_id"] == scene.trainees[-1].enrolment_id)
    against = [one["name"] for one in failed["checks"] if not one["passed"]]
    scene.check(
        "the one who failed", (failed["payable"], failed["amount_fen"]), (False, 0), note=", ".join(against)
    )


# --------------------------------------------------------------------------- claim and reviews


def claim_subsidy(scene: Scene) -> None:
    """Claim the subsidy: two people review, the budget is reserved."""
    path = f"{scene.class_path}/subsidy-claims"
    scene.later(minutes=30)
    too_much = {"declared_count": CLASS_SIZE, "declared_amount_fen": CLASS_SIZE * scene.line_fen}
    scene.refused("too much declared", scene.school.post(path, too_much), 422, "declared_totals_differ")
    right = {"declared_count": _PASSED, "declared_amount_fen": _PASSED * scene.line_fen}
    scene.claim = scene.school.post(path, right).wanted
    found = (
        scene.claim["status"],
        scene.claim["count"],
        len(scene.claim["lines"]),
        scene.claim["amount_fen"],
    )
    scene.check("claim submitted", found, ("submitted", _PASSED, _PASSED, _PASSED * scene.line_fen))
    again = scene.school.post(path, right).wanted
    scene.check("claimed again: the same claim", again["id"], scene.claim["id"])

    claim = f"/v1/subsidy-claims/{scene.claim['id']}"
    clerk, reviewer = scene.staff("clerk"), scene.staff("reviewer")
    version = scene.claim["version"]
    own = scene.school.post(f"{claim}/review", {"version": version})
    scene.refused("reviewed by the applicant", own, 403, "forbidden")
    first = reviewer.post(f"{claim}/approve", {"version": version})
    scene.refused("second review before the first", first, 409, "wrong_state")
    reviewed = scene.decide(clerk, f"{claim}/review", version)
    scene.check("first review", reviewed["status"], "reviewed")
    same = clerk.post(f"{claim}/approve", {"version": reviewed["version"]})
    scene.refused("second review by the same person", same, 403, "forbidden")
    _appropriate(scene, claim, reviewed)
    approved = scene.decide(reviewer, f"{claim}/approve", reviewed["version"])
    ends_on = add_working_days(scene.now.date(), scene.program["policy"]["publicity_working_days"])
    outcome = (approved["status"], approved["publicity_ends_on"])
    scene.check("second review; publicity ends on", outcome, ("publicised", ends_on.isoformat()))
    scene.claim = reviewer.get(claim).wanted


def _appropriate(scene: Scene, claim: str, reviewed: Body) -> None:
    """Enter the budget; without one nothing is approved."""
    finance, reviewer = scene.staff("finance"), scene.staff("reviewer")
    scene.budget_year = scene.now.year
    path, program = f"/v1/budgets/{CITY}/{scene.budget_year}", scene.program["id"]
    known = finance.get(path, program_id=program)
    need_fen = _PASSED * scene.line_fen
    if known.status == 404:  # noqa: PLR2004 - no budget yet
        answer = reviewer.post(f"{claim}/approve", {"version": reviewed["version"]})
        scene.refused("approved without a budget", answer, 409, "budget_missing")
        short = finance.put(path, {"program_id": program, "appropriated_fen": need_fen - 1}).wanted
        answer = reviewer.post(f"{claim}/approve", {"version": reviewed["version"]})
        scene.refused("approved with one fen too little", answer, 409, "budget_exhausted")
        known = finance.get(path, program_id=program)
        scene.check("nothing reserved by a refusal", known.wanted["reserved_fen"], 0)
        need_fen -= short["appropriated_fen"]
    old = known.wanted
    body = {
        "program_id": program,
        "appropriated_fen": old["appropriated_fen"] + need_fen,
        "version": old["version"],
    }
    budget = finance.put(path, body).wanted
    scene.check("appropriated, fen", budget["appropriated_fen"], old["appropriated_fen"] + need_fen)
    scene.before["budget"] = budget


def publicise(scene: Scene) -> None:
    """Let everybody look at the claim, masked; before the last day is over nothing is paid."""
    scene.go_to(scene.now + timedelta(days=1))
    shown = scene.service.anyone().every("/v1/publicity", division=CITY)
    nothing: Body = {"lines": []}
    public = next((one for one in shown if one["claim_id"] == scene.claim["id"]), nothing)
    people = table("In public", "name", "number", "fen", right=["fen"])
    for one in public["lines"][:3]:
        people.add_row(one["name"], one["id_number"], str(one["amount_fen"]))
    scene.teller.show(people)
    scene.check("people in public", len(public["lines"]), _PASSED)
    text = str(shown)
    clear = sum(one.person.id_number in text or one.person.name in text for one in scene.trainees)
    scene.check("people in public who are not masked", clear, 0)

    last_day = date.fromisoformat(scene.claim["publicity_ends_on"])
    scene.go_to(datetime.combine(last_day, time(23, 50), tzinfo=SHANGHAI))
    _try_another_account(scene)
    _change_an_account(scene)
    _look_at_cases(scene)
    _stop_a_line(scene)
    before = _batch_ids(scene)
    sealed = scene.staff("finance").post("/v1/settlement-batches").wanted
    scene.check(
        "settlement on the last day of publicity", (sealed["items"], _batch_ids(scene) - before), ([], set())
    )


def _try_another_account(scene: Scene) -> None:
    """Let the first reviewer put another account on the last day: it waits, and finance refuses it."""
    clerk, finance = scene.staff("clerk"), scene.staff("finance")
    path = f"/v1/institutions/{scene.institution['uscc']}"
    own = finance.get(path).wanted
    masked = "*" in own["bank_account"]["number"]
    scene.holds(
        "the account that finance confirmed is in force, masked", masked, note=own["bank_account"]["number"]
    )
    private = {"holder": "张三", "bank": "某银行", "number": "6222020000000009993", "reason": "更换账户"}
    proposed = clerk.post(f"{path}/payee", {**private, "version": own["version"]}).wanted
    told = [warning["code"] for warning in proposed["warnings"]]
    scene.check(
        "another account on the last day", (proposed["status"], told), ("proposed", ["holder_differs"])
    )
    decision = f"{path}/payee/{proposed['id']}"
    typed = {"version": proposed["version"], "number": private["number"]}
    alone = clerk.post(f"{decision}/confirm", typed | {"reason": "急用"})
    scene.refused("confirmed by who put it", alone, 403, "forbidden")
    reason = {"version": proposed["version"], "reason": "户名不是机构"}
    scene.check("refused by finance", finance.post(f"{decision}/refuse", reason).wanted["status"], "refused")


def _change_an_account(scene: Scene) -> None:
    """Change another institution's account by two people's word: for some days the old one is still paid."""
    clerk, finance = scene.staff("clerk"), scene.staff("finance")
    path = f"/v1/institutions/{scene.other_institution}"
    before = finance.get(path).wanted
    old, wait_days = before["bank_account"], scene.program["policy"]["payee_wait_days"]
    account = {"holder": old["holder"], "bank": old["bank"], "number": f"1302{scene.first_person:012d}"}
    proposed = clerk.post(
        f"{path}/payee", {**account, "version": before["version"], "reason": "开户行迁址"}
    ).wanted
    confirm = f"{path}/payee/{proposed['id']}/confirm"
    other = {"version": proposed["version"], "number": account["number"][:-1]}
    scene.refused("a number that differs", finance.post(confirm, other), 422, "payee_number_differs")
    waits = next(one for one in finance.get(path).wanted["payees"] if one["id"] == proposed["id"])
    typed = {"version": waits["version"], "number": account["number"]}
    confirmed = finance.post(confirm, typed).wanted
    now = scene.now
    counts_from = datetime.fromisoformat(confirmed["counts_from"])
    found = (confirmed["status"], (counts_from - now).days)
    scene.check("another institution's new account, counts after days", found, ("confirmed", wait_days))
    in_force = []
    for moment in (counts_from - timedelta(seconds=1), counts_from):
        scene.go_to(moment)
        in_force.append(finance.get(path).wanted["bank_account"]["id"] == confirmed["id"])
    scene.go_to(now)
    scene.check("… in force before, and from then on", in_force, [False, True])


def _look_at_cases(scene: Scene) -> None:
    """See that supervision found nothing at a class that was held as it should be."""
    supervisor = scene.staff("supervisor")
    found = [
        (case["rule"], case["severity"], case["findings"][-1]["evidence"])
        for case in supervisor.every("/v1/risk-cases", institution=scene.institution["uscc"])
        if case["class"] == scene.training_class["id"]
    ]
    scene.check("what supervision found at an honest class", found, [])


def _stop_a_line(scene: Scene) -> None:
    """Stop the payment of a line, see why it is held and who lifts it, and let it go."""
    supervisor = scene.staff("supervisor")
    claim = f"/v1/subsidy-claims/{scene.claim['id']}"
    subject = {"kind": "line", "id": scene.claim["lines"][0]["id"]}
    hold = supervisor.post("/v1/holds", {"subject": subject, "reason": "接举报，核查中"}).wanted
    line = scene.school.get(claim).wanted["lines"][0]
    shown = [(held["code"], held["reason"]) for held in line["holds"]]
    found = (line["status"], shown)
    scene.check("a line stopped, and why", found, ("held", [("stop_payment", "接举报，核查中")]))
    release = {"version": hold["version"], "reason": "查无实据"}
    released = supervisor.post(f"/v1/holds/{hold['id']}/release", release).wanted
    scene.check("… let go", released["status"], "released")


def _batch_ids(scene: Scene) -> set[str]:
    return {one["id"] for one in scene.staff("finance").every("/v1/settlement-batches")}


# --------------------------------------------------------------------------- settlement


def settle(scene: Scene) -> None:
    """Seal a batch in the night; the bank pays all but one, and once released the next batch pays that one.

    A payment that comes back (退票) is paid again in the third night, when a second officer has released it.
    """
    last_day = date.fromisoformat(scene.claim["publicity_ends_on"])
    first = _sealed_on(scene, last_day + timedelta(days=1))
    total_fen = _PASSED * scene.line_fen
    found = (first["status"], first["count"], first["amount_fen"])
    scene.check("batch sealed in the night", found, ("sealed", _PASSED, total_fen))
    wanted = {one["id"] for one in scene.claim["lines"]}
    scene.holds("its lines", {one["line_id"] for one in first["lines"]} == wanted)
    early = scene.staff("finance").post(
        f"/v1/settlement-batches/{first['id']}/results", _results(first, scene)
    )
    scene.refused("results before the export", early, 409, "not_exported")
    _export(scene, first)
    _pay_but_one(scene, first)
    bounced = first["lines"][0]["line_id"]
    _release(scene, bounced)
    second = _sealed_on(scene, last_day + timedelta(days=2))
    found = (second["count"], second["amount_fen"], [one["line_id"] for one in second["lines"]])
    scene.check("next night's batch: the bounced line", found, (1, scene.line_fen, [bounced]))
    _export(scene, second)
    finance = scene.staff("finance")
    path = "/v1/settlement-batches"
    sheet = _as_sheet(_results(second, scene))
    target = f"{path}/{second['id']}/results"
    paid = finance.send("POST", target, raw=sheet, content_type=CSV).wanted
    scene.check("paid at the second try, by the bank's csv", (paid["applied"], paid["refused"]), (1, []))
    states = [finance.get(f"{path}/{one['id']}").wanted["status"] for one in (first, second)]
    scene.check("both batches", states, ["closed", "closed"])
    _pay_what_came_back(scene, first, last_day + timedelta(days=3))
    _check_settled(scene)


def _release(scene: Scene, line_id: str) -> None:
    """Let a line that failed or came back go on: not by who entered that, but by a second officer."""
    path, body = f"/v1/claim-lines/{line_id}/release", {"reason": "收款账户已核实"}
    own = scene.staff("finance").post(path, body)
    scene.refused("released by who entered the result", own, 403, "self_approval")
    released = scene.staff("finance", nth=1).post(path, body).wanted
    scene.holds("released by a second officer", bool(released["released"]))


def _pay_what_came_back(scene: Scene, first: Body, night: date) -> None:
    """Book a payment that the bank sent back (退票), and pay it again: its voucher stays settled."""
    finance = scene.staff("finance")
    known = {one["id"]: one["enrolment_id"] for one in scene.claim["lines"]}
    line = next(one for one in first["lines"][1:] if known[one["line_id"]] != scene.trainees[0].enrolment_id)
    row = {
        "line_id": line["line_id"],
        "status": "returned",
        "amount_fen": line["amount_fen"],
        "reason": "账户已销户",
    }
    results = f"/v1/settlement-batches/{first['id']}/results"
    told = finance.post(results, {"results": [row]}).wanted
    scene.check("a payment that came back (退票)", (told["applied"], told["refused"]), (1, []))
    scene.check("… told once more: the same answer", finance.post(results, {"results": [row]}).wanted, told)
    path = f"/v1/budgets/{CITY}/{scene.budget_year}"
    budget = finance.get(path, program_id=scene.program["id"]).wanted
    reserved_fen = budget["reserved_fen"] - scene.before["budget"]["reserved_fen"]
    scene.check("… is set aside for its line again, fen", reserved_fen, scene.line_fen)
    _release(scene, line["line_id"])
    third = _sealed_on(scene, night)
    scene.check(
        "third night's batch: what came back", (third["count"], third["amount_fen"]), (1, scene.line_fen)
    )
    _export(scene, third)
    paid = finance.post(f"/v1/settlement-batches/{third['id']}/results", _results(third, scene)).wanted
    scene.check("paid once more, its voucher its own", (paid["applied"], paid["flagged"]), (1, []))
    shown = finance.get(f"/v1/claim-lines/{line['line_id']}").wanted
    tries = [attempt["status"] for attempt in shown["attempts"]]
    scene.check("what the bank said of that line", tries, ["paid", "returned", "paid"])
    scene.messages["voucher.returned"] += 1
    scene.messages["voucher.paid_again"] += 1


def _sealed_on(scene: Scene, night: date) -> Body:
    """Start the nightly settlement as its schedule would, and give the batch that it seals."""
    finance = scene.staff("finance")
    before = _batch_ids(scene)
    scene.go_to(datetime.combine(night, _NIGHT, tzinfo=SHANGHAI))
    asked = scene.service.invoke("settle_subsidies", {"now": scene.now.isoformat()})
    scene.teller.say(f"settle_subsidies at {scene.now:%Y-%m-%d %H:%M}: {asked}")
    fresh = scene.teller.wait_for("the batch", lambda: _batch_ids(scene) - before, bool)
    scene.later(minutes=10)
    ours = {one["id"] for one in scene.claim["lines"]}
    found = [dict(finance.get(f"/v1/settlement-batches/{one}").wanted) for one in sorted(fresh)]
    empty: Body = {"id": None, "status": None, "count": 0, "amount_fen": 0, "lines": []}
    return next((one for one in found if ours & {line["line_id"] for line in one["lines"]}), empty)


def _export(scene: Scene, batch: Body) -> None:
    finance = scene.staff("finance")
    path = f"/v1/settlement-batches/{batch['id']}"
    exporter = scene.staff("finance", nth=1)
    exported = exporter.post(f"{path}/export").wanted
    file = scene.service.download(exported["url"])
    digest = hashlib.sha256(file).hexdigest()
    sealed = finance.get(path).wanted
    scene.check("payment file: digest", digest, sealed["digest"])
    scene.check("… as announced", (exported["sha256"], exported["count"]), (digest, batch["count"]))
    rows = list(csv.DictReader(io.StringIO(file.decode())))
    amounts_fen = sum(int(row["amount_fen"]) for row in rows)
    scene.check("… its rows, fen", (len(rows), amounts_fen), (batch["count"], batch["amount_fen"]))
    again = exporter.post(f"{path}/export").wanted
    scene.holds("exported again: the same bytes", scene.service.download(again["url"]) == file)


def _results(batch: Body, scene: Scene, *, bounced: int = -1) -> Body:
    return {
        "results": [
            {
                "line_id": one["line_id"],
                "status": "failed",
                "amount_fen": one["amount_fen"],
                "reason": "收款账户户名不符，退回",
            }
            if place == bounced
            else {
                "line_id": one["line_id"],
                "status": "paid",
                "amount_fen": one["amount_fen"],
                "paid_on": scene.now.date().isoformat(),
                "bank_reference": f"TK{batch['id'][-8:].upper()}{place:04d}",
            }
            for place, one in enumerate(batch["lines"])
        ]
    }


def _as_sheet(results: Body) -> bytes:
    """Write results as the bank's file."""
    names = {
        "line_id": "明细编号",
        "status": "状态",
        "amount_fen": "金额（分）",
        "paid_on": "支付日期",
        "bank_reference": "流水号",
        "reason": "原因",
    }
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(names.values())
    rows.writerows([one.get(name, "") for name in names] for one in results["results"])
    return file.getvalue().encode()


def _pay_but_one(scene: Scene, batch: Body) -> None:
    finance = scene.staff("finance")
    path = f"/v1/settlement-batches/{batch['id']}"
    scene.later(minutes=600)
    reported = _results(batch, scene, bounced=0)
    wrong: dict[str, Any] = {"results": [{**reported["results"][1], "amount_fen": scene.line_fen + 1}]}
    answer = finance.post(f"{path}/results", wrong).wanted
    refused = [(one["row"], one["code"]) for one in answer["refused"]]
    scene.check("a result with another amount", (answer["applied"], refused), (0, [(1, "amount_differs")]))
    applied = finance.post(f"{path}/results", reported).wanted
    scene.check("results applied, refused", (applied["applied"], applied["refused"]), (_PASSED, []))
    seen = finance.get(path).wanted
    states = Counter(one["status"] for one in seen["lines"])
    scene.check("lines", dict(states), {"paid": _PASSED - 1, "payment_failed": 1})
    scene.check("batch", seen["status"], "reconciled")
    balance = finance.get("/v1/ledger/trial-balance").wanted
    again = finance.post(f"{path}/results", reported).wanted
    same = (again == applied, finance.get("/v1/ledger/trial-balance").wanted == balance)
    scene.check("the same results once more: same answer, same ledger", same, (True, True))


def _check_settled(scene: Scene) -> None:
    scene.paid_in = scene.now.year
    states: Counter[str] = Counter()
    for one in scene.trainees:
        states[one.card.get(f"/v1/vouchers/{one.voucher_id}").wanted["status"]] += 1
    scene.check("vouchers of the class", dict(states), {"settled": _PASSED, "closed": 1})
    scene.messages["voucher.settled"] += _PASSED
    scene.messages["voucher.closed"] += 1
    claim = scene.school.get(f"/v1/subsidy-claims/{scene.claim['id']}").wanted
    lines = Counter(one["status"] for one in claim["lines"])
    scene.check("claim", (claim["status"], dict(lines)), ("paid", {"paid": _PASSED}))
    scene.check("class", scene.school.get(scene.class_path).wanted["status"], "closed")
    finance = scene.staff("finance")
    path = f"/v1/budgets/{CITY}/{scene.budget_year}"
    budget = finance.get(path, program_id=scene.program["id"]).wanted
    spent_fen = budget["spent_fen"] - scene.before["budget"]["spent_fen"]
    found = (spent_fen, budget["reserved_fen"] - scene.before["budget"]["reserved_fen"])
    scene.check("budget: spent, still reserved", found, (_PASSED * scene.line_fen, 0))
