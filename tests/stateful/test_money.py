"""Random sequences of every money operation, with repeats, races, deaths and time jumps, against a plain model.

The services and stores are the real ones; DynamoDB is the local cloud's, in this process. After each step the
invariants 1 to 5 of the design hold, and every figure of the tables is the model's. `MONEY_SEQUENCES` asks for
more sequences than the suite runs; they are shared out over `SHARES` tests so that workers can run side by side.
That these tests can fail is what `planted_bugs.py` shows.
"""

import itertools
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, Principal, Role, system_context
from chalicelib.settlement.batches import sealing, service, withdrawal
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import BatchStatus
from chalicelib.settlement.clawback import service as clawback
from chalicelib.settlement.corrections import service as corrections
from chalicelib.settlement.corrections.model import books_close_on
from chalicelib.settlement.ledger import service as ledger
from chalicelib.settlement.ledger import store as batches
from chalicelib.settlement.ledger.model import MEMORANDUM
from chalicelib.settlement.results import service as results
from chalicelib.settlement.results.model import PaymentResult
from chalicelib.settlement.verification import service as verification
from chalicelib.subsidies.budgets import service as budgets_service
from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.model import BankOutcome, Correction, Repayment
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.filing import service as filing
from chalicelib.subsidies.holds import store as hold_store
from chalicelib.subsidies.publicity import service as publicity
from chalicelib.subsidies.publicity import store as objections
from chalicelib.subsidies.publicity.model import ObjectionStatus
from chalicelib.subsidies.reviews import service as reviews
from chalicelib.vouchers.model import VoucherStatus
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.evaluated import evaluated
from tests.stateful.planted_bugs import misfits
from tests.subsidies.scored import let_go, scored_class
from tests.support.depth import size_of
from tests.support.in_process import Emulator, Interrupted, dynamo_in_process
from tests.support.people import HEFEI_SCHOOL

SEQUENCES = size_of("MONEY_SEQUENCES", usual=400, full=400)
SHARES = 4
STEPS = 10
_SHRINKING = () if os.environ.get("MONEY_SHRINK") == "0" else (Phase.shrink,)
CITY, YEAR = "3401", 2026
_ADDRESSES = itertools.count()
"""Everybody who objects does so from somewhere else, or the pace of one address would stop the sequence."""
LINE_FEN = 180_000
SIZES = (3, 2, 1)
CALLS_MAX = 40
STAGES = (
    "scored",
    "publicised",
    "due",
    "sealed",
    "exported",
    "paid",
    "asked",
    "reversed",
    "released",
    "netted",
    "set off",
)
PART_FEN = 60_000
BOOKS_CLOSE_DAY = 10
RETURNED = "returned"
"""Where sequences begin besides: a claim that an objection has sent back, with one open to a line of it."""


def officer(actor: str, role: Role, division: str = CITY) -> Principal:
    return Principal(actor=actor, role=role, division=division)


SCHOOL = Principal(actor="acc_school", role=Role.INSTITUTION, division="340111", institution=HEFEI_SCHOOL)
CLERK = officer("acc_clerk", Role.CLERK)
REVIEWER = officer("acc_reviewer", Role.REVIEWER)
FINANCE = officer("acc_finance", Role.FINANCE)
OTHER_FINANCE = officer("acc_finance_two", Role.FINANCE)
REVIEWER_AS_FINANCE = officer("acc_reviewer", Role.FINANCE)
WUHU_FINANCE = officer("acc_finance_wuhu", Role.FINANCE, "3402")
SUPERVISOR = officer("acc_supervisor", Role.SUPERVISOR)
PUBLIC = Principal(actor="public", role=Role.PUBLIC)

WAITING, BATCHED, PAID, FAILED, REVERSED, DROPPED = (
    "waiting",
    "batched",
    "paid",
    "payment_failed",
    "reversed",
    "rejected",
)


@dataclass
class ModelLine:
    """One trainee's money: where it is, what stops it, what came back; `out` once it was taken out for good.

    `kept` is what payments of other lines cover of what is owed for this one, by line and batch: fen, and
    whether it is booked. `said` are the outcomes the bank is known to have told of it, by batch.
    """

    fen: int = LINE_FEN
    state: str = WAITING
    batch: str | None = None
    holds: set[str] = field(default_factory=set)
    asked_by: str | None = None
    asked_fen: int = 0
    reversed_fen: int = 0
    reversed_by: str | None = None
    repaid_fen: int = 0
    out: bool = False
    kept: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    entered_by: str | None = None
    entered_on: Any = None
    released_by: str | None = None
    correction: tuple[str, str] | None = None
    corrected_by: str | None = None
    paid_once: bool = False

    @property
    def owed_fen(self) -> int:
        return self.reversed_fen - self.repaid_fen - sum(fen for fen, _ in self.kept.values())

    @property
    def receivable_fen(self) -> int:
        booked = sum(fen for fen, booked in self.kept.values() if booked)
        return self.reversed_fen - self.repaid_fen - booked

    @property
    def last_said(self) -> str | None:
        return self.said[self.batch][-1] if self.batch is not None and self.said.get(self.batch) else None


@dataclass
class ModelClaim:
    """A claim: its state is only as far as money needs it."""

    state: str
    lines: dict[str, ModelLine]
    ends_on: Any = None
    objections: dict[str, bool] = field(default_factory=dict)
    line_objections: dict[str, str] = field(default_factory=dict)
    """Open objections to one line, with the line."""

    @property
    def approved(self) -> bool:
        return self.state == "approved"


