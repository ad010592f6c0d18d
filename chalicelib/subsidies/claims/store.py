"""The tables of claims and their lines, and the writes of filing and review."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.ahead import ahead, already_read
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKeys, WaitingTable, waiting_since
from chalicelib.aws.writes import Put, Update, lawful, names_none_of, none_of, update
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.subsidies.claims.facts import waits_for_facts
from chalicelib.subsidies.claims.indexes import (
    AllWaitingClaims,
    ClaimsByCity,
    ClaimsByInstitution,
    ClaimsDue,
    LinesByFlag,
    LinesByPerson,
    LinesToRetry,
    WaitingClaims,
    WaitingLines,
)
from chalicelib.subsidies.claims.model import (
    CLAIM_TRANSITIONS,
    LINE_TRANSITIONS,
    Claim,
    Line,
    LineFlag,
)
from chalicelib.subsidies.claims.moves import Changes
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus


class ClaimRow(WaitingTable[Claim]):
    """One row a claim; its key is derived from the class."""

    class Meta:
        table_name = table_name("subsidy-claims")

    record_type = Claim
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    class_id = UnicodeAttribute()
    class_name = UnicodeAttribute()
    institution = UnicodeAttribute()
    division = UnicodeAttribute()
    city = UnicodeAttribute()
    program_id = UnicodeAttribute()
    project_id = UnicodeAttribute()
    status = UnicodeAttribute()
    line_ids = StructAttribute()
    line_count = NumberAttribute()
    amount_fen = NumberAttribute()
    declared_count = NumberAttribute()
    declared_amount_fen = NumberAttribute()
    submitted_by = UnicodeAttribute()
    submitted_at = MomentAttribute()
    leftovers = StructAttribute(default=list)
    also_prepared_by = StructAttribute(default=list)
    reviewed_by = UnicodeAttribute(null=True)
    reviewed_at = MomentAttribute(null=True)
    approved_by = UnicodeAttribute(null=True)
    payee_id = UnicodeAttribute(null=True)
    holds = StructAttribute(default=list)
    approved_on = StructAttribute(null=True)
    budget_year = NumberAttribute(null=True)
    publicity_ends_on = StructAttribute(null=True)
    due_city = UnicodeAttribute(null=True)
    due_on = UnicodeAttribute(null=True)
    objections = NumberAttribute(default=0)
    open_objections = NumberAttribute(default=0)
    batched_count = NumberAttribute(default=0)
    paid_count = NumberAttribute(default=0)
    class_closed = BooleanAttribute(default=False)
    decision_reason = UnicodeAttribute(null=True)
    claim_by = StructAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_institution = ClaimsByInstitution()
    by_city = ClaimsByCity()
    by_due = ClaimsDue()
    waiting = WaitingClaims()
    waiting_all = AllWaitingClaims()


class LineRow(VersionedTable[Line]):
    """One row a line; its id names its claim and its place."""

    class Meta:
        table_name = table_name("claim-lines")

    record_type = Line
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    city = UnicodeAttribute()
    institution = UnicodeAttribute()
    program_id = UnicodeAttribute()
    enrolment_id = UnicodeAttribute()
    voucher_id = UnicodeAttribute()
    person_key = UnicodeAttribute()
    trainee_name = UnicodeAttribute()
    trainee_id_number = UnicodeAttribute()
    occupation = UnicodeAttribute()
    status = UnicodeAttribute()
    amount_fen = NumberAttribute()
    evidence = StructAttribute()
    submitted_at = MomentAttribute()
    holds = StructAttribute(default=list)
    held_since = StructAttribute(null=True)
    lifted = StructAttribute(null=True)
    reject_reason = UnicodeAttribute(null=True)
    batch_id = UnicodeAttribute(null=True)
    retry_city = UnicodeAttribute(null=True)
    budget_year = NumberAttribute(null=True)
    attempts = StructAttribute(default=list)
    reversal_asked_by = UnicodeAttribute(null=True)
    reversal_reason = UnicodeAttribute(null=True)
    reversal_asked_fen = NumberAttribute(null=True)
    reversed_by = UnicodeAttribute(null=True)
    reversed_fen = NumberAttribute(null=True)
    repay_by = StructAttribute(null=True)
    unsettled = UnicodeAttribute(null=True)
    repayments = StructAttribute(default=list)
    repayment_asked = StructAttribute(null=True)
    repayment_confirmed_by = UnicodeAttribute(null=True)
    set_offs = StructAttribute(null=True)
    correction = StructAttribute(null=True)
    paid_once = BooleanAttribute(null=True)
    released_by = UnicodeAttribute(null=True)
    dropped = BooleanAttribute(default=False)
    late_ineligibility = StructAttribute(null=True)
    flagged = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_person = LinesByPerson()
    by_retry = LinesToRetry()
    by_flag = LinesByFlag()
    waiting = WaitingLines()


def line_queue(city: str) -> str:
    """Give the list in which the lines of a city stand that wait: for a finance officer, or held by facts."""
    return f"{city}#lines"


def line_waits(city: str, at: datetime) -> list[Action]:
    """Have a line stand in the list of its city from now on."""
    return [LineRow.queue.set(line_queue(city)), LineRow.queued_at.set(at)]


def line_rests(*, still: bool = False) -> list[Action]:
    """Take a line out of that list, unless something else of it still waits."""
    return [] if still else [LineRow.queued_at.remove()]


def claim_in(action: str, *, version: int | None = None) -> Condition:
    """Require that the claim is in a state in which the action may be done, and at this version."""
    return lawful(ClaimRow, sources=CLAIM_TRANSITIONS.sources(action), version=version)


def line_in(action: str, *, version: int | None = None) -> Condition:
    """Require that the line is in a state in which the action may be done, and at this version."""
    return lawful(LineRow, sources=LINE_TRANSITIONS.sources(action), version=version)


def line_to(action: str) -> Action:
    """Move a line where the action leads."""
    move: Action = LineRow.status.set(str(LINE_TRANSITIONS.target(action)))
    return move


# --------------------------------------------------------------------------- reading


def was_filed_before(claim: Claim) -> bool:
    """Tell whether an earlier run of this call under a key filed a claim that was read."""
    return ClaimRow.changed_before(claim.id)


def find_claim(claim_id: str) -> Claim | None:
    """Read a claim."""
    return ClaimRow.find(claim_id)


def read_claim(claim_id: str) -> Claim:
    """Read a claim or raise `NotFound`."""
    return ClaimRow.read(claim_id)


def want_claims(claim_ids: Iterable[str | None]) -> None:
    """Have claims come along with the next read of a page."""
    ahead(ClaimRow, claim_ids)


def claims_read_before(claim_ids: Iterable[str]) -> list[Claim]:
    """Give those claims that a page has read already; no call is made."""
    return already_read(ClaimRow, claim_ids)


def find_claims(claim_ids: Sequence[str]) -> list[Claim]:
    """Read many claims, 100 a call; unknown ones are left out."""
    return ClaimRow.find_many(claim_ids)


def find_line(line_id: str) -> Line | None:
    """Read a line."""
    return LineRow.find(line_id)


def want_lines(line_ids: Iterable[str | None]) -> None:
    """Have claim lines come along with the next read of a page."""
    ahead(LineRow, line_ids)


def find_lines(line_ids: Sequence[str]) -> list[Line]:
    """Read many lines, 100 a call, in the order of their ids; unknown ones are left out."""
    return sorted(LineRow.find_many(line_ids), key=lambda line: line.id)


def claims_of(
    institution: str, request: PageRequest, *, status: ClaimStatus | None, today: date
) -> Page[Claim]:
    """List an institution's claims, newest first; of those in a state as it is shown today."""
    return _newest(ClaimRow.by_institution, institution, request, shown_as(status, today))


