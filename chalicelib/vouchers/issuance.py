"""Issuance: propose a batch for a list, approve it as a second person, issue by workers (step 3)."""

from collections.abc import Iterable, Iterator

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import objects, queues
from chalicelib.aws.keys import person_keys_of
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Fact, Impossible, NotFound
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.ids import IssuanceBatchId, PersonKey, ProgramId, new_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people import service as people
from chalicelib.people.model import Graduate, Ineligible, reasons_against
from chalicelib.programs.model import Program
from chalicelib.programs.service import current_program, read_program
from chalicelib.vouchers import batch_store, store
from chalicelib.vouchers.batch_model import BATCH_TRANSITIONS, BatchStatus, IssuanceBatch
from chalicelib.vouchers.model import Voucher, VoucherStatus, dates_of, voucher_id_of


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One row that gets no voucher, and why."""

    row: int
    code: str
    facts: dict[str, Fact]


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
    batch_store.create_batch(batch, change_of(context, "issuance.propose"))
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
    batch = batch_store.read_batch(batch_id)
    if batch.program_id != program_id:
        raise NotFound
    return batch


def list_batches(context: Context, program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches."""
    rights.require(context.principal, "issuance.read", division=PROVINCE)
    return batch_store.batches_of(read_program(program_id).id, request)


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
    decided = batch_store.decide_batch(
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
    batch = batch_store.read_batch(batch_id)
    if batch.status is not BatchStatus.ISSUING or chunk in batch.chunks_done:
        return
    program = current_program(batch.program_id)
    change = change_of(context, "voucher.issue")
    graduates = people.graduates_in(context, batch.import_id, chunk, purpose="issue vouchers")
    keys = person_keys_of(graduate.id_number for graduate in graduates)
    vouchers = [
        new_voucher(context, graduate, keys[graduate.id_number], program, batch)
        for graduate, against in _judged(context, graduates, program)
        if not against
    ]
    held = {found.id: found.batch_id for found in store.find_vouchers([voucher.id for voucher in vouchers])}
    issued = sum(batch_id == batch.id for batch_id in held.values())  # by a run that died before counting
    issued += store.issue_many([voucher for voucher in vouchers if voucher.id not in held], change)
    done = batch_store.record_chunk(
        batch.id, chunk=chunk, issued=issued, change=change_of(context, "issuance.issue")
    )
    if done.status is BatchStatus.ISSUED:
        people.note_applied(context, batch.import_id)


def new_voucher(
    context: Context, graduate: Graduate, key: PersonKey, program: Program, batch: IssuanceBatch
) -> Voucher:
    """Make the voucher of a listed person; its days are counted from today."""
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
