"""Claims and payments in a life."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from tests.stateful.life import invariants
from tests.stateful.life.classes import Classes
from tests.stateful.life.lives import CHAOS
from tests.stateful.life.model import CLAIM_MOVES, Claim, Line, day_of


class Money(Classes):
    """Claim, review, object, hold, seal, export, report, correct, take back."""

    # ------------------------------------------------------------------------- claims

    @precondition(lambda self: self.life.classes)
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 2),
        who=st.sampled_from(("institution", "institution", "institution_two", "clerk")),
    )
    def claim_subsidy(self, chaos: Any, place: int, who: str) -> None:
        number = self._class(place)
        klass = self.life.classes[number]
        self.later()
        wanted = self.life.payable(number) if klass.status in ("scored", "claimed") else set()
        body = {"declared_count": len(wanted), "declared_amount_fen": 180_000 * len(wanted)}
        path = f"/v1/classes/{self.ids['class', number]}/subsidy-claims"
        answer = self.service.send(chaos, who, path, body)
        again = klass.claim is not None and klass.claim.status != "returned"
        allowed: bool | None = who == klass.school and klass.status in ("scored", "claimed") and bool(wanted)
        if allowed and (
            again
            or klass.school in self.life.suspended
            or any(one.held for one in (klass.claim.lines if klass.claim else {}).values())
        ):
            allowed = None
        if self.expect(allowed, answer) and not again:
            if klass.claim is None:
                klass.claim = Claim({person: Line() for person in sorted(wanted)}, who)
            klass.claim.status, klass.claim.submitted_by, klass.claim.reviewed_by = "submitted", who, ""
            klass.status = "claimed"
            self.ids["claim", number] = answer.json["id"]
            for line in answer.json["lines"]:
                person = next(one for one in wanted if self.ids["enrolment", one] == line["enrolment_id"])
                self.ids["line", number, person] = line["id"]
        self.check()

    @precondition(lambda self: any(klass.claim for klass in self.life.classes))
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 2),
        move=st.sampled_from(tuple(CLAIM_MOVES)),
        who=st.sampled_from(("clerk", "reviewer", "reviewer", "institution", "finance", "reviewer_wuhu")),
    )
    def decide(self, chaos: Any, place: int, move: str, who: str) -> None:
        number = self._class(place)
        klass = self.life.classes[number]
        if klass.claim is None:
            return
        self.later()
        path = f"/v1/subsidy-claims/{self.ids['claim', number]}"
        body: dict[str, Any] = {"version": self.version("clerk", path)} | (
            {"reason": "资料不全"} if move == "return" else {}
        )
        answer = self.service.send(chaos, who, f"{path}/{move}", body)
        allowed = self.life.may_decide(number, move, who)
        if allowed and klass.school in self.life.suspended:
            allowed = None
        if self.expect(allowed, answer):
            self.life.did_decide(number, move, who, self.now)
        self.check()

    @precondition(lambda self: any(klass.claim for klass in self.life.classes))
    @rule(place=st.integers(0, 2))
    def object(self, place: int) -> None:
        """Somebody objects, unheard of by anybody else: from the street, each time from another one."""
        number = self._class(place)
        claim = self.life.classes[number].claim
        if claim is None or claim.published_on is None or claim.objections:
            return
        from tests.stateful.life.model import publicity_ends

        self.later()
        public = claim.status == "publicised" and day_of(self.now) <= publicity_ends(claim.published_on)
        answer = self.service.world.api(None).post(
            f"/v1/publicity/{self.ids['claim', number]}/objections",
            {"reason": f"该班未实际开课 {self.service.keys}"},
            at=self.now,
            source=f"10.1.{self.service.keys % 250}.{number}",
        )
        if self.expect(public, answer):
            claim.objections += 1
        self.check()

    @precondition(lambda self: any(klass.claim and klass.claim.objections for klass in self.life.classes))
    @rule(chaos=CHAOS, who=st.sampled_from(("supervisor", "supervisor", "clerk", "institution")))
    def dismiss(self, chaos: Any, who: str) -> None:
        number = next(
            n for n, klass in enumerate(self.life.classes) if klass.claim and klass.claim.objections
        )
        claim = self.life.classes[number].claim
        assert claim is not None
        self.later()
        items = self.service.read("supervisor", "/v1/objections", {"claim": self.ids["claim", number]})[
            "items"
        ]
        (objection,) = [one for one in items if "resolve" in one["allowed_actions"]]
        body = {"version": objection["version"], "outcome": "dismissed", "reason": "查无实据"}
        answer = self.service.send(chaos, who, f"/v1/objections/{objection['id']}/resolve", body)
        if self.expect(who == "supervisor", answer):
            claim.objections = 0
        self.check()

    # ------------------------------------------------------------------------- settlement

    def _line(self, place: int) -> tuple[tuple[int, int], Line]:
        known = sorted(self.life.lines().items())
        return known[place % len(known)]

    @precondition(lambda self: self.life.lines())
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 9),
        who=st.sampled_from(("finance", "supervisor", "clerk", "institution")),
    )
    def hold(self, chaos: Any, place: int, who: str) -> None:
        where, line = self._line(place)
        if line.held or line.status not in ("pending", "payment_failed"):
            return
        self.later()
        body = {"subject": {"kind": "line", "id": self.ids["line", *where]}, "reason": "核查"}
        answer = self.service.send(chaos, who, "/v1/holds", body)
        if self.expect(who in ("finance", "supervisor"), answer):
            line.held = True
            self.ids["hold", *where] = answer.json["id"]
            self.ids["placer", *where] = who
        self.check()

    @precondition(lambda self: any(line.held for line in self.life.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 9), who=st.sampled_from(("finance_two", "supervisor", "clerk")))
    def lift(self, chaos: Any, place: int, who: str) -> None:
        held = sorted(where for where, line in self.life.lines().items() if line.held)
        where = held[place % len(held)]
        self.later()
        hold_id = self.ids["hold", *where]
        shown = [one for one in self.service.read("finance", "/v1/holds")["items"] if one["id"] == hold_id]
        body = {"version": shown[0]["version"], "reason": "核查完毕"}
        answer = self.service.send(chaos, who, f"/v1/holds/{hold_id}/release", body)
        by_finance = self.ids["placer", *where] == "finance"
        if self.expect(who == "supervisor" or (who == "finance_two" and by_finance), answer):
            self.life.lines()[where].held = False
        self.check()

    @rule(chaos=CHAOS, who=st.sampled_from(("finance", "finance", "finance_wuhu", "clerk")))
    def seal(self, chaos: Any, who: str) -> None:
        """What is due, and nothing else, goes into the next batch."""
        self.later()
        due = self.life.due(day_of(self.now)) if who == "finance" else set()
        answer = self.service.send(chaos, who, "/v1/settlement-batches", {})
        self.expect(who != "clerk", answer)
        self._sealed(due)
        self.check()

    def _sealed(self, due: set[tuple[int, int]]) -> None:
        found = invariants.batch_rows(self.service)
        assert len(found) == len(self.life.batches) + bool(due), "one batch if something is due, none if not"
        if due:
            self.ids["batch", len(self.life.batches)] = found[-1].id
            self.life.did_seal(due)

    @precondition(lambda self: self.life.batches)
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 3),
        who=st.sampled_from(("finance", "finance_two", "finance_two", "reviewer", "finance_wuhu")),
    )
    def export(self, chaos: Any, place: int, who: str) -> None:
        number = place % len(self.life.batches)
        batch = self.life.batches[number]
        schools = {self.life.classes[where[0]].school for where in batch.lines}
        if batch.status == "sealed" and schools & self.life.suspended:
            return  # loses its lines, which has tests of its own
        self.later()
        answer = self.service.send(
            chaos, who, f"/v1/settlement-batches/{self.ids['batch', number]}/export", {}
        )
        if self.expect(who in ("finance", "finance_two"), answer):
            batch.had_by.add(who)
            if batch.status == "sealed":
                batch.status = "exported"
        self.check()

    @precondition(lambda self: self.life.batches)
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 3),
        outcomes=st.lists(st.sampled_from(("paid", "paid", "failed", "none")), min_size=2, max_size=5),
        who=st.sampled_from(("finance", "finance_two", "reviewer")),
    )
    def report(self, chaos: Any, place: int, outcomes: list[str], who: str) -> None:
        """The bank's answers are recorded; of a line that is told of already they change nothing."""
        number = place % len(self.life.batches)
        batch, batch_id = self.life.batches[number], self.ids["batch", number]
        self.later()
        lines = self.life.lines()
        rows, told = [], {}
        for place_, where in enumerate(sorted(batch.lines)):
            outcome = outcomes[place_ % len(outcomes)]
            if outcome == "none":
                continue
            facts = (
                {"paid_on": day_of(self.now).isoformat(), "bank_reference": f"TK{where}"}
                if outcome == "paid"
                else {"reason": "账号不符"}
            )
            rows.append(
                {"line_id": self.ids["line", *where], "status": outcome, "amount_fen": 180_000, **facts}
            )
            told[where] = outcome
        if not rows:
            return
        answer = self.service.send(
            chaos, who, f"/v1/settlement-batches/{batch_id}/results", {"results": rows}
        )
        may = who != "reviewer" and batch.status != "sealed" and who not in batch.had_by
        if self.expect(may, answer):
            for where, outcome in told.items():
                if lines[where].status == "batched" and lines[where].batch == number:
                    if outcome == "paid":
                        assert invariants.was_due(self.life, where), (
                            "paid without what has to stand before it"
                        )
                        self.life.did_pay(where, number)
                    else:
                        self.life.did_fail(where, number, who)
        self.check()

    @precondition(lambda self: any(line.status == "payment_failed" for line in self.life.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 9), who=st.sampled_from(("finance", "finance_two", "clerk")))
    def let_go_on(self, chaos: Any, place: int, who: str) -> None:
        failed = sorted(where for where, line in self.life.lines().items() if line.status == "payment_failed")
        where = failed[place % len(failed)]
        line = self.life.lines()[where]
        if line.released:
            return
        self.later()
        path = f"/v1/claim-lines/{self.ids['line', *where]}/release"
        answer = self.service.send(chaos, who, path, {"reason": "已核实收款账户"})
        if self.expect(who in ("finance", "finance_two") and who != line.failed_by, answer):
            line.released = True
        self.check()

    @precondition(lambda self: any(line.status == "paid" for line in self.life.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 9), who=st.sampled_from(("finance", "finance_two", "supervisor")))
    def take_back(self, chaos: Any, place: int, who: str) -> None:
        """Asked by one finance officer, confirmed by another."""
        paid = sorted(where for where, line in self.life.lines().items() if line.status == "paid")
        where = paid[place % len(paid)]
        line = self.life.lines()[where]
        self.later()
        path = f"/v1/claim-lines/{self.ids['line', *where]}/reverse"
        if not line.reversal_by:
            if self.expect(who != "supervisor", self.service.send(chaos, who, path, {"reason": "重复发放"})):
                line.reversal_by = who
        elif self.expect(
            who not in ("supervisor", line.reversal_by), self.service.send(chaos, who, f"{path}/confirm", {})
        ):
            line.status = "reversed"
            self.life.vouchers[where[1]].changes += 1  # it tells what was taken back
        self.check()

    # ------------------------------------------------------------------------- what is next

    @rule(chaos=CHAOS, place=st.integers(0, 9), second=st.booleans())
    def what_waits(self, chaos: Any, place: int, second: bool) -> None:
        """What waits for the next hand is done by it, or by the hand that had the last turn."""
        lines = self.life.lines().values()
        finance = "finance_two" if second else "finance"
        waiting: list[Callable[[], None]] = []
        if any(voucher.restore_asked_by for voucher in self.life.vouchers.values()):
            who = "province_two" if second else "province"
            waiting.append(lambda: self.confirm_restore(chaos, place, who))
        for number, klass in enumerate(self.life.classes):
            if klass.status == "completion_approved":
                waiting.append(lambda at=number: self.score(chaos, at, set()))  # type: ignore[misc]
        if any(line.status == "payment_failed" and not line.released for line in lines):
            waiting.append(lambda: self.let_go_on(chaos, place, finance))
        if any(line.status == "paid" and line.reversal_by for line in lines):
            waiting.append(lambda: self.take_back(chaos, place, finance))
        if any(line.status in ("pending", "payment_failed") for line in lines):
            waiting.append(lambda: self.seal(chaos, "finance"))
        if waiting:
            waiting[place % len(waiting)]()