@dataclass
class Model:
    """What the books must say."""

    appropriated_fen: int = 0
    claims: dict[str, ModelClaim] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lines(self) -> dict[str, ModelLine]:
        return {name: line for claim in self.claims.values() for name, line in claim.lines.items()}

    def sum_of(self, *states: str) -> int:
        return sum(line.fen for line in self.lines().values() if line.state in states)

    @property
    def reserved_fen(self) -> int:
        approved = [claim for claim in self.claims.values() if claim.approved]
        return sum(
            line.fen
            for claim in approved
            for line in claim.lines.values()
            if line.state in (WAITING, BATCHED, FAILED)
        )

    @property
    def spent_fen(self) -> int:
        return self.sum_of(PAID, REVERSED) - sum(line.reversed_fen for line in self.lines().values())

    @property
    def receivable_fen(self) -> int:
        return sum(line.receivable_fen for line in self.lines().values())

    @property
    def free_fen(self) -> int:
        return self.appropriated_fen - self.reserved_fen - self.spent_fen - self.receivable_fen

    def parts(self, name: str) -> dict[str, int]:
        """What is kept of a line's payment in its batch, by the line that is owed for."""
        batch = self.lines()[name].batch
        known = self.batches.get(batch or "", {}).get("parts", {})
        parts: dict[str, int] = known.get(name, {})
        return parts

    def bank_fen(self, name: str) -> int:
        return self.lines()[name].fen - sum(self.parts(name).values())

    def paid(self, name: str) -> None:
        """A line was paid in its batch: what was kept of it counts."""
        line = self.lines()[name]
        line.state = PAID
        assert line.batch is not None
        for debt, fen in self.parts(name).items():
            self.lines()[debt].kept[name, line.batch] = (fen, True)

    def unpaid(self, name: str, *, was_paid: bool) -> None:
        """A line was not paid in its batch, or no longer is: what was kept of it is owed again."""
        line = self.lines()[name]
        line.state, line.released_by = FAILED, None
        line.paid_once = line.paid_once or was_paid
        assert line.batch is not None
        for debt in self.parts(name):
            self.lines()[debt].kept.pop((name, line.batch), None)

    def payable(self, today: Any) -> set[str]:
        return {
            name
            for claim in self.claims.values()
            if claim.approved
            for name, line in claim.lines.items()
            if not line.holds
            and (
                (line.state == FAILED and line.released_by is not None and line.correction is None)
                or (line.state == WAITING and claim.ends_on < today and not any(claim.objections.values()))
            )
        }


@dataclass
class Setting:
    """What every sequence starts from: the tables with scored classes, and their ids."""

    dynamo: Emulator
    world: Any
    class_ids: list[str]
    foreign_id: str
    kept: bytes
    program_id: str
    begun: dict[str, bytes] = field(default_factory=dict)


SETTING: list[Setting] = []


@pytest.fixture(scope="module")
def setting(emulator: Any) -> Iterator[Setting]:
    from chalicelib.aws.table import all_tables
    from tests.support.world import World

    tables = [table for table in all_tables() if table.__module__.startswith("chalicelib.")]
    with dynamo_in_process(tables) as dynamo:
        world = World(None, None)
        world.seed()
        class_ids = [scored_class(world, size) for size in SIZES]
        foreign = scored_class(world, 1, division="340202")
        SETTING[:] = [Setting(dynamo, world, class_ids, foreign, dynamo.keep(), world.program_id)]
        yield SETTING[0]
        SETTING.clear()


CHAOS = st.one_of(
    st.just(("plain", 0)),
    st.just(("twice", 0)),
    st.tuples(st.sampled_from(("killed", "lost", "raced")), st.integers(1, CALLS_MAX)),
)


