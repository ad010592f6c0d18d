"""The accounts a batch is paid to, frozen when it is sealed: what changes in the catalogue alters no file."""

from collections.abc import Mapping, Sequence

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.catalogue.institutions import paying
from chalicelib.catalogue.institutions.model import listed_payee_id
from chalicelib.kernel.ids import Uscc
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import store
from chalicelib.settlement.batches.model import Batch, Chunk, Payee
from chalicelib.settlement.batches.payment_file import Account


def freeze_payees(context: Context, batch: Batch, chunks: Sequence[Chunk]) -> dict[str, Account]:
    """Keep the accounts that a batch's lines were put into it with, and give them to write its payment file.

    One that is kept already stays: then all are read as they were kept.

    Lines that were put into a batch before accounts were confirmed mean the one on the institution's own row.
    """
    agreed = {uscc: payee_id for chunk in chunks for uscc, payee_id in chunk.payees.items()}
    paid = {member.institution for chunk in chunks for member in chunk.members}
    wanted: dict[str, str] = {uscc: agreed.get(uscc) or listed_payee_id(uscc) for uscc in sorted(paid)}
    opened = _open(context, batch, wanted)
    kept = [
        store.keep_payee(
            Payee(
                batch_id=batch.id,
                institution=Uscc(uscc),
                holder=account.holder,
                bank=account.bank,
                sealed_account=crypto.seal(account.number.encode(), item=_item(batch.id, uscc)),
            )
        )
        for uscc, account in opened.items()
    ]
    return opened if all(kept) else open_payees(context, batch)


def _open(context: Context, batch: Batch, wanted: Mapping[str, str]) -> dict[str, Account]:
    opened = paying.open_payees(
        context, wanted, subject=batch.id, division=batch.division, purpose="seal settlement batch"
    )
    return {uscc: Account(account.holder, account.bank, account.number) for uscc, account in opened.items()}


def open_payees(context: Context, batch: Batch) -> dict[str, Account]:
    """Open the frozen accounts of a batch, by institution, to write its payment file."""
    frozen = store.payees_of(batch.id)
    numbers = disclose(
        context,
        [SealedText(payee.sealed_account, _item(batch.id, uscc)) for uscc, payee in frozen.items()],
        subject=batch.id,
        division=batch.division,
        purpose="write the payment file",
    )
    return {
        uscc: Account(payee.holder, payee.bank, number.decode())
        for (uscc, payee), number in zip(frozen.items(), numbers, strict=True)
    }


def _item(batch_id: str, uscc: str) -> str:
    """Name the item a frozen account is sealed for."""
    return f"payee:{batch_id}:{uscc}"
