"""Money in the small province: accounts that count from its first days on, a budget, a batch that is paid."""

from typing import Final

from infra.province.stack.agenda import Agenda
from infra.province.stack.life import Life
from infra.province.stack.town import BEGINS_DAYS_AGO, Body, Town, told

_CITY: Final = "3401"
_BUDGET_FEN: Final = 50_000_000


def confirm_payees(town: Town) -> None:
    """Let clerk and finance agree on the schools' accounts anew, so that they count in the past told here."""
    clerk, finance = town.staff("clerk", _CITY), town.staff("finance", _CITY)
    for number, one in enumerate(town.service.stack["accounts"]):
        if one["role"] != "institution" or not one["division"].startswith(_CITY):
            continue
        path = f"/v1/institutions/{one['institution']}"
        known = told(finance.get(path))
        proposal = {
            "holder": known["name"],
            "bank": "徽商银行",
            "number": f"1025{town.first_person + number:015d}",
            "reason": "开户行迁址",
            "version": known["version"],
        }
        proposed = told(clerk.post(f"{path}/payee", proposal))
        typed = {"version": proposed["version"], "number": proposal["number"]}
        told(finance.post(f"{path}/payee/{proposed['id']}/confirm", typed))


def appropriate(town: Town, agenda: Agenda) -> None:
    """Enter what may be spent, or more of it."""

    def enter() -> None:
        finance = town.staff("finance", _CITY)
        path, program = f"/v1/budgets/{_CITY}/{town.clock.year}", town.program["id"]
        answer = finance.get(path, program_id=program)
        body: Body = {"program_id": program, "appropriated_fen": _BUDGET_FEN}
        if answer.ok:
            known = told(answer)
            body = {
                **body,
                "appropriated_fen": known["appropriated_fen"] + _BUDGET_FEN,
                "version": known["version"],
            }
        told(finance.put(path, body))

    for days_ago in sorted({BEGINS_DAYS_AGO - 1, 0}, reverse=True):
        moment = town.at(-days_ago, 0, 1)
        if days_ago == 0 and moment.year == town.at(-BEGINS_DAYS_AGO, 0).year:
            continue
        agenda.at(moment, enter)


def pay(town: Town, life: Life) -> None:
    """Seal what is payable, export the file, and let the bank pay all of it."""
    finance = town.staff("finance", _CITY)
    path = "/v1/settlement-batches"
    before = {one["id"] for one in finance.every(path)}
    town.service.invoke("settle_subsidies", {"now": town.clock.isoformat()})
    fresh = town.wait_for(
        lambda: [one["id"] for one in finance.every(path) if one["id"] not in before], bool, "the batch"
    )
    own = {line["id"] for line in told(finance.get(life.claim_path))["lines"]}
    for batch_id in fresh:
        batch = told(finance.get(f"{path}/{batch_id}"))
        if not own & {line["line_id"] for line in batch["lines"]}:
            continue
        told(town.staff("finance", _CITY, nth=1).post(f"{path}/{batch_id}/export"))
        results = [
            {
                "line_id": line["line_id"],
                "status": "paid",
                "amount_fen": line["amount_fen"],
                "paid_on": town.clock.date().isoformat(),
                "bank_reference": f"TK{batch_id[-8:].upper()}{place:04d}",
            }
            for place, line in enumerate(batch["lines"])
        ]
        told(finance.post(f"{path}/{batch_id}/results", {"results": results}))