def claims_in(
    city: str, request: PageRequest, *, division: str | None, status: ClaimStatus | None, today: date
) -> Page[Claim]:
    """List the claims that one city's budget pays, newest first; of one county if `division` is given."""
    condition = shown_as(status, today)
    if division is not None:
        here = ClaimRow.division == division
        condition = here if condition is None else condition & here
    return _newest(ClaimRow.by_city, city, request, condition)


def shown_as(status: ClaimStatus | None, today: date) -> Any:
    """Pick the claims that are shown in a state on a day: `model.status_shown`, as a filter.

    A test holds the two against each other for every state.
    """
    if status is None:
        return None
    stored = ClaimRow.status == str(status)
    over = (ClaimRow.due_on < _day_end(today)) & (ClaimRow.open_objections == 0)
    if status is ClaimStatus.PAYABLE:
        return stored | ((ClaimRow.status == str(ClaimStatus.PUBLICISED)) & over)
    return stored & ~over if status is ClaimStatus.PUBLICISED else stored


def _day_end(day: date) -> str:
    """Give the text behind every `due_on` of a day and before those of the next."""
    return f"{(day + timedelta(days=1)).isoformat()}#"


def _newest(index: Any, key: str, request: PageRequest, condition: Any) -> Page[Claim]:
    return page_of_list(ClaimRow, index, key, request=request, picked=condition, newest_first=True)


