"""Use cases of vouchers: issue for a list, claim, show a QR, expire, revoke (steps 3 to 5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import objects, queues
from chalicelib.aws.keys import person_keys_of, signing_keys
from chalicelib.aws.settings import settings
from chalicelib.catalogue.service import projects_of_program
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Fact, Impossible, NotFound, Refused
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.ids import IssuanceBatchId, PersonKey, ProgramId, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.people import service as people
from chalicelib.people.model import Graduate, Ineligible, reasons_against
from chalicelib.programs.model import Program
from chalicelib.programs.service import current_program, read_program
from chalicelib.vouchers import qr, store
from chalicelib.vouchers.batch_model import BATCH_TRANSITIONS, BatchStatus, IssuanceBatch
from chalicelib.vouchers.model import (
    VOUCHER_TRANSITIONS,
    Voucher,
    VoucherStatus,
    dates_of,
    facts_of,
    has_expired,
    status_shown,
    voucher_id_of,
)

QR_PURPOSE = "qr-hmac"
EXPIRY_LOOKBACK_DAYS = 3


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One row that gets no voucher, and why."""

    row: int
    code: str
    facts: dict[str, Fact]


@dataclass(frozen=True)
class ShownVoucher:
    """A voucher as its caller may see it: the holder in the clear only for themselves."""

    voucher: Voucher
    status: VoucherStatus
    program: Program
    holder_name: str
    holder_id_number: str
    projects: list[str]
    allowed_actions: list[str]


# --------------------------------------------------------------------------- issuance


def propose_batch(context: Context, program_id: str, *, import_id: str, declared_count: int) -> IssuanceBatch:
    """Propose to issue vouchers to a list; counts who would get one (dry run).

    Raises:
        NotFound: no such program or list.
        Refused: `import_not_ready`.
        Impossible: `declared_totals_differ`, the list has another number of valid rows.

    """
    rights.require(context.principal, "issuance.propose", division=PROVINCE)
    program = read_program(program_id)
    listed = people.ready_import(import_id)
    if declared_count != listed.valid:
        raise Impossible(
            "declared_totals_differ",
            declared_count=declared_count,
            declared_amount_fen=declared_count * program.policy.face_value_fen,
            count=listed.valid,
            amount_fen=listed.valid * program.policy.face_value_fen,
        )
    refusals: list[Refusal] = []
    eligible = already_held = 0
    for graduates in _chunks_of(context, import_id, listed.chunks, purpose="propose issuance"):
        good = []
        keys = person_keys_of(graduate.id_number for graduate in graduates)
        for graduate, against in _judged(context, graduates, program):
            if against:
                refusals += [
                    Refusal(row=graduate.row, code=reason.code, facts=reason.facts) for reason in against
                ]
            else:
                good.append(voucher_id_of(keys[graduate.id_number], program.id))
        held = len(store.find_vouchers(good))
        already_held += held
        eligible += len(good) - held
    batch = IssuanceBatch(
        id=IssuanceBatchId(new_id("iss")),
        program_id=program.id,
        import_id=listed.id,
        status=BatchStatus.PROPOSED,
        proposed_by=context.principal.actor,
        proposed_at=context.now,
        eligible=eligible,
        refused=len({refusal.row for refusal in refusals}),
        already_held=already_held,
        chunks=listed.chunks,
    )
    objects.write_object(settings().intake_bucket, _refusals_key(batch.id), msgspec.json.encode(refusals))
    store.create_batch(batch, change_of(context, "issuance.propose"))
    return batch


def _refusals_key(batch_id: str) -> str:
    return f"issuance/{batch_id}/refusals"


def _chunks_of(context: Context, import_id: str, chunks: int, *, purpose: str) -> Iterator[list[Graduate]]:
    for number in range(chunks):
        yield people.graduates_in(context, import_id, number, purpose=purpose)


def _judged(
    context: Context, graduates: Iterable[Graduate], program: Program
) -> Iterator[tuple[Graduate, list[Ineligible]]]:
    today = shanghai_date(context.now)
    for graduate in graduates:
        yield (
            graduate,
            reasons_against(
                graduated_on=graduate.graduated_on,
                left_school_on=graduate.left_school_on,
                employment_status=graduate.employment_status,
                policy=program.policy,
                today=today,
            ),
        )


def read_batch(context: Context, program_id: str, batch_id: str) -> IssuanceBatch:
    """Read a batch of a program."""
    rights.require(context.principal, "issuance.read", division=PROVINCE)
    batch = store.read_batch(batch_id)
    if batch.program_id != program_id:
        raise NotFound
    return batch


