"""The archive of payment files: a batch gives out the bytes it was sealed with, never a file written anew.

A file is stored before the digest that names it is fixed in its batch, so a sealed batch has its file
whatever dies in between; a file whose batch was sealed with another digest is asked for by nobody. It holds
account numbers, so it is sealed for its own name, and locked: no role of the service can change or remove it.
Its name holds the batch's id and the digest of what was sealed.

    batch bat_1 is sealed with digest 9f86…      → payment-files/bat_1/9f86…
    export, years later, by a program that writes another column: the same bytes, and 9f86… again
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from chalicelib.accounts.disclosures.service import record_access
from chalicelib.aws import crypto
from chalicelib.aws.logs import log
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store
from chalicelib.settlement.batches.model import Batch, Member
from chalicelib.settlement.batches.payees import open_payees
from chalicelib.settlement.batches.payment_file import PaymentFile
from chalicelib.settlement.batches.payment_file_v1 import write_payment_file_v1

FileFormat = Literal["csv", "xlsx"]
_KEPT: Final = timedelta(days=30 * 366)
"""Thirty years, as long as the vouchers of public accounts (会计档案管理办法, annex II)."""
_PURPOSE: Final = "hand out the payment file"


def keep(batch_id: str, file: PaymentFile, *, now: datetime) -> None:
    """Store both formats of a payment file under their digests; repeating it changes nothing."""
    for digest, raw in ((file.csv_digest, file.csv), (file.xlsx_digest, file.xlsx)):
        name = store.file_name(batch_id, digest)
        store.keep_file(name, crypto.seal(raw, item=name), until=now + _KEPT)


def sealed_file(context: Context, batch: Batch, members: Sequence[Member], file_format: FileFormat) -> bytes:
    """Give the file a batch was sealed with, in one of its formats.

    Raises:
        Refused: `payment_file_lost`, what is stored is not what was sealed.

    """
    if batch.workbook_digest is None:
        batch = _store_late(context, batch, members)
    digest = batch.digest if file_format == "csv" else batch.workbook_digest
    assert digest is not None
    return _open(context, batch, members, digest=digest)


def _open(context: Context, batch: Batch, members: Sequence[Member], *, digest: str) -> bytes:
    """Open a stored file once it is recorded who looks, and hold it against its digest.

    Whoever could write into the bucket could put something over the file, not in place of it, and a rule of
    the bucket may put it out of sight: every version is looked at, the newest first, and the one with the
    digest is what was sealed.
    """
    record_access(
        context,
        subject=batch.id,
        division=batch.division,
        purpose=_PURPOSE,
        items=len({member.institution for member in members}),
    )
    name = store.file_name(batch.id, digest)
    for sealed in store.find_files(name):
        try:
            raw = crypto.open_sealed(sealed, item=name, purpose=_PURPOSE)
        except crypto.CannotOpen:
            continue
        if hashlib.sha256(raw).hexdigest() == digest:
            return raw
    raise _lost(batch)


def _store_late(context: Context, batch: Batch, members: Sequence[Member]) -> Batch:
    """Store the file of a batch that was sealed before files were: once, if it still has its digest."""
    file = write_payment_file_v1(members, open_payees(context, batch))
    if file.csv_digest != batch.digest:
        raise _lost(batch)
    keep(batch.id, file, now=context.now)
    change = change_of(context, "settlement.export")
    return store.record_workbook(batch, digest=file.xlsx_digest, change=change)


def _lost(batch: Batch) -> DomainError:
    log("payment_file_lost", batch=batch.id, division=batch.division)
    return error("payment_file_lost")