def some_claims(city: str, request: PageRequest) -> Page[Claim]:
    """Go through all claims that one city's budget pays, as they were a moment ago, newest first."""
    return _newest(ClaimRow.by_city, city, request, None)


def due_claims(city: str, *, on: date) -> Iterator[Claim]:
    """Give the claims of a city whose publicity is over on a day, in the order they became due."""
    return (row.record for row in ClaimRow.by_due.query(city, ClaimRow.due_on < _day_end(on)))


def publicised_claims(city: str, request: PageRequest, *, on: date) -> Page[Claim]:
    """List the claims of a city whose publicity still runs on a day, the first to end first."""
    rows = ClaimRow.by_due.query(
        city,
        ClaimRow.due_on > _day_end(on),
        limit=request.limit,
        last_evaluated_key=request.after,
    )
    return page_of(rows, request)


def waiting_claims(
    queue: str, *, until: datetime, status: ClaimStatus, after: Mapping[str, Any] | None
) -> WaitingKeys:
    """Give those of one list of claims that have waited in a state since before a moment."""
    return waiting_since(ClaimRow, queue, until=until, limit=A_PAGE, after=after, status=status)


def lines_to_retry(city: str, *, limit: int) -> list[str]:
    """Give the ids of a city's lines whose payment failed."""
    return [row.id for row in LineRow.by_retry.query(city, limit=limit)]


def flagged_as(flag: LineFlag, city: str) -> str:
    """Give the key under which a city's lines with a flag are listed."""
    return f"{flag}#{city}"


def lines_flagged(flag: LineFlag, city: str, request: PageRequest) -> Page[Line]:
    """List the lines of a city that somebody has to look at."""
    rows = LineRow.by_flag.query(
        flagged_as(flag, city), limit=request.limit, last_evaluated_key=request.after
    )
    return page_of(rows, request)


def lines_of_person(person_key: str, *, limit: int = 100) -> list[Line]:
    """List a person's newest lines."""
    rows = LineRow.by_person.query(person_key, limit=limit, scan_index_forward=False)
    return [row.record for row in rows]


# --------------------------------------------------------------------------- parts of transactions


def submit_writes(
    claim: Claim, lines: Iterable[Line], *, before: Claim | None, known: Mapping[str, Line]
) -> list[Put]:
    """Store a claim with its lines: the first time, or again in place of a returned one.

    `known` are the lines that stand there, by id. Each is replaced only as it was read: a hold that is placed
    or lifted meanwhile must not be undone.
    """
    again = None if before is None else claim_in("submit", version=before.version)
    puts = [Put(ClaimRow.from_record(claim), again)]
    for line in lines:
        old = known.get(line.id)
        row: Any = LineRow.from_record(line)
        if waits_for_facts(line.holds):
            row.queue, row.queued_at = line_queue(line.city), line.submitted_at
        puts.append(Put(row, None if old is None else _replaceable(old)))
    return puts


