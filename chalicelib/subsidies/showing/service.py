"""Gathering what is shown of a claim's lines: the holds of each, and the account that was approved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.catalogue.institutions.model import listed_payee_id
from chalicelib.catalogue.institutions.paying import Recipient, to_be_paid
from chalicelib.catalogue.payees.store import find_account
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.claims.model import Claim, Line
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.holds import store
from chalicelib.subsidies.holds.institutions import derived_from_institution
from chalicelib.subsidies.holds.model import (
    UNPAID,
    Hold,
    HoldStatus,
    ShownHold,
    derived_or_objection,
    shown,
    stop_hold,
    stops_of,
)

_OVER = (ClaimStatus.PAID, ClaimStatus.REJECTED)


@dataclass(frozen=True)
class ApprovedPayee:
    """The account that a claim is paid to as it was approved, with its number masked."""

    id: str
    holder: str
    bank: str
    number: str


@dataclass(frozen=True)
class HoldsOfClaim:
    """What holds a claim's lines: by line, all that stands against each."""

    by_line: Mapping[str, Sequence[ShownHold]]

    def of(self, line: Line) -> Sequence[ShownHold]:
        """Give the holds of one line."""
        return self.by_line.get(line.id, ())


def holds_of_claim(context: Context, claim: Claim, lines: Sequence[Line]) -> HoldsOfClaim:
    """Find what holds each line that is not paid yet: on the line, its claim, its institution."""
    unpaid = [line for line in lines if line.status in UNPAID]
    if not unpaid or claim.status in _OVER:
        return HoldsOfClaim({})
    recipient = to_be_paid([claim.institution]).get(claim.institution)
    of_institution = derived_from_institution(claim, recipient, context.now) if recipient is not None else []
    stops = recipient.institution.stops if recipient is not None else []
    named = {hold_id for line in unpaid for hold_id in stops_of(line.holds)}
    ids = [*named, *stops, *(hold.id for hold in of_institution)]
    records: dict[str, Hold] = {hold.id: hold for hold in store.find_holds(ids)} if ids else {}
    common = [shown(records[stop]) for stop in stops if stop in records]
    common += [_as_recorded(hold, records) for hold in of_institution]
    return HoldsOfClaim({line.id: [*_on_line(line, records), *common] for line in unpaid})


def _as_recorded(hold: ShownHold, records: Mapping[str, Hold]) -> ShownHold:
    record = records.get(hold.id)
    return shown(record) if record is not None and record.status is HoldStatus.OPEN else hold


def _on_line(line: Line, records: Mapping[str, Hold]) -> list[ShownHold]:
    own = {stop_hold(hold_id): hold for hold_id, hold in records.items()}
    return [shown(own[text]) if text in own else derived_or_objection(line, text) for text in line.holds]


def approved_payee_of(claim: Claim, recipient: Recipient | None) -> ApprovedPayee | None:
    """Give the account that was approved; None before second review."""
    if claim.payee_id is None or recipient is None:
        return None
    institution = recipient.institution
    if claim.payee_id == listed_payee_id(claim.institution):
        return ApprovedPayee(
            claim.payee_id,
            str(institution.bank_holder),
            str(institution.bank),
            str(institution.masked_bank_account),
        )
    account = find_account(claim.institution, claim.payee_id)
    if account is None:
        return None
    return ApprovedPayee(account.id, account.holder, account.bank, account.masked_number)
