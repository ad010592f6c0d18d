"""HTTP of the audit chain."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.supervision.audit import service as audit
from chalicelib.supervision.audit.comparison import service as comparison
from chalicelib.supervision.audit.model import AuditRecord, ChainHead
from chalicelib.supervision.reports.routes import Division

api = Api(__name__)


class AuditQuery(PageQuery, kw_only=True):
    """Whose history to list; `actor` picks what one account did."""

    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    actor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class AuditAnswer(Answer):
    """One change: who, what, why, what it was and what it is; `hash` holds the one before it.

    Where software is the actor, `on_behalf_of` is the account of the person it named.
    """

    seq: int
    at: datetime
    actor: str
    on_behalf_of: str | None
    role: str
    action: str
    reason: str | None
    request_id: str
    subject: str
    table: str
    before: dict[str, Any]
    after: dict[str, Any]
    rebuilt: bool
    chain: str
    hash: str


class ChainPlaceForm(Form):
    """Where a long walk goes on: the `after` of the answer before."""

    chain: Division
    seq: Annotated[int, Meta(ge=0, le=2**53)]
    hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$(?!\n)")]


class VerifyRequest(Form):
    """Which chain to verify: that of a division, or all that the caller's division covers."""

    division: Division | None = None
    after: ChainPlaceForm | None = None


class ChainBreakAnswer(Answer):
    """The first place at which a chain is broken; `subject` is null where a record is missing."""

    seq: int
    subject: str | None


class ChainPlaceAnswer(Answer):
    """Where a walk too long for one call is to go on: send it as `after`."""

    chain: str
    seq: int
    hash: str


class RebuiltAnswer(Answer):
    """A record that was made anew from a row as it stood; `missing` if nothing is left of that version."""

    seq: int
    subject: str
    table: str
    version: int
    missing: bool


class ChainAnswer(Answer):
    """What walking one chain found; `records` are those that hold, `rebuilt` the first 200 made anew."""

    chain: str
    records: int
    intact: bool
    first_bad: ChainBreakAnswer | None
    after: ChainPlaceAnswer | None
    rebuilt_count: int
    rebuilt: list[RebuiltAnswer]


class GapAnswer(Answer):
    """A version in which a row stands and of which the chain knows nothing."""

    chain: str
    table: str
    subject: str
    part: str
    version: int | None


class ComparedAnswer(Answer):
    """What the last daily walk of the tables found and is missing still; `finished_at` is null meanwhile."""

    begun_at: datetime
    finished_at: datetime | None
    rows: int
    rebuilt: int
    gap_count: int
    gaps: list[GapAnswer]


class VerdictAnswer(ChainAnswer):
    """What walking every chain asked for found, and what the tables have that the chains have not.

    It is intact if every chain is and nothing is missing in any. `compared` is null before the first walk.
    """

    chains: list[ChainAnswer]
    compared: ComparedAnswer | None


@api.endpoint(
    "GET",
    "/v1/audit",
    action="audit.read",
    query=AuditQuery,
    answer=Listing[AuditAnswer],
    summary="List what happened to one thing, in order",
)
def read_audit(call: Call[None, AuditQuery]) -> Listing[AuditAnswer]:
    query = call.query
    page = audit.history(call.context, query.subject, call.page_request(), actor=query.actor)
    return call.listing(page, _render)


@api.endpoint(
    "POST",
    "/v1/audit/verify",
    action="audit.verify",
    body=VerifyRequest,
    answer=VerdictAnswer,
    summary="Walk the audit chain and recompute every digest",
)
def verify_audit(call: Call[VerifyRequest, NoQuery]) -> VerdictAnswer:
    division = call.body.division or call.context.principal.division
    place = call.body.after
    after = ChainHead(chain=place.chain, seq=place.seq, hash=place.hash) if place is not None else None
    chains = [_chain(verdict) for verdict in audit.verify(call.context, division, after=after)]
    worst = next((chain for chain in chains if not chain.intact), chains[0])
    found = comparison.found_in([chain.chain for chain in chains])
    return VerdictAnswer(
        chain=worst.chain,
        records=sum(chain.records for chain in chains),
        intact=worst.intact and not (found is not None and found.gaps),
        first_bad=worst.first_bad,
        after=next((chain.after for chain in chains if chain.after is not None), None),
        chains=chains,
        rebuilt_count=sum(chain.rebuilt_count for chain in chains),
        rebuilt=[one for chain in chains for one in chain.rebuilt],
        compared=_compared(found) if found is not None else None,
    )


def _compared(found: comparison.ComparisonFound) -> ComparedAnswer:
    return ComparedAnswer(
        begun_at=found.begun_at,
        finished_at=found.finished_at,
        rows=found.rows,
        rebuilt=found.rebuilt,
        gap_count=found.gap_count,
        gaps=[
            GapAnswer(
                chain=gap.chain, table=gap.table, subject=gap.subject, part=gap.part, version=gap.version
            )
            for gap in found.gaps
        ],
    )


def _chain(verdict: audit.Verdict) -> ChainAnswer:
    bad, end = verdict.first_bad, verdict.after
    return ChainAnswer(
        chain=verdict.chain,
        records=verdict.records,
        intact=bad is None,
        first_bad=ChainBreakAnswer(seq=bad.seq, subject=bad.subject) if bad else None,
        after=ChainPlaceAnswer(chain=end.chain, seq=end.seq, hash=end.hash) if end is not None else None,
        rebuilt_count=verdict.rebuilt_count,
        rebuilt=[
            RebuiltAnswer(
                seq=one.seq, subject=one.subject, table=one.table, version=one.version, missing=one.missing
            )
            for one in verdict.rebuilt
        ],
    )


def _render(record: AuditRecord) -> AuditAnswer:
    return AuditAnswer(
        seq=record.seq,
        at=record.at,
        actor=record.actor,
        on_behalf_of=record.on_behalf_of,
        role=record.role,
        action=record.action,
        reason=record.reason,
        request_id=record.request_id,
        subject=record.subject,
        table=record.table,
        before=record.before,
        after=record.after,
        chain=record.chain,
        hash=record.hash,
        rebuilt=record.rebuilt,
    )
