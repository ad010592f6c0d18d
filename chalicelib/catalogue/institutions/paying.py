"""Which account an institution is paid to at a moment: the confirmed one, or its own of before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws.crypto import SealedText
from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import BankAccount, Institution, listed_payee_id
from chalicelib.catalogue.institutions.reading import find_institutions
from chalicelib.catalogue.payees import service as payees_service
from chalicelib.catalogue.payees.model import Payees
from chalicelib.catalogue.payees.store import accounts_of
from chalicelib.kernel.principal import Context


def payee_in_force(institution: Institution, payees: Payees | None, now: datetime) -> str | None:
    """Give the id of the account that an institution is paid to at a moment; None if it has none yet."""
    confirmed = payees.in_force(now) if payees is not None else None
    if confirmed is None and institution.sealed_bank_account is not None:
        return listed_payee_id(institution.uscc)
    return confirmed


@dataclass(frozen=True)
class Recipient:
    """What is known of an institution that waits for money: itself, and its accounts at a glance."""

    institution: Institution
    payees: Payees | None

    def in_force(self, now: datetime) -> str | None:
        """Give the id of the account in force at a moment."""
        return payee_in_force(self.institution, self.payees, now)

    def since(self, payee_id: str) -> datetime | None:
        """Tell from when a confirmed account counts."""
        confirmed = self.payees.confirmed if self.payees is not None else []
        return next((known.counts_from for known in confirmed if known.id == payee_id), None)


_READ_TOGETHER = 50
"""A call reads a hundred rows, and there are two of each institution."""


def to_be_paid(usccs: Iterable[str]) -> dict[str, Recipient]:
    """Read institutions with their accounts at a glance, fifty a call."""
    keys = sorted(set(usccs))
    institutions: dict[str, Institution] = {}
    payees: dict[str, Payees] = {}
    for start in range(0, len(keys), _READ_TOGETHER):
        part = keys[start : start + _READ_TOGETHER]
        found, known = store.find_with_payees(part)
        institutions |= {institution.uscc: institution for institution in found}
        payees |= {one.institution: one for one in known}
    return {uscc: Recipient(institution, payees.get(uscc)) for uscc, institution in institutions.items()}


def open_payees(
    context: Context, wanted: Mapping[str, str], *, subject: str, division: str, purpose: str
) -> dict[str, BankAccount]:
    """Open accounts by institution and id; one record of the subject tells who looked, and why.

    Raises:
        NotFound: there is no such account.

    """
    listed = {uscc for uscc, payee_id in wanted.items() if payee_id == listed_payee_id(uscc)}
    institutions = [*find_institutions(listed).values()]
    accounts = accounts_of([(uscc, payee_id) for uscc, payee_id in wanted.items() if uscc not in listed])
    sealed = [listed_text(institution) for institution in institutions]
    sealed += [payees_service.sealed_text(payee) for payee in accounts]
    numbers = [
        raw.decode() for raw in disclose(context, sealed, subject=subject, division=division, purpose=purpose)
    ]
    known = [(one.uscc, str(one.bank_holder), str(one.bank)) for one in institutions]
    known += [(payee.institution, payee.holder, payee.bank) for payee in accounts]
    return {
        uscc: BankAccount(holder, bank, number)
        for (uscc, holder, bank), number in zip(known, numbers, strict=True)
    }


def listed_text(institution: Institution) -> SealedText:
    """Give the number that stands on an institution's own row, sealed, with the item it is sealed for."""
    assert institution.sealed_bank_account is not None
    return SealedText(institution.sealed_bank_account, f"institution:{institution.uscc}")