class Money(RuleBasedStateMachine):
    """Every money operation as a rule; each says what the model expects and checks it against the tables."""

    def __init__(self) -> None:
        super().__init__()
        self.setting = SETTING[0]
        self.dynamo = self.setting.dynamo
        self.model = Model()
        self.now: datetime = self.setting.world.now
        self.digests: dict[str, str] = {}
        self.setting.dynamo.restore(self.setting.kept)

    # ----------------------------------------------------------------- how an operation is done

    def context(self, principal: Principal) -> Context:
        return Context(principal=principal, now=self.now, request_id="req_stateful")

    def do(self, chaos: tuple[str, int], operation: Callable[[], Any]) -> Any:
        """Do an operation plainly, twice, dying at a call and again, or with another worker in the midst."""
        kind, at = chaos
        if kind == "plain":
            return self.settled(operation)
        if kind == "twice":
            first = self.settled(operation)
            self.settled(operation)
            return first
        if kind == "raced":
            return self._raced(at, operation)

        def die(number: int) -> None:
            if number == (at if kind == "killed" else -at):
                raise Interrupted

        try:
            with self.dynamo.interrupted(die):
                return self.settled(operation)
        except Interrupted:
            return self.settled(operation)

    def _raced(self, at: int, operation: Callable[[], Any]) -> Any:
        others: list[Any] = []

        def other(number: int) -> None:
            if number == at and not others:
                others.append(None)
                others.append(self.settled(operation))

        with self.dynamo.interrupted(other):
            mine = self.settled(operation)
        return mine if mine is not None or not others else others[-1]

    def settled(self, operation: Callable[[], Any]) -> Any:
        """Do an operation; a refusal is an answer too."""
        try:
            return operation()
        except DomainError as refusal:
            return refusal

    # ----------------------------------------------------------------- beginnings

    @initialize(start=st.sampled_from((*STAGES, RETURNED)))
    def begin(self, start: str) -> None:
        """Come to a stage plainly the first time; afterwards take the tables and the model as they were then."""
        known = self.setting.begun.get(start)
        if known is None:
            self._come_to(start)
            self.setting.begun[start] = pickle.dumps((self.dynamo.keep(), self.model, self.now, self.digests))
            return
        kept, self.model, self.now, self.digests = pickle.loads(known)
        self.dynamo.restore(kept)

    def _come_to(self, start: str) -> None:
        plain = ("plain", 0)
        if start == RETURNED:
            self._come_to("publicised")
            self.object_to_line(plain, 0)
            self.object(plain, 0, "名单有误")
            self.resolve(plain, upheld=True)
            return
        stage = STAGES.index(start)
        self.appropriate(plain, 6 if stage else 3)
        if stage >= 1:
            for place in range(2):
                self.submit(plain, place)
                self.decide(plain, place, "none")
        if stage >= 2:
            self.wait(15)
        if stage >= 3:
            self.seal(plain)
        if stage >= 4:
            self.export(plain, 0)
        if stage >= 5:
            self.report(plain, 0, ["paid", "failed", "paid", "paid", "paid"], wrong="none")
        if stage >= 6:
            self.ask_reversal(plain, 0, who=True)
        if stage == STAGES.index("reversed"):
            self.confirm_reversal(plain, 0, who=False)
        if stage > STAGES.index("reversed"):
            self.cancel_reversal(plain, 0, who=True)
            self.ask_reversal(plain, 0, who=True, part=True)
            self.confirm_reversal(plain, 0, who=False)
            self.release(plain, 1, who=False)
        if stage > STAGES.index("released"):
            self.seal(plain)
            self.export(plain, 1)
        if stage > STAGES.index("netted"):
            self.report(plain, 1, ["paid"] * 5, wrong="none")

    # ----------------------------------------------------------------- rules: budget and claims

    @rule(chaos=CHAOS, lines=st.integers(0, 8))
    def appropriate(self, chaos: tuple[str, int], lines: int) -> None:
        fen = lines * LINE_FEN
        known = BudgetRow.find(f"bud_{CITY}-{YEAR}", self.setting.program_id)
        version = known.version if known is not None else None
        self.do(
            chaos,
            lambda: budgets_service.set_budget(
                self.context(FINANCE),
                CITY,
                YEAR,
                program_id=self.setting.program_id,
                appropriated_fen=fen,
                version=version,
            ),
        )
        if fen >= self.model.reserved_fen + self.model.spent_fen + self.model.receivable_fen:
            self.model.appropriated_fen = fen
        self.check()

    @rule(chaos=CHAOS, place=st.integers(0, 2))
    def submit(self, chaos: tuple[str, int], place: int) -> None:
        class_id, size = self.setting.class_ids[place], SIZES[place]
        claim_id = "clm_" + class_id[4:]
        known = self.model.claims.get(claim_id)
        old = known.lines if known is not None else {}
        out = {name: line for name, line in old.items() if line.out}
        count = size - len(out)
        answer = self.do(
            chaos,
            lambda: filing.submit_claim(
                self.context(SCHOOL),
                class_id,
                declared_count=count,
                declared_amount_fen=count * LINE_FEN,
            ),
        )
        if count == 0:
            assert isinstance(answer, DomainError)
        elif known is None or known.state == "returned":
            assert not isinstance(answer, DomainError), answer
            lines = {
                one.id: ModelLine(holds=old[one.id].holds if one.id in old else set()) for one in answer.lines
            }
            assert len(lines) == count
            assert lines.keys().isdisjoint(out), "what was taken out stays out"
            old_objections = (known.objections, known.line_objections) if known is not None else ({}, {})
            self.model.claims[claim_id] = ModelClaim("submitted", lines | out, None, *old_objections)
        self.check()

    @precondition(lambda self: any(one.state == "submitted" for one in self.model.claims.values()))
    @rule(chaos=CHAOS, place=st.integers(0, 2), rejecting=st.sampled_from(("none", "review", "approve")))
    def decide(self, chaos: tuple[str, int], place: int, rejecting: str) -> None:
        waiting = [name for name, one in self.model.claims.items() if one.state == "submitted"]
        claim_id = waiting[place % len(waiting)]
        model = self.model.claims[claim_id]

        def way(principal: Principal, verb: Any, without: dict[str, str]) -> Callable[[], Any]:
            version = claims.read_claim(claim_id).version
            return lambda: verb(
                self.context(principal), claim_id, version=version, rejected_lines=without, comment=None
            )

        live = sorted(name for name, one in model.lines.items() if one.state != DROPPED)
        chosen = {live[-1]: "缺勤"} if len(live) > 1 else {}
        if claims.read_claim(claim_id).status is ClaimStatus.SUBMITTED:
            without = chosen if rejecting == "review" else {}
            self.do(chaos, way(CLERK, reviews.review, without))
            for name in without:
                model.lines[name].state = DROPPED
        own = self.settled(way(officer("acc_clerk", Role.REVIEWER), reviews.approve, {}))
        assert getattr(own, "code", None) == "self_approval"
        without = chosen if rejecting == "approve" else {}
        answer = self.do(chaos, way(REVIEWER, reviews.approve, without))
        free = self.model.free_fen
        going_on = [one for name, one in model.lines.items() if one.state != DROPPED and name not in without]
        wanted = sum(line.fen for line in going_on)
        if free >= wanted:
            model.state, model.ends_on = "approved", claims.read_claim(claim_id).publicity_ends_on
            assert model.ends_on is not None
            for name in without:
                model.lines[name].state = DROPPED
        else:
            assert answer.code in ("budget_exhausted", "budget_missing")
            if answer.code == "budget_exhausted":
                assert answer.facts["missing_fen"] == wanted - free
        self.check()

    @precondition(lambda self: any(one.approved for one in self.model.claims.values()))
    @rule(chaos=CHAOS, place=st.integers(0, 2), words=st.sampled_from(("名单有误", "没有上课")))
    def object(self, chaos: tuple[str, int], place: int, words: str) -> None:
        claim_id = self._approved(place)
        model = self.model.claims[claim_id]
        answer = self.do(
            chaos,
            lambda: publicity.object_to(
                self.context(PUBLIC),
                claim_id,
                reason=words,
                contact=None,
                source=f"caller {next(_ADDRESSES)}",
            ),
        )
        if isinstance(answer, DomainError):
            assert shanghai_date(self.now) > model.ends_on or claims.read_claim(claim_id).status is not (
                ClaimStatus.PUBLICISED
            )
        elif answer.objection.id not in model.objections:
            model.objections[answer.objection.id] = True
        self.check()

    @precondition(lambda self: any(one.approved for one in self.model.claims.values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5))
    def object_to_line(self, chaos: tuple[str, int], place: int) -> None:
        claim_id = self._approved(place)
        claim = self.model.claims[claim_id]
        names = sorted(claim.lines)
        name = names[place % len(names)]
        line = claim.lines[name]
        answer = self.do(
            chaos,
            lambda: publicity.object_to(
                self.context(PUBLIC),
                claim_id,
                reason="没有上课",
                contact=None,
                source=f"caller {next(_ADDRESSES)}",
                line_id=name,
            ),
        )
        if isinstance(answer, DomainError):
            assert line.state not in (WAITING, FAILED) or shanghai_date(self.now) > claim.ends_on
        elif answer.objection.status is ObjectionStatus.OPEN:
            claim.line_objections[answer.objection.id] = name
            line.holds.add(f"objection:{answer.objection.id}")
        self.check()

    @precondition(lambda self: any(one.line_objections for one in self.model.claims.values()))
    @rule(chaos=CHAOS, upheld=st.booleans())
    def resolve_of_line(self, chaos: tuple[str, int], upheld: bool) -> None:
        claim = next(one for one in self.model.claims.values() if one.line_objections)
        objection_id, name = next(iter(claim.line_objections.items()))
        line = claim.lines[name]
        version = objections.find_objection(objection_id).version
        outcome = ObjectionStatus.UPHELD if upheld else ObjectionStatus.DISMISSED
        self.do(
            chaos,
            lambda: publicity.resolve_objection(
                self.context(SUPERVISOR), objection_id, version=version, outcome=outcome, reason="已核实"
            ),
        )
        decided = objections.find_objection(objection_id).status
        assert decided is outcome, "wherever its claim is, an objection can be decided"
        del claim.line_objections[objection_id]
        if line.state in (WAITING, FAILED):
            line.holds.discard(f"objection:{objection_id}")
            self._drop_in_model(claim, line, dropped=upheld)
        self.check()

    def _drop_in_model(self, claim: ModelClaim, line: ModelLine, *, dropped: bool) -> None:
        if dropped:
            line.state, line.out = DROPPED, True
        if all(one.state == DROPPED for one in claim.lines.values()):
            claim.state = "rejected"

    def _approved(self, place: int) -> str:
        approved = [name for name, one in self.model.claims.items() if one.approved]
        return approved[place % len(approved)]

    @precondition(lambda self: any(any(one.objections.values()) for one in self.model.claims.values()))
    @rule(chaos=CHAOS, upheld=st.booleans())
    def resolve(self, chaos: tuple[str, int], upheld: bool) -> None:
        claim_id, objection_id = next(
            (name, one)
            for name, claim in self.model.claims.items()
            for one, still_open in claim.objections.items()
            if still_open
        )
        version = objections.find_objection(objection_id).version
        before = claims.read_claim(claim_id).status
        outcome = ObjectionStatus.UPHELD if upheld else ObjectionStatus.DISMISSED
        self.do(
            chaos,
            lambda: publicity.resolve_objection(
                self.context(SUPERVISOR), objection_id, version=version, outcome=outcome, reason="已核实"
            ),
        )
        model = self.model.claims[claim_id]
        model.objections[objection_id] = False
        if upheld and before in (ClaimStatus.SUBMITTED, ClaimStatus.REVIEWED, ClaimStatus.PUBLICISED):
            model.state, model.ends_on = "returned", None
            for line in model.lines.values():
                line.state = WAITING if line.state != DROPPED else DROPPED
        self.check()

    @precondition(lambda self: self.model.lines())
    @rule(place=st.integers(0, 5), lift=st.booleans())
    def hold(self, place: int, lift: bool) -> None:
        name, line = self._line(place)
        change = self.setting.world.change
        if lift:
            let_go(name, "stop:hld_a", change)
        else:
            hold_store.place_hold(name, "stop:hld_a", change)
        if line.state in (WAITING, FAILED):
            (line.holds.discard if lift else line.holds.add)("stop:hld_a")
        self.check()

    def _line(self, place: int) -> tuple[str, ModelLine]:
        lines = sorted(self.model.lines().items())
        return lines[place % len(lines)]

    @precondition(lambda self: any(one.approved for one in self.model.claims.values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), stale=st.booleans())
    def drop(self, chaos: tuple[str, int], place: int, stale: bool) -> None:
        name, line = self._line(place)
        version = claims.find_line(name).version - stale
        claim = next(one for one in self.model.claims.values() if name in one.lines)
        answer = self.do(
            chaos,
            lambda: withdrawal.withdraw_line(
                self.context(REVIEWER), name, version=version, reason="不予拨付"
            ),
        )
        stays = line.paid_once or line.correction is not None
        if claim.approved and line.state in (WAITING, FAILED) and not stale and not stays:
            self._drop_in_model(claim, line, dropped=True)
        else:
            assert isinstance(answer, DomainError)
        self.check()

    # ----------------------------------------------------------------- rules: time and settlement

    @rule(days=st.sampled_from((1, 3, 15)))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(chaos=CHAOS)
    def seal(self, chaos: tuple[str, int]) -> None:
        due = self.model.payable(shanghai_date(self.now))
        night = system_context("settle_subsidies", now=self.now, request_id="req_night")
        before = set(self.model.batches)
        evaluated(self.now, {row.class_id for row in self.dynamo.rows(claims.ClaimRow)})
        answer = self.do(chaos, lambda: sealing.seal_division(night, CITY))
        assert not isinstance(answer, DomainError), answer
        fresh = [
            one
            for one in self.dynamo.rows(batches_store.BatchRow)
            if one.status is not BatchStatus.SEALING and one.id not in before
        ]
        found = {member.line_id for one in fresh for member in batches_store.members_of(one.id)}
        assert found == due, "exactly what is due, nothing else, nothing twice"
        assert len(fresh) == (1 if due else 0)
        for batch in fresh:
            self.model.batches[batch.id] = {"lines": set(due), "exported": False, "parts": {}}
            self.digests[batch.id] = batch.digest
            for name in due:
                line = self.model.lines()[name]
                line.state, line.batch = BATCHED, batch.id
            self._keep(batch)
        self.check()

    def _keep(self, batch: Any) -> None:
        """Take over what was kept of a batch's payments: as much as is owed, of each debt no more than that."""
        owed_fen = sum(line.owed_fen for line in self.model.lines().values())
        members = batches_store.members_of(batch.id)
        for member in members:
            assert member.whole_fen == LINE_FEN
            parts = {str(part.line_id): part.amount_fen for part in member.set_offs}
            self.model.batches[batch.id]["parts"][member.line_id] = parts
            for debt, fen in parts.items():
                assert 0 < fen <= self.model.lines()[debt].owed_fen
                self.model.lines()[debt].kept[member.line_id, batch.id] = (fen, False)
        kept_fen = sum(member.whole_fen - member.amount_fen for member in members)
        assert kept_fen == min(owed_fen, len(members) * LINE_FEN), "what is owed is kept of the next payments"
        assert (batch.line_count, batch.amount_fen) == (len(members), len(members) * LINE_FEN - kept_fen)

    @precondition(lambda self: self.model.batches)
    @rule(chaos=CHAOS, place=st.integers(0, 3))
    def export(self, chaos: tuple[str, int], place: int) -> None:
        batch_id = self._batch(place)
        exported = self.do(chaos, lambda: service.export(self.context(OTHER_FINANCE), batch_id))
        assert exported.batch.digest == self.digests[batch_id]
        self.model.batches[batch_id]["exported"] = True
        self.check()

    def _batch(self, place: int) -> str:
        names = list(self.model.batches)
        return names[place % len(names)]

    @precondition(lambda self: self.model.batches)
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 3),
        outcomes=st.lists(st.sampled_from(("paid", "failed", "returned", "none")), min_size=5, max_size=5),
        wrong=st.sampled_from(
            ("none", "amount", "unknown", "other division", "contradiction", "repeat", "foreign", "reviewer")
        ),
    )
    def report(self, chaos: tuple[str, int], place: int, outcomes: list[str], wrong: str) -> None:
        batch_id = self._batch(place)
        known = self.model.batches[batch_id]
        names = [name for name in sorted(known["lines"]) if not self._wholly_kept(name, batch_id)]
        paid_on = shanghai_date(batches_store.find_batch(batch_id).sealed_at)
        rows = [
            self._result(number, name, outcome, batch_id, paid_on=paid_on)
            for number, (name, outcome) in enumerate(zip(names, outcomes, strict=False), start=1)
            if outcome != "none"
        ]
        expected = {row.line_id: row.outcome for row in rows if self._is_right(row, batch_id)}
        extra = self._wrong(wrong, rows, names, batch_id, paid_on=paid_on)
        sender = {"foreign": WUHU_FINANCE, "reviewer": REVIEWER_AS_FINANCE}.get(wrong, FINANCE)
        answer = self.do(
            chaos, lambda: results.record_results(self.context(sender), batch_id, [*rows, *extra])
        )
        wholly = any(self._wholly_kept(name, batch_id) for name in known["lines"])
        if wrong == "foreign" or not known["exported"]:
            code = getattr(answer, "code", None)
            assert code == ("not_found" if wrong == "foreign" else "not_exported")
        elif wrong == "reviewer" and (rows or wholly):
            assert getattr(answer, "code", None) == "self_approval"
        elif wrong != "reviewer":
            assert {one.row for one in answer.refused} == {
                one.row for one in (*rows, *extra) if one.line_id not in expected or one in extra
            }
            self._apply(batch_id, expected, sender.actor)
        self.check()

    def _wholly_kept(self, name: str, batch_id: str) -> bool:
        return sum(self.model.batches[batch_id]["parts"][name].values()) == LINE_FEN

    def _fen_in(self, name: str, batch_id: str) -> int:
        return LINE_FEN - sum(self.model.batches[batch_id]["parts"][name].values())

    def _is_right(self, row: PaymentResult, batch_id: str) -> bool:
        """Tell whether a row is news or a repeat; anything else contradicts what is known."""
        line = self.model.lines()[row.line_id]
        said = line.said.get(batch_id, [])
        if row.outcome.value in said:
            return True
        if row.outcome is BankOutcome.RETURNED:
            stands = line.batch == batch_id and line.state == PAID and line.last_said == "paid"
            free = not line.reversed_fen and line.asked_by is None and line.correction is None
            parts_fen = sum(self.model.parts(row.line_id).values()) if stands else 0
            return stands and free and self.model.free_fen >= parts_fen
        return not said

    def _result(
        self,
        row: int,
        line_id: str,
        outcome: str,
        batch_id: str | None,
        *,
        paid_on: date,
        more_fen: int = 0,
    ) -> PaymentResult:
        moved = outcome != "failed"
        known = batch_id is not None and line_id in self.model.batches[batch_id]["lines"]
        fen = self._fen_in(line_id, batch_id or "") if known else LINE_FEN
        return PaymentResult(
            row=row,
            line_id=line_id,
            outcome=BankOutcome.FAILED if outcome == "failed" else BankOutcome(outcome),
            amount_fen=fen + more_fen,
            paid_on=paid_on if moved else None,
            bank_reference=f"TK{line_id[-8:]}" if moved else None,
            reason=None if moved else "账号不符",
        )

    def _wrong(
        self, wrong: str, rows: list[PaymentResult], names: list[str], batch_id: str, *, paid_on: date
    ) -> list[PaymentResult]:
        """Add one wrong row behind the right ones."""
        row = 100
        if wrong == "unknown":
            return [self._result(row, "lin_unknown-01", "paid", None, paid_on=paid_on)]
        if wrong == "other division":
            line_id = f"lin_{self.setting.foreign_id[4:]}-01"
            return [self._result(row, line_id, "paid", None, paid_on=paid_on)]
        if wrong == "amount" and (
            left := [name for name in names if name not in {one.line_id for one in rows}]
        ):
            return [self._result(row, left[0], "paid", batch_id, paid_on=paid_on, more_fen=1)]
        if wrong == "repeat" and rows:
            return [msgspec.structs.replace(rows[0], row=row)]
        right = [one for one in rows if self._is_right(one, batch_id)]
        if wrong == "contradiction" and right:
            other = "failed" if right[0].paid else "paid"
            return [self._result(row, right[0].line_id, other, batch_id, paid_on=paid_on)]
        return []

    def _apply(self, batch_id: str, expected: dict[str, BankOutcome], actor: str) -> None:
        known = self.model.batches[batch_id]
        wholly = [name for name in known["lines"] if self._wholly_kept(name, batch_id)]
        for name, outcome in {**expected, **dict.fromkeys(wholly, BankOutcome.PAID)}.items():
            line = self.model.lines()[name]
            said = line.said.setdefault(batch_id, [])
            if outcome.value in said or (name in wholly and said):
                continue
            said.append(outcome.value)
            line.entered_by, line.entered_on = actor, shanghai_date(self.now)
            line.corrected_by = None
            if outcome is BankOutcome.PAID:
                self.model.paid(name)
            else:
                self.model.unpaid(name, was_paid=outcome is BankOutcome.RETURNED)

    @precondition(lambda self: any(one.state == PAID for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5))
    def bounce(self, chaos: tuple[str, int], place: int) -> None:
        """The bank sends back what it paid (退票)."""
        paid = sorted(name for name, one in self.model.lines().items() if one.state == PAID)
        name = paid[place % len(paid)]
        line = self.model.lines()[name]
        assert line.batch is not None
        if self._wholly_kept(name, line.batch):
            return
        paid_on = shanghai_date(batches_store.find_batch(line.batch).sealed_at)
        row = self._result(1, name, "returned", line.batch, paid_on=paid_on)
        right = self._is_right(row, line.batch)
        batch_id = line.batch
        answer = self.do(chaos, lambda: results.record_results(self.context(FINANCE), batch_id, [row]))
        assert (not answer.refused) == right, answer
        self._apply(batch_id, {name: row.outcome} if right else {}, FINANCE.actor)
        self.check()

    # ----------------------------------------------------------------- rules: releases and corrections

    @precondition(lambda self: any(one.state == FAILED for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans())
    def release(self, chaos: tuple[str, int], place: int, who: bool) -> None:
        name, line = self._line(place)
        actor = (FINANCE if who else OTHER_FINANCE).actor
        answer = self.do(
            chaos,
            lambda: corrections.release(
                self.context(FINANCE if who else OTHER_FINANCE), name, reason="已核实"
            ),
        )
        free = line.released_by is None and line.correction is None
        if line.state == FAILED and free and line.entered_by != actor:
            assert not isinstance(answer, DomainError), answer
            line.released_by = actor
        elif line.released_by != actor:
            assert isinstance(answer, DomainError), "who entered the failure does not release it"
        self.check()

    @precondition(lambda self: any(one.said for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans(), more_fen=st.sampled_from((0, 0, 1)))
    def correct(self, chaos: tuple[str, int], place: int, who: bool, more_fen: int) -> None:
        told = sorted(name for name, one in self.model.lines().items() if one.said)
        name = told[place % len(told)]
        line, actor = self.model.lines()[name], FINANCE if who else OTHER_FINANCE
        assert line.batch is not None
        to = "payment_failed" if line.last_said == "paid" else "paid"
        asked = Correction(
            to=BankOutcome(to),
            amount_fen=self.model.bank_fen(name) + more_fen,
            paid_on=shanghai_date(batches_store.find_batch(line.batch).sealed_at) if to == "paid" else None,
            bank_reference=f"TK{name[-8:]}" if to == "paid" else None,
            reason="银行更正",
            asked_by=actor.actor,
        )
        answer = self.do(chaos, lambda: corrections.ask_correction(self.context(actor), name, asked))
        possible = line.last_said in ("paid", "payment_failed") and line.state in (PAID, FAILED)
        free = line.correction is None and line.asked_by is None and not line.reversed_fen and not more_fen
        if possible and free and self._books_open(line):
            assert not isinstance(answer, DomainError), answer
            line.correction = (to, actor.actor)
        elif line.correction != (to, actor.actor) or more_fen:
            assert isinstance(answer, DomainError), answer
        self.check()

    def _books_open(self, line: ModelLine) -> bool:
        closes_on: date = books_close_on(line.entered_on, close_day=BOOKS_CLOSE_DAY)
        return shanghai_date(self.now) <= closes_on

    @precondition(lambda self: any(one.correction for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans())
    def confirm_correction(self, chaos: tuple[str, int], place: int, who: bool) -> None:
        asked = sorted(name for name, one in self.model.lines().items() if one.correction)
        name = asked[place % len(asked)]
        line, actor = self.model.lines()[name], FINANCE if who else OTHER_FINANCE
        assert line.correction is not None
        assert line.batch is not None
        to, asker = line.correction
        parts = self.model.parts(name)
        possible = {
            "paid": all(self.model.lines()[debt].owed_fen >= fen for debt, fen in parts.items()),
            "payment_failed": self.model.free_fen >= sum(parts.values()),
        }[to]
        answer = self.do(chaos, lambda: corrections.confirm_correction(self.context(actor), name))
        if asker == actor.actor:
            assert getattr(answer, "code", None) == "self_approval"
        elif not self._books_open(line):
            assert getattr(answer, "code", None) == "books_closed"
        elif not possible:
            assert getattr(answer, "code", None) in ("set_off_gone", "budget_exhausted")
        else:
            assert not isinstance(answer, DomainError), answer
            line.said[line.batch].append(to)
            line.correction, line.entered_by, line.entered_on = None, asker, shanghai_date(self.now)
            if to == "paid":
                self.model.paid(name)
                line.released_by = None
            else:
                self.model.unpaid(name, was_paid=True)
        self.check()

    @precondition(lambda self: any(one.correction for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans())
    def cancel_correction(self, chaos: tuple[str, int], place: int, who: bool) -> None:
        asked = sorted(name for name, one in self.model.lines().items() if one.correction)
        name = asked[place % len(asked)]
        actor, version = FINANCE if who else OTHER_FINANCE, claims.find_line(name).version
        self.do(
            chaos,
            lambda: corrections.cancel_correction(
                self.context(actor), name, version=version, reason="银行未确认"
            ),
        )
        self.model.lines()[name].correction = None
        self.check()

    # ----------------------------------------------------------------- rules: clawback

    @precondition(lambda self: self.model.lines())
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans(), part=st.booleans())
    def ask_reversal(self, chaos: tuple[str, int], place: int, who: bool, *, part: bool = False) -> None:
        name, line = self._line(place)
        actor = FINANCE if who else OTHER_FINANCE
        left_fen = line.fen - line.reversed_fen
        fen = PART_FEN if part else left_fen
        answer = self.do(
            chaos,
            lambda: clawback.ask_reversal(
                self.context(actor), name, reason="重复发放", amount_fen=PART_FEN if part else None
            ),
        )
        free = line.asked_by is None and line.correction is None and fen <= left_fen
        if line.state == PAID and free:
            assert not isinstance(answer, DomainError), answer
            line.asked_by, line.asked_fen = actor.actor, fen
        elif line.asked_by != actor.actor:
            assert isinstance(answer, DomainError)
        self.check()

    @precondition(lambda self: any(one.asked_by for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans())
    def confirm_reversal(self, chaos: tuple[str, int], place: int, who: bool) -> None:
        asked = sorted(name for name, one in self.model.lines().items() if one.asked_by)
        name = asked[place % len(asked)]
        line, actor = self.model.lines()[name], FINANCE if who else OTHER_FINANCE
        answer = self.do(chaos, lambda: clawback.confirm_reversal(self.context(actor), name))
        if line.asked_by == actor.actor:
            assert getattr(answer, "code", None) == "self_approval"
        elif line.state == PAID:
            assert not isinstance(answer, DomainError), answer
            line.reversed_fen += line.asked_fen
            if line.reversed_fen == line.fen:
                line.state = REVERSED
            else:
                line.asked_by = None
        self.check()

    @precondition(lambda self: any(one.asked_by for one in self.model.lines().values()))
    @rule(chaos=CHAOS, place=st.integers(0, 5), who=st.booleans())
    def cancel_reversal(self, chaos: tuple[str, int], place: int, who: bool) -> None:
        asked = sorted(name for name, one in self.model.lines().items() if one.asked_by)
        name = asked[place % len(asked)]
        line, actor = self.model.lines()[name], FINANCE if who else OTHER_FINANCE
        version = claims.find_line(name).version
        answer = self.do(
            chaos,
            lambda: clawback.cancel_reversal(self.context(actor), name, version=version, reason="核实无误"),
        )
        if line.state == PAID:
            line.asked_by = None
            assert claims.find_line(name).reversal_asked_by is None
        else:
            assert answer.code == "wrong_state"
        self.check()

    @precondition(lambda self: any(one.reversed_fen for one in self.model.lines().values()))
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 5),
        fen=st.sampled_from((1, 60_000, 180_000)),
        reference=st.integers(0, 2),
    )
    def repay(self, chaos: tuple[str, int], place: int, fen: int, reference: int) -> None:
        taken = sorted(name for name, one in self.model.lines().items() if one.reversed_fen)
        name = taken[place % len(taken)]
        line = self.model.lines()[name]
        repayment = Repayment(f"R{reference}-{fen}", fen, shanghai_date(self.now))
        known = [one.bank_reference for one in claims.find_line(name).repayments]
        answer = self.do(chaos, lambda: clawback.ask_repayment(self.context(FINANCE), name, repayment))
        if claims.find_line(name).repayment_asked is not None:
            self.do(chaos, lambda: clawback.confirm_repayment(self.context(OTHER_FINANCE), name))
        if repayment.bank_reference not in known:
            if fen <= line.owed_fen:
                line.repaid_fen += fen
            else:
                assert answer.code == "repayment_exceeds"
        self.check()

    @precondition(lambda self: self.model.batches)
    @rule()
    def verify(self) -> None:
        after = None
        while True:
            page = verification.verify_page(CITY, after, now=self.now)
            assert page.differences == []
            after = page.after
            if after is None:
                return

    # ----------------------------------------------------------------- what must hold

    def check(self) -> None:
        """Hold every figure of the tables against the model."""
        self._check_budget()
        self._check_lines()
        self._check_vouchers()
        self._check_books()
        self._check_batches()

    def _check_budget(self) -> None:
        rows = self.dynamo.rows(BudgetRow)
        if not rows:
            assert self.model.appropriated_fen == 0
            return
        (budget,) = rows
        found = (budget.appropriated_fen, budget.reserved_fen, budget.spent_fen, budget.receivable_fen)
        assert found == (
            self.model.appropriated_fen,
            self.model.reserved_fen,
            self.model.spent_fen,
            self.model.receivable_fen,
        )
        assert budget.available_fen == self.model.free_fen
        assert budget.available_fen >= 0

    def _check_lines(self) -> None:
        found = {one.id: one for one in self.dynamo.rows(claims.LineRow)}
        wanted = self.model.lines()
        assert found.keys() == wanted.keys()
        for name, line in wanted.items():
            stored = found[name].status
            state = WAITING if stored in (LineStatus.PENDING, LineStatus.HELD) else str(stored)
            assert state == line.state, name
            payments = [one.status for one in found[name].attempts]
            undone = payments.count(BankOutcome.RETURNED) + sum(
                one.status is BankOutcome.FAILED and one.confirmed_by is not None
                for one in found[name].attempts
            )
            stands = payments.count(BankOutcome.PAID) - undone
            assert stands == (line.state in (PAID, REVERSED)), "paid once, and not twice without coming back"
        for claim in self.dynamo.rows(claims.ClaimRow):
            states = [wanted[one].state for one in claim.line_ids]
            live = [one for one in states if one != DROPPED]
            if claim.status is not ClaimStatus.REJECTED:
                assert claim.line_count == len(live)
            assert claim.paid_count == sum(one in (PAID, REVERSED) for one in live)
            assert claim.reviewed_by is None or claim.reviewed_by not in (
                claim.submitted_by,
                claim.approved_by,
            )
            assert (claim.status is ClaimStatus.PAID) == (
                bool(live) and all(one in (PAID, REVERSED) for one in live)
            )

    def _check_vouchers(self) -> None:
        enrolled = {one.enrolment_id: one for one in self.dynamo.rows(claims.LineRow)}
        states = {name: line.state for name, line in self.model.lines().items()}
        paid_fen = 0
        for voucher in self.dynamo.rows(VoucherRow):
            line = enrolled.get(voucher.enrolment_id)
            state = states[line.id] if line is not None else WAITING
            model = self.model.lines()[line.id] if line is not None else ModelLine()
            assert (voucher.status is VoucherStatus.SETTLED) == (state in (PAID, REVERSED) or model.paid_once)
            paid_fen += voucher.paid_fen
            assert voucher.reversed_fen == model.reversed_fen
        assert paid_fen == self.model.sum_of(PAID, REVERSED), "Σ paid = Σ settled"

    def _check_books(self) -> None:
        sums = ledger.add_up(self.dynamo.rows(batches.SummaryRow))
        net = {name: one.debit_fen - one.credit_fen for name, one in sums.items()}
        books = {name: fen for name, fen in net.items() if not name.startswith(MEMORANDUM)}
        assert sum(books.values()) == 0, "Σ debits = Σ credits"
        lines = self.model.lines()
        came_in_fen = sum(line.repaid_fen for line in lines.values())
        paid = [name for name, line in lines.items() if line.state in (PAID, REVERSED)]
        went_out_fen = sum(self.model.bank_fen(name) for name in paid)
        assert went_out_fen - came_in_fen <= self.model.appropriated_fen, "treasury out − in ≤ appropriated"
        wanted = {
            f"subsidy_expense.{CITY}.{self.setting.program_id}": self.model.spent_fen,
            f"treasury.{CITY}": came_in_fen - went_out_fen,
            f"receivable.{CITY}.{HEFEI_SCHOOL}": self.model.receivable_fen,
            f"set_off.{CITY}.{HEFEI_SCHOOL}": 0,
        }
        assert books == {name: fen for name, fen in wanted.items() if name in books}
        assert all(name in books or fen == 0 for name, fen in wanted.items())
        posted = [
            (group.event, one.line_id, one.reference, one.at_version, group.batch_id)
            for group in self.dynamo.rows(batches.GroupRow)
            for one in group.postings
        ]
        assert len(posted) == len(set(posted)), "no event is posted twice"

    def _check_batches(self) -> None:
        for batch in self.dynamo.rows(batches_store.BatchRow):
            known = self.model.batches[batch.id]
            assert batch.digest == self.digests[batch.id]
            lines = [self.model.lines()[name] for name in known["lines"]]
            assert batch.result_count == sum(bool(line.said.get(batch.id)) for line in lines)
            assert batch.paid_count == sum(line.state in (PAID, REVERSED) for line in lines)


def _settings(share: int) -> settings:
    return settings(
        max_examples=SEQUENCES // SHARES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, *_SHRINKING),
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("share", range(SHARES))
def test_money_holds_whatever_happens_in_whatever_order(setting: Setting, share: int) -> None:
    run_state_machine_as_test(Money, settings=_settings(share))


def test_every_planted_bug_still_fits_the_program() -> None:
    assert misfits() == []
