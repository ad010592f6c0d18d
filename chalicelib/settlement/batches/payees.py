"""The accounts a batch is paid to, frozen when it is sealed: what changes in the catalogue alters no file."""

from collections.abc import Sequence

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.catalogue.institutions.reading import read_institution
from chalicelib.catalogue.institutions.service import open_bank_accounts
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import store
from chalicelib.settlement.batches.model import Batch, Member, Payee
from chalicelib.settlement.batches.payment_file import Account


def freeze_payees(context: Context, batch: Batch, members: Sequence[Member]) -> None:
    """Keep the accounts of a batch's institutions as they are now; one that is kept already stays."""
    frozen = store.payees_of(batch.id)
    missing = sorted({member.institution for member in members} - frozen.keys())
    institutions = [read_institution(uscc) for uscc in missing]
    numbers = open_bank_accounts(
        context, institutions, subject=batch.id, division=batch.division, purpose="seal settlement batch"
    )
    for institution, number in zip(institutions, numbers, strict=True):
        uscc = institution.uscc
        store.keep_payee(
            Payee(
                batch_id=batch.id,
                institution=uscc,
                holder=institution.bank_holder,
                bank=institution.bank,
                sealed_account=crypto.seal(number.encode(), item=_item(batch.id, uscc)),
            )
        )


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