def list_batches(context: Context, program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches."""
    rights.require(context.principal, "issuance.read", division=PROVINCE)
    return store.batches_of(read_program(program_id).id, request)


def refusals_of(context: Context, program_id: str, batch_id: str, request: PageRequest) -> Page[Refusal]:
    """List the rows of a batch's list that get no voucher."""
    batch = read_batch(context, program_id, batch_id)
    raw = objects.read_object(settings().intake_bucket, _refusals_key(batch.id))
    refusals = msgspec.json.decode(raw, type=list[Refusal]) if raw is not None else []
    start = int((request.after or {}).get("from", 0))
    end = start + request.limit
    return Page(items=refusals[start:end], after={"from": end} if end < len(refusals) else None)


def decide_batch(
    context: Context, program_id: str, batch_id: str, action: str, *, version: int, reason: str | None
) -> IssuanceBatch:
    """Approve or reject a batch; a second person does. Approval starts the workers.

    Raises:
        Forbidden: `self_approval`.
        Refused: decided already, or another version.

    """
    batch = read_batch(context, program_id, batch_id)
    rights.require(context.principal, f"issuance.{action}", division=PROVINCE)
    decided = store.decide_batch(
        batch.id,
        sources=BATCH_TRANSITIONS.sources(action),
        target=BATCH_TRANSITIONS.target(action),
        version=version,
        decider=context.principal.actor,
        change=change_of(context, f"issuance.{action}", reason=reason),
    )
    if action == "approve":
        start_issuing(context, decided)
    return decided


def start_issuing(context: Context, batch: IssuanceBatch) -> None:
    """Ask the workers for every chunk of an approved batch; asking again is harmless."""
    people.note_applying(context, batch.import_id)
    queues.send(
        settings().issuance_queue_url,
        ({"batch_id": batch.id, "chunk": chunk} for chunk in range(batch.chunks)),
        now=context.now,
    )


def issue_chunk(context: Context, batch_id: str, chunk: int) -> None:
    """Issue one chunk of a batch: whoever is eligible today and has none gets exactly one voucher."""
    batch = store.read_batch(batch_id)
    if batch.status is not BatchStatus.ISSUING or chunk in batch.chunks_done:
        return
    program = current_program(batch.program_id)
    change = change_of(context, "voucher.issue")
    graduates = people.graduates_in(context, batch.import_id, chunk, purpose="issue vouchers")
    keys = person_keys_of(graduate.id_number for graduate in graduates)
    vouchers = [
        _new_voucher(context, graduate, keys[graduate.id_number], program, batch)
        for graduate, against in _judged(context, graduates, program)
        if not against
    ]
    held = {found.id: found.batch_id for found in store.find_vouchers([voucher.id for voucher in vouchers])}
    issued = sum(batch_id == batch.id for batch_id in held.values())  # by a run that died before counting
    issued += store.issue_many([voucher for voucher in vouchers if voucher.id not in held], change)
    done = store.record_chunk(
        batch.id, chunk=chunk, issued=issued, change=change_of(context, "issuance.issue")
    )
    if done.status is BatchStatus.ISSUED:
        people.note_applied(context, batch.import_id)


def _new_voucher(
    context: Context, graduate: Graduate, key: PersonKey, program: Program, batch: IssuanceBatch
) -> Voucher:
    last_day, expires = dates_of(context.now, program.policy.validity_months)
    voucher = Voucher(
        id=voucher_id_of(key, program.id),
        program_id=ProgramId(program.id),
        person_key=key,
        division=graduate.division,
        batch_id=batch.id,
        status=VoucherStatus.ISSUED,
        face_value_fen=program.policy.face_value_fen,
        holder_name=mask_name(graduate.name),
        holder_id_number=mask_id_number(graduate.id_number),
        issued_at=context.now,
        expires_at=expires,
        valid_through=last_day,
    )
    return msgspec.structs.replace(voucher, due_shard=store.due_shard_of(voucher))


# --------------------------------------------------------------------------- the holder's card


def claim(context: Context, voucher_id: str) -> ShownVoucher:
    """Accept one's own voucher (step 4); a repeat gives the voucher as it is.

    The card shows who holds it; the answer does not open the vault for that, so a claim is one call.
    """
    holder = context.principal.person_key
    if holder is None:
        raise NotFound
    voucher = store.claim(
        voucher_id, person_key=holder, now=context.now, change=change_of(context, "voucher.claim")
    )
    return _shown(context, voucher, masked=True)


def read_voucher(context: Context, voucher_id: str) -> ShownVoucher:
    """Read a voucher: its holder, the institution it was spent at, or a bureau of its division."""
    voucher = store.read_voucher(voucher_id)
    _require_reader(context.principal, voucher)
    return _shown(context, voucher)


def _require_reader(principal: Principal, voucher: Voucher) -> None:
    rights.require(
        principal,
        "voucher.read",
        division=voucher.division,
        institution=voucher.institution,
        person_key=voucher.person_key,
    )


def list_vouchers(
    context: Context, request: PageRequest, *, division: str | None, status: VoucherStatus | None
) -> Page[ShownVoucher]:
    """List one's own vouchers, or a division's."""
    principal = context.principal
    if principal.role is Role.TRAINEE:
        assert principal.person_key is not None
        page = store.vouchers_of(principal.person_key, request)
    elif principal.is_bureau:
        wanted = division or principal.division
        rights.require(principal, "voucher.read", division=wanted)
        page = store.vouchers_in(wanted, request)
    else:
        raise NotFound
    return Page(
        items=[
            _shown(context, voucher, masked=True)
            for voucher in page.items
            if status is None or status_shown(voucher, context.now) is status
        ],
        after=page.after,
    )


def _shown(context: Context, voucher: Voucher, *, masked: bool = False) -> ShownVoucher:
    principal = context.principal
    name, number = voucher.holder_name, voucher.holder_id_number
    own = principal.person_key == voucher.person_key
    if own and not masked:
        person = people.find_person(voucher.person_key)
        if person is not None:
            identity = people.open_identity(context, person, purpose="show the holder their voucher")
            name, number = identity.name, identity.id_number
    return ShownVoucher(
        voucher=voucher,
        status=status_shown(voucher, context.now),
        program=current_program(voucher.program_id),
        holder_name=name,
        holder_id_number=number,
        projects=projects_of_program(voucher.program_id),
        allowed_actions=_allowed(context, voucher),
    )


def _allowed(context: Context, voucher: Voucher) -> list[str]:
    allowed = VOUCHER_TRANSITIONS.allowed(status_shown(voucher, context.now))
    found: list[str] = []
    for action in ("claim", "revoke"):
        right = f"voucher.{action}"
        if action in allowed and rights.reaches(
            context.principal, right, division=voucher.division, person_key=voucher.person_key
        ):
            found.append(action)
    showable = voucher.status is VoucherStatus.CLAIMED and not has_expired(voucher, context.now)
    if showable and rights.reaches(context.principal, "voucher.show_qr", person_key=voucher.person_key):
        found.append("show_qr")
    return found


def show_qr(context: Context, voucher_id: str) -> qr.QrToken:
    """Make the QR of this minute for a claimed voucher of one's own; one read, no write.

    Raises:
        NotFound: there is none, or it is another person's.
        Refused: it is not claimed, spent, or has expired.

    """
    voucher = store.read_voucher(voucher_id)
    rights.require(context.principal, "voucher.show_qr", person_key=voucher.person_key)
    status = status_shown(voucher, context.now)
    if status is not VoucherStatus.CLAIMED:
        raise Refused(_QR_REFUSALS[status], **facts_of(voucher))
    return qr.make_token(voucher.id, now=context.now, key=_qr_keys()[0])


_QR_REFUSALS = {
    VoucherStatus.ISSUED: "voucher_not_claimed",
    VoucherStatus.REDEEMED: "voucher_already_redeemed",
    VoucherStatus.SETTLED: "voucher_settled",
    VoucherStatus.CLOSED: "voucher_closed",
    VoucherStatus.EXPIRED: "voucher_expired",
    VoucherStatus.REVOKED: "voucher_revoked",
}


def _qr_keys() -> list[tuple[str, bytes]]:
    return [(kid[:4], key) for kid, key in signing_keys().derive(QR_PURPOSE)]


def read_scan(context: Context, token: str) -> qr.Scanned:
    """Check a scanned token; needs no call."""
    return qr.read_token(token, now=context.now, keys=_qr_keys())


def voucher_of_stale_scan(context: Context, token: str) -> str | None:
    """Tell the voucher of a token that is genuine but too old; None if it is not genuine."""
    return qr.voucher_of_stale(token, now=context.now, keys=_qr_keys())


# --------------------------------------------------------------------------- expiry


def fan_out_expiry(context: Context) -> int:
    """Ask the workers for the shards whose last day is over; the days before are asked again in case."""
    today = shanghai_date(context.now)
    days = [today - timedelta(days=back) for back in range(1, EXPIRY_LOOKBACK_DAYS + 1)]
    shards = [f"{day.isoformat()}#{shard:02d}" for day in days for shard in range(store.DUE_SHARDS)]
    queues.send(settings().expiry_queue_url, ({"due_shard": shard} for shard in shards), now=context.now)
    return len(shards)


def expire_shard(context: Context, due_shard: str) -> int:
    """Record the expiry of every unspent voucher of one due shard; running twice records once."""
    change = change_of(context, "voucher.expire")
    return sum(
        store.expire(voucher_id, now=context.now, change=change)
        for voucher_id in store.due_vouchers(due_shard)
    )
