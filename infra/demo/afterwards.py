"""After the nine steps: what was not used expires, the platform knows everything, the books balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from typing import Any, Final

from chalicelib.kernel.calendar import SHANGHAI, add_months
from infra.demo.scene import CITY, CLASS_SIZE, REDEEMED, Body, Scene
from infra.demo.telling import table

_PASSED: Final = CLASS_SIZE - 1
_STILL_REDEEMED: Final = REDEEMED - 1 - CLASS_SIZE
"""Of those who redeemed, one was released and the rest without a class are still waiting for one."""
_EXPIRY_NIGHT: Final = time(0, 5)
_UNUSED: Final = frozenset({"issued", "claimed", "expired"})
_BOOKED_AS: Final = {"subsidy_expense": "institution", "receivable": "receivable"}
"""Which sums of the statement an account of the books has to agree with."""
_LIFE: Final = ("issued", "claimed", "redeemed", "settled")


def expire(scene: Scene) -> None:
    """Let a year pass: the nightly run expires what nobody used."""
    assert scene.expected is not None
    last_day = add_months(scene.day, scene.program["policy"]["validity_months"])
    scene.go_to(datetime.combine(last_day + timedelta(days=1), _EXPIRY_NIGHT, tzinfo=SHANGHAI))
    asked = scene.service.invoke("expire_vouchers", {"now": scene.now.isoformat()})
    scene.teller.say(f"expire_vouchers at {scene.now:%Y-%m-%d %H:%M}: {asked}")
    expired = scene.expected.eligible - _PASSED - 1 - _STILL_REDEEMED
    scene.messages["voucher.expired"] += expired
    wanted = {
        "issued": 0,
        "claimed": 0,
        "redeemed": _STILL_REDEEMED,
        "settled": _PASSED,
        "closed": 1,
        "expired": expired,
        "revoked": 0,
    }
    others = scene.before["funnel"]["stages"]
    if others["issued"] or others["claimed"]:  # somebody else's, which may expire in the same night
        wanted = {name: count for name, count in wanted.items() if name not in _UNUSED}
    found = scene.teller.wait_for(
        "the expiry",
        lambda: {name: count for name, count in _stages(scene).items() if name in wanted},
        lambda stages: stages == wanted,
    )
    scene.check("this list's vouchers by state", found, wanted)
    total = _funnel(scene)
    scene.check("Σ over states = Σ issued", sum(total["stages"].values()), total["ever"]["issued"])


def _funnel(scene: Scene) -> Body:
    return dict(scene.staff("province", "34").get("/v1/reports/funnel", program=scene.program["id"]).wanted)


def _stages(scene: Scene) -> dict[str, int]:
    before = scene.before["funnel"]["stages"]
    return {name: count - before.get(name, 0) for name, count in _funnel(scene)["stages"].items()}


def give_back(scene: Scene) -> None:
    """Compare what the national platform was told: every change once, in order, and acknowledged."""
    ours = {one.voucher_id for one in scene.graduates}
    wanted = sum(scene.messages.values())

    def received() -> list[Body]:
        return [one for one in scene.service.platform("/received")["items"] if one["subject"] in ours]

    found = scene.teller.wait_for("the platform", received, lambda items: len(items) >= wanted)
    events = Counter(one["event"] for one in found)
    scene.check(
        "changes told to the platform", dict(sorted(events.items())), dict(sorted(scene.messages.items()))
    )
    scene.check("messages twice", len(found) - len({one["message_id"] for one in found}), 0)
    sequences = defaultdict(list)
    for one in found:
        sequences[one["subject"]].append(one["sequence"])
    out_of_order = sum(one != list(range(1, len(one) + 1)) for one in sequences.values())
    scene.check("vouchers told out of order or with gaps", out_of_order, 0)
    province = scene.staff("province", "34")

    def unanswered() -> list[str]:
        return [
            one["message_id"]
            for state in ("waiting", "pending", "sent", "refused", "dead")
            for one in province.every("/v1/exchange/deliveries", state=state)
            if one["subject"] in ours
        ]

    waiting = scene.teller.wait_for("the acknowledgements", unanswered, lambda waiting: not waiting)
    scene.check("changes not acknowledged", len(waiting), 0)
    heard = [
        one
        for one in province.every("/v1/exchange/deliveries", state="acknowledged")
        if one["subject"] in ours
    ]
    scene.check("changes acknowledged", len(heard), wanted)


def end(scene: Scene) -> None:
    """Show the funnel, one voucher's history, the trial balance and the year's statement."""
    _show_funnel(scene)
    _show_history(scene)
    _show_trial_balance(scene)
    _show_statement(scene)
    verdict = scene.staff("province", "34").post("/v1/audit/verify").wanted
    scene.holds("audit chains intact", verdict["intact"], note=f"{verdict['records']} records")


def _show_funnel(scene: Scene) -> None:
    funnel = _funnel(scene)
    before = scene.before["funnel"]
    shown = table(
        "Voucher funnel",
        "state",
        "vouchers",
        "ever",
        "of this list",
        right=["vouchers", "ever", "of this list"],
    )
    for name, count in funnel["stages"].items():
        ever = funnel["ever"].get(name)
        shown.add_row(
            name, str(count), "" if ever is None else str(ever), str(count - before["stages"][name])
        )
    scene.teller.show(shown)
    ever = {name: count - before["ever"][name] for name, count in funnel["ever"].items()}
    wanted = {
        "issued": scene.messages["voucher.issued"],
        "claimed": scene.messages["voucher.claimed"],
        "redeemed": scene.messages["voucher.redeemed"] - scene.messages["voucher.released"],
        "settled": scene.messages["voucher.settled"],
        "restored": scene.messages["voucher.restored"],
    }
    scene.check("ever reached", ever, wanted)


def _show_trial_balance(scene: Scene) -> None:
    balance = scene.staff("finance").get("/v1/ledger/trial-balance").wanted
    before = scene.before["trial"]
    shown = table("Trial balance", "account", "debit fen", "credit fen", right=["debit fen", "credit fen"])
    for one in balance["accounts"]:
        shown.add_row(one["id"], f"{one['debit_fen']:,}", f"{one['credit_fen']:,}")
    shown.add_row("Σ", f"{balance['debit_fen']:,}", f"{balance['credit_fen']:,}", style="bold")
    scene.teller.show(shown)
    scene.holds("Σ debits = Σ credits", balance["debit_fen"] == balance["credit_fen"])
    sums = [sum(one[side] for one in balance["accounts"]) for side in ("debit_fen", "credit_fen")]
    scene.check("… and the accounts add up to them", sums, [balance["debit_fen"], balance["credit_fen"]])
    paid_fen = _spent_fen(balance) - _spent_fen(before)
    scene.check("paid for this class, fen", paid_fen, _PASSED * scene.line_fen)
    face_fen = scene.program["policy"]["face_value_fen"]
    scene.holds("at most the face value a voucher", paid_fen <= _PASSED * face_fen)


def _spent_fen(balance: Body) -> int:
    """Give what was spent on subsidies: paid, less what came back."""
    spent = [one for one in balance["accounts"] if str(one["id"]).startswith("subsidy_expense.")]
    return sum(int(one["debit_fen"]) - int(one["credit_fen"]) for one in spent)


def _show_statement(scene: Scene) -> None:
    """Show the year's statement as finance reads it: opening, postings, closing, per institution, in yuan."""
    finance = scene.staff("finance")
    year = str(scene.paid_in)
    statement = finance.get("/v1/statements", period=year, division=CITY).wanted
    figures = ["postings", "debit", "credit", "balance"]
    shown = table(
        f"Statement of {CITY} for {year}, yuan", "institution", "account", "day", "", *figures, right=figures
    )
    for one in statement["accounts"]:
        fen = one["opening_fen"]
        head = (one["name"], one["kind"])
        shown.add_row(*head, statement["first"], "opening", "", "", "", _yuan(fen))
        for day in one["postings"]:
            fen += day["debit_fen"] - day["credit_fen"]
            sides = (_yuan(day["debit_fen"]), _yuan(day["credit_fen"]))
            shown.add_row("", "", day["day"], "posted", str(day["entries"]), *sides, _yuan(fen))
        sides = (_yuan(one["debit_fen"]), _yuan(one["credit_fen"]))
        closing = _yuan(one["closing_fen"])
        shown.add_row("", "", statement["last"], "closing", "", *sides, closing, style="bold")
        scene.check(
            f"{one['name']}, {one['kind']}: opening + postings = closing, fen", fen, one["closing_fen"]
        )
    scene.teller.show(shown)
    balance = finance.get("/v1/ledger/trial-balance").wanted
    scene.holds("the statement's books are the trial balance", statement["books"] == balance["accounts"])
    closing_fen = {
        kind: sum(one["closing_fen"] for one in statement["accounts"] if one["kind"] == kind)
        for kind in ("institution", "receivable")
    }
    booked_fen = {"institution": 0, "receivable": 0}
    for one in balance["accounts"]:
        kind = _BOOKED_AS.get(str(one["id"]).partition(".")[0])
        if kind is not None:
            account = finance.get(f"/v1/ledger/accounts/{one['id']}", to=statement["last"], limit=1)
            booked_fen[kind] += account.wanted["closing_fen"] if account.ok else 0
    scene.check("closing of all institutions = the books that day, fen", closing_fen, booked_fen)
    sheet = finance.get("/v1/statements", period=year, division=CITY, format="csv")
    last = sheet.raw.decode("utf-8-sig").splitlines()[-1]
    scene.holds("the same as a csv sheet", last.startswith("合计"), note=last)
    pages: list[Body] = [finance.post("/v1/ledger/verify").wanted]
    while pages[-1]["after"] is not None:
        pages.append(finance.post("/v1/ledger/verify", {"after": pages[-1]["after"]}).wanted)
    postings = sum(one["postings"] for one in pages)
    intact = all(one["intact"] for one in pages)
    scene.holds("the ledger recomputed from its postings", intact, note=f"{postings} postings")


def _yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def _show_history(scene: Scene) -> None:
    one = scene.trainees[0]
    supervisor = scene.staff("province", "34")

    def read() -> list[Body]:
        return supervisor.every("/v1/audit", subject=one.voucher_id)

    history = scene.teller.wait_for("the audit", read, lambda items: len(items) >= len(_LIFE))
    shown = table(f"History of {one.voucher_id}", "at", "action", "by", "role", "became")
    for item in history:
        became = item["after"].get("status", "")
        shown.add_row(_short(item["at"]), item["action"], item["actor"], item["role"], str(became))
    scene.teller.show(shown)
    states = [item["after"].get("status") for item in history]
    scene.check("one voucher's history", states, list(_LIFE))
    numbers = [item["seq"] for item in history]
    scene.check("… in the order of the chain", numbers, sorted(numbers))
    clear = one.person.id_number in str(history) or one.person.name in str(history)
    scene.holds("… without name or number in the clear", not clear)


def _short(moment: Any) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
