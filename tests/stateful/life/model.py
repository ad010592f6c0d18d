"""A voucher's whole life as domain.md tells it, and no more: what the service is held against.

Imports nothing of the service. `may_…` says whether something is allowed: yes, no, or `None` where the design leaves
it to the service; `did_…` is what it then changes. People, classes and batches are numbers.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from chinese_calendar import is_workday

SHANGHAI = timezone(timedelta(hours=8))
LINE_FEN = 180_000
"""min(face value 6,000 yuan, the project's fee) of one who passed."""
ATTENDANCE_MIN = 0.8
PUBLICITY_DAYS = 5
IDLE_DAYS_MAX = 90
RESTORE_WAITS = timedelta(days=30)
CLASS_MOVES: dict[str, tuple[tuple[str, ...], str]] = {
    "submit": (("draft", "returned"), "submitted"),
    "approve": (("submitted",), "approved"),
    "return": (("submitted",), "returned"),
    "cancel": (("draft", "submitted", "returned", "approved"), "cancelled"),
    "completion/submit": (("approved", "completion_returned"), "completion_submitted"),
    "completion/return": (("completion_submitted",), "completion_returned"),
    "completion/approve": (("completion_submitted",), "completion_approved"),
}
CLASS_MOVED_BY = {
    "submit": "school",
    "approve": "clerk",
    "return": "clerk",
    "cancel": "school",
    "completion/submit": "school",
    "completion/return": "clerk",
    "completion/approve": "clerk",
}
CLAIM_MOVES = {
    "review": (("submitted",), "reviewed", "clerk"),
    "approve": (("reviewed",), "publicised", "reviewer"),
    "return": (("submitted", "reviewed"), "returned", None),
}


def day_of(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()


def publicity_ends(began: date) -> date:
    """Counts working days from the next one; its last day is still public."""
    day, left = began, PUBLICITY_DAYS
    while left:
        day += timedelta(days=1)
        left -= is_workday(day)
    return day


@dataclass
class Voucher:
    status: str
    expires_at: datetime
    changes: int = 1
    before: str = ""
    school: str = ""
    enrolment: str = ""
    klass: int | None = None
    restore_asked_by: str = ""
    restore_asked_at: datetime | None = None
    restore_until: date | None = None
    redeemed_at: datetime | None = None

    @property
    def last_day(self) -> date:
        """The last day on which it is good."""
        return day_of(self.expires_at) - timedelta(days=1)

    def become(self, status: str) -> None:
        self.before, self.status, self.changes = self.status, status, self.changes + 1


@dataclass
class Line:
    status: str = "pending"
    held: bool = False
    failed_by: str = ""
    released: bool = False
    batch: int | None = None
    payments: int = 0
    reversal_by: str = ""


@dataclass
class Claim:
    lines: dict[int, Line]
    submitted_by: str
    status: str = "submitted"
    reviewed_by: str = ""
    approved_by: str = ""
    published_on: date | None = None
    objections: int = 0


@dataclass
class Klass:
    school: str
    starts: list[datetime]
    ends: datetime
    status: str = "draft"
    roster: set[int] = field(default_factory=set)
    came: set[tuple[int, int]] = field(default_factory=set)
    passed: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    claim: Claim | None = None

    def served(self, person: int) -> bool:
        lessons = len(self.starts)
        return sum((number, person) in self.came for number in range(lessons)) >= ATTENDANCE_MIN * lessons


@dataclass
class Batch:
    lines: set[tuple[int, int]]
    status: str = "sealed"
    had_by: set[str] = field(default_factory=set)
    told: set[tuple[int, int]] = field(default_factory=set)


@dataclass
class Life:
    """Everything there is."""

    appropriated_fen: int = 0
    vouchers: dict[int, Voucher] = field(default_factory=dict)
    classes: list[Klass] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)

    # ------------------------------------------------------------------------- money

    def lines(self) -> dict[tuple[int, int], Line]:
        return {
            (number, person): line
            for number, klass in enumerate(self.classes)
            if klass.claim is not None
            for person, line in klass.claim.lines.items()
        }

    def _fen_in(self, *states: str) -> int:
        return LINE_FEN * sum(line.status in states for line in self.lines().values())

    @property
    def spent_fen(self) -> int:
        return self._fen_in("paid")

    @property
    def receivable_fen(self) -> int:
        return self._fen_in("reversed")

    @property
    def reserved_fen(self) -> int:
        return LINE_FEN * sum(
            line.status in ("pending", "batched", "payment_failed")
            for klass in self.classes
            if klass.claim is not None and klass.claim.status == "publicised"
            for line in klass.claim.lines.values()
        )

    @property
    def free_fen(self) -> int:
        return self.appropriated_fen - self.reserved_fen - self.spent_fen - self.receivable_fen

    def may_be_paid(self, number: int, person: int, today: date) -> bool:
        """Invariant 4: everything that has to stand before a line is paid."""
        klass, voucher = self.classes[number], self.vouchers[person]
        claim = klass.claim
        if claim is None or claim.published_on is None:
            return False
        line = claim.lines[person]
        hands = {claim.submitted_by, claim.reviewed_by, claim.approved_by}
        return (
            voucher.enrolment == "passed"
            and person in klass.roster
            and klass.served(person)
            and len(hands) == 3
            and today > publicity_ends(claim.published_on)
            and not claim.objections
            and not line.held
            and klass.school not in self.suspended
            and (line.status == "pending" or (line.status == "payment_failed" and line.released))
        )

    def due(self, today: date) -> set[tuple[int, int]]:
        return {place for place in self.lines() if self.may_be_paid(*place, today)}

    # ------------------------------------------------------------------------- vouchers

    def may_claim(self, person: int, now: datetime) -> bool:
        voucher = self.vouchers.get(person)
        return voucher is not None and voucher.status in ("issued", "claimed") and now < voucher.expires_at

    def may_redeem(self, person: int, school: str, now: datetime) -> bool:
        voucher = self.vouchers[person]
        return voucher.status == "claimed" and now < voucher.expires_at and school not in self.suspended

    def did_redeem(self, person: int, school: str, now: datetime) -> None:
        voucher = self.vouchers[person]
        voucher.become("redeemed")
        voucher.school, voucher.enrolment, voucher.klass, voucher.redeemed_at = school, "confirmed", None, now

    def did_release(self, person: int, now: datetime) -> None:
        """A released voucher whose date has passed expires at once."""
        voucher = self.vouchers[person]
        voucher.become("claimed" if now < voucher.expires_at else "expired")
        voucher.enrolment = "released"

    def did_withdraw(self, person: int) -> None:
        voucher = self.vouchers[person]
        voucher.become("closed")
        voucher.enrolment = "withdrawn"
        if voucher.klass is not None:
            self.classes[voucher.klass].roster.discard(person)

    def may_revoke(self, person: int, now: datetime) -> bool | None:
        voucher = self.vouchers[person]
        if voucher.status in ("issued", "claimed"):
            return True if now < voucher.expires_at else None
        return None if voucher.status == "redeemed" else False

    def may_restore(self, person: int, until: date, by: str, now: datetime) -> bool:
        """Nobody gets less time than they had, nor more than a voucher that is issued today.

        Whoever has asked may ask anew, for another day; nobody else before that is decided.
        """
        voucher, today = self.vouchers[person], day_of(now)
        if voucher.status not in ("revoked", "expired") or voucher.restore_asked_by not in ("", by):
            return False
        own, most = voucher.last_day, today.replace(year=today.year + 1)
        return max(own, today) <= until <= max(own, most)

    def did_ask_restore(self, person: int, until: date, by: str, now: datetime) -> None:
        """The same asked again changes nothing."""
        voucher = self.vouchers[person]
        if (voucher.restore_asked_by, voucher.restore_until) == (by, until):
            return
        voucher.restore_asked_by, voucher.restore_asked_at, voucher.restore_until = by, now, until
        voucher.changes += 1

    def expire(self, person: int, now: datetime) -> None:
        """Record that the day of an unspent voucher has passed, if it has."""
        voucher = self.vouchers[person]
        if voucher.status in ("issued", "claimed") and voucher.expires_at <= now:
            voucher.become("expired")

    def forget_stale_restores(self, now: datetime) -> None:
        """What nobody confirmed in time was never asked."""
        for voucher in self.vouchers.values():
            if voucher.restore_asked_at is not None and now >= voucher.restore_asked_at + RESTORE_WAITS:
                voucher.restore_asked_by, voucher.restore_asked_at, voucher.restore_until = "", None, None

    def night(self, now: datetime) -> None:
        for person in self.vouchers:
            self.expire(person, now)

    # ------------------------------------------------------------------------- classes

    def may_move(self, number: int, move: str, role: str, now: datetime) -> bool | None:
        klass = self.classes[number]
        sources, _ = CLASS_MOVES[move]
        if klass.status not in sources or role != CLASS_MOVED_BY[move]:
            return False
        if move == "completion/submit":
            return klass.ends < now and (bool(klass.roster) or None)
        if move == "submit" and klass.starts[0] < now + timedelta(days=8):
            return None if day_of(klass.starts[0]) >= day_of(now) + timedelta(days=7) else False
        if move == "cancel" and klass.starts[0] <= now:
            return None
        if klass.school in self.suspended:
            return None
        return True

    def did_move(self, number: int, move: str, now: datetime) -> None:
        klass = self.classes[number]
        klass.status = CLASS_MOVES[move][1]
        if klass.status == "cancelled":
            for person in klass.roster:
                self.did_release(person, now)
            klass.roster = set()

    def may_roster(self, number: int, people: set[int], now: datetime) -> bool | None:
        klass = self.classes[number]
        if klass.status != "approved":
            return False
        for person in people:
            voucher = self.vouchers.get(person)
            if voucher is None or voucher.status != "redeemed" or voucher.school != klass.school:
                return False
            if voucher.enrolment != "confirmed" and person not in klass.roster:
                return False
        return True if now < klass.starts[0] and people and klass.school not in self.suspended else None

    def did_roster(self, number: int, people: set[int]) -> None:
        klass = self.classes[number]
        for person in klass.roster - people:
            self.vouchers[person].enrolment, self.vouchers[person].klass = "confirmed", None
        for person in people:
            self.vouchers[person].enrolment, self.vouchers[person].klass = "rostered", number
        klass.roster = set(people)

    def did_score(self, number: int, failing: set[int]) -> None:
        klass = self.classes[number]
        klass.status, klass.marked = "scored", set(klass.roster)
        klass.passed = {one for one in klass.roster if one not in failing and klass.served(one)}
        for person in klass.roster:
            self.vouchers[person].enrolment = "passed" if person in klass.passed else "failed"

    # ------------------------------------------------------------------------- claims

    def payable(self, number: int) -> set[int]:
        klass = self.classes[number]
        return {one for one in klass.passed if self.vouchers[one].status == "redeemed"}

    def may_decide(self, number: int, move: str, role: str) -> bool | None:
        claim = self.classes[number].claim
        sources, _, by = CLAIM_MOVES[move]
        if claim is None or claim.status not in sources or role not in ("clerk", "reviewer"):
            return False
        if by is not None and role != by:
            return False
        if move == "approve":
            return LINE_FEN * len(claim.lines) <= self.free_fen
        return True if by is not None else None

    def did_decide(self, number: int, move: str, actor: str, now: datetime) -> None:
        claim = self.classes[number].claim
        assert claim is not None
        claim.status = CLAIM_MOVES[move][1]
        if move == "review":
            claim.reviewed_by = actor
        if move == "approve":
            claim.approved_by, claim.published_on = actor, day_of(now)

    # ------------------------------------------------------------------------- settlement

    def did_seal(self, lines: set[tuple[int, int]]) -> None:
        known = self.lines()
        for place in lines:
            known[place].status, known[place].batch = "batched", len(self.batches)
        self.batches.append(Batch(set(lines)))

    def did_pay(self, place: tuple[int, int], batch: int) -> None:
        line, voucher = self.lines()[place], self.vouchers[place[1]]
        line.status, line.payments = "paid", line.payments + 1
        if voucher.status != "settled":
            voucher.become("settled")
        self._told(place, batch)

    def did_fail(self, place: tuple[int, int], batch: int, by: str) -> None:
        line = self.lines()[place]
        line.status, line.failed_by, line.released = "payment_failed", by, False
        self._told(place, batch)

    def _told(self, place: tuple[int, int], number: int) -> None:
        batch = self.batches[number]
        batch.told.add(place)
        lines = self.lines()
        if batch.told >= batch.lines:
            paid = all(
                lines[one].batch == number and lines[one].status in ("paid", "reversed")
                for one in batch.lines
            )
            batch.status = "closed" if paid else "reconciled"
        for klass in self.classes:
            claim = klass.claim
            if claim is not None and claim.status == "publicised":
                states = Counter(line.status for line in claim.lines.values())
                if states["paid"] + states["reversed"] == len(claim.lines):
                    klass.status = "closed"