def _replaceable(old: Line) -> Condition:
    unpaid = (*LINE_TRANSITIONS.sources("reject"), LineStatus.REJECTED)
    return lawful(LineRow, sources=unpaid, version=old.version)


def decide(
    claim_id: str,
    action: str,
    changes: Changes,
    *,
    version: int,
    where: tuple[str, str] | None,
    hands: Hands,
    change: Change,
) -> Claim:
    """Move a claim in one conditional write, unread: state, version, area and not one's own work.

    The condition is the truth of what `model.why_not` gives the reasons for. `where` is ("city", code) or
    ("division", code), None for the whole province.

    Raises:
        ConditionFailed: one of them did not hold.

    """
    condition = claim_in(action, version=version)
    condition &= none_of(ClaimRow.submitted_by, hands) & names_none_of(ClaimRow.also_prepared_by, hands)
    if where is not None:
        condition &= getattr(ClaimRow, where[0]) == where[1]
    return update(ClaimRow, (claim_id,), _actions(changes), condition=condition, change=change)


def move_write(before: Claim, after: Claim, *, also: Condition | None = None) -> Update:
    """Write what has become of a claim, if it is still as it was read; `also` is asked besides.

    `model.why_not` gives the reasons, `moves` the claim `after`.
    """
    changes = {name: value for name in _MOVABLE if (value := getattr(after, name)) != getattr(before, name)}
    condition = lawful(ClaimRow, sources=(before.status,), version=before.version)
    if also is not None:
        condition &= also
    return Update(ClaimRow, (before.id,), _actions(changes), condition)


_MOVABLE = (
    "status",
    "line_count",
    "amount_fen",
    "batched_count",
    "paid_count",
    "class_closed",
    "objections",
    "open_objections",
    "decision_reason",
    "reviewed_by",
    "reviewed_at",
    "approved_by",
    "payee_id",
    "holds",
    "approved_on",
    "budget_year",
    "publicity_ends_on",
    "due_city",
    "due_on",
    "queued_at",
)


def _actions(changes: Changes) -> list[Action]:
    actions: list[Action] = []
    for name, value in changes.items():
        column = getattr(ClaimRow, name)
        plain = str(value) if isinstance(value, ClaimStatus) else value
        actions.append(column.remove() if value is None else column.set(plain))
    return actions


def reject_line_write(line: Line, reason: str) -> Update:
    """Reject one line of a claim under review."""
    return Update(
        LineRow,
        (line.id,),
        [line_to("reject"), LineRow.reject_reason.set(reason), *line_rests()],
        line_in("reject", version=line.version),
    )


def restore_line_write(line: Line, holds: Sequence[str], *, since: Mapping[str, datetime]) -> Update:
    """Take a line that second review rejected into its claim again, as that review is withdrawn."""
    status = LineStatus.HELD if holds else LINE_TRANSITIONS.target("restore")
    return Update(
        LineRow,
        (line.id,),
        [
            LineRow.status.set(str(status)),
            LineRow.holds.set(list(holds)),
            LineRow.held_since.set(dict(since)),
            LineRow.reject_reason.remove(),
            *(line_waits(line.city, min(since.values())) if waits_for_facts(holds) else []),
        ],
        line_in("restore", version=line.version),
    )


def drop_line_write(line: Line, reason: str) -> Update:
    """Take a line out of its claim for good; `model.why_not_drop` gives the reasons against it."""
    return Update(
        LineRow,
        (line.id,),
        [
            line_to("drop"),
            LineRow.reject_reason.set(reason),
            LineRow.retry_city.remove(),
            LineRow.queued_at.remove(),
            LineRow.dropped.set(True),
        ],
        line_in("drop", version=line.version),
    )
