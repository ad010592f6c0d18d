"""Use cases of accounts: a clerk puts one forward, a finance officer confirms or refuses it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.keys import keyed_digests
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.catalogue.payees import store
from chalicelib.catalogue.payees.model import (
    MISTYPED_MAX,
    PAYEE_TRANSITIONS,
    PayeeAccount,
    Payees,
    PayeeStatus,
    counts_from,
    differs_from,
    needs_reason,
    others_with,
    payee_id_of,
    status_shown,
    warnings_about,
    warnings_of,
    why_not,
)
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.identity import InvalidIdentity, mask_account, parse_account_number
from chalicelib.kernel.ids import Uscc, is_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error, refuse

_ACTIONS = {"confirm": "payee.decide", "refuse": "payee.refuse"}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What is put forward for an institution: the account, and what is known of its owner.

    `number` is in its one form. `wait_days` are the policy's. The holder has to bear each of
    `registered_names`: the institution's own, and one it lately had.
    """

    institution: str
    division: str
    registered_names: Sequence[str]
    holder: str
    bank: str
    number: str
    reason: str
    wait_days: int


def propose(context: Context, proposal: Proposal, *, also: Sequence[Write] = ()) -> PayeeAccount:
    """Put an account forward; `also` is written with it. The same one again is the one that waits already.

    Raises:
        Refused: `payee_waiting`, another one waits for a decision.
        ConditionFailed: what `also` requires does not hold.

    """
    uscc = Uscc(proposal.institution)
    digests = digests_of(proposal.number)
    change = change_of(context, "payee.propose", reason=proposal.reason)

    def attempt() -> PayeeAccount:
        before = store.find_payees(uscc)
        waiting = waiting_account(before)
        lapsed = None
        if waiting is not None:
            if status_shown(waiting, context.now) is not PayeeStatus.LAPSED:
                return _same_or_refuse(waiting, proposal, digests)
            lapsed = waiting
        payee_id = payee_id_of(uscc, before.proposals + 1 if before is not None else 1)
        payee = PayeeAccount(
            institution=uscc,
            id=payee_id,
            division=proposal.division,
            status=PayeeStatus.PROPOSED,
            holder=proposal.holder,
            bank=proposal.bank,
            sealed_number=crypto.seal(proposal.number.encode(), item=_item_of(uscc, payee_id)),
            masked_number=mask_account(proposal.number),
            number_digest=digests[0],
            holder_differs=differs_from(proposal.holder, proposal.registered_names),
            lately_renamed=len(proposal.registered_names) > 1,
            shared_with=others_with(store.accounts_with(digests), uscc),
            wait_days=proposal.wait_days,
            reason=proposal.reason,
            proposed_by=context.principal.actor,
            proposed_at=context.now,
            counts_from=context.now,
        )
        payee = msgspec.structs.replace(payee, counts_from=counts_from(payee, context.now))
        transact([*store.propose_writes(payee, before, lapsed=lapsed), *also], change=change)
        return payee

    return until_written(attempt)


def told_of(proposal: Proposal) -> tuple[str, ...]:
    """Name what whoever puts this forward should look at again, without putting it forward."""
    names = proposal.registered_names
    shared = others_with(store.accounts_with(digests_of(proposal.number)), proposal.institution)
    return warnings_of(
        holder_differs=differs_from(proposal.holder, names), renamed=len(names) > 1, shared=bool(shared)
    )


def told_of_waiting(payees: Payees | None, now: datetime) -> tuple[str, ...]:
    """Name what is to be looked at again of the account that waits, if one does."""
    waiting = waiting_account(payees)
    if waiting is None or status_shown(waiting, now) is not PayeeStatus.PROPOSED:
        return ()
    return ("payee_proposed", *warnings_about(waiting))


def why_not_propose(known: Iterable[PayeeAccount], now: datetime) -> DomainError | None:
    """Tell that an account waits already: who decides sees one, and what is decided is what was seen."""
    waits = any(status_shown(payee, now) is PayeeStatus.PROPOSED for payee in known)
    return error("payee_waiting") if waits else None


def _same_or_refuse(waiting: PayeeAccount, proposal: Proposal, digests: Sequence[str]) -> PayeeAccount:
    if is_account(waiting, proposal.holder, proposal.bank, digests):
        return waiting
    raise error("payee_waiting")


def is_account(payee: PayeeAccount, holder: str, bank: str, digests: Iterable[str]) -> bool:
    """Tell whether an account is this one; numbers are compared by their digests."""
    return (payee.holder, payee.bank) == (holder, bank) and any(
        compare_digest(payee.number_digest, digest) for digest in digests
    )


def known_accounts(payees: Payees | None, now: datetime) -> list[PayeeAccount]:
    """Read the accounts that are of interest now: in force, to come, waiting."""
    if payees is None:
        return []
    ids = {payees.in_force(now), payees.to_come(now), payees.waiting} - {None}
    return store.accounts_of([(payees.institution, str(payee_id)) for payee_id in ids])


def waiting_account(payees: Payees | None) -> PayeeAccount | None:
    """Read the account of an institution that waits for a decision, if there is one."""
    if payees is None or payees.waiting is None:
        return None
    return store.find_account(payees.institution, payees.waiting)


# --------------------------------------------------------------------------- deciding

_registered_names: Port[[str, datetime], tuple[str, ...]] = Port("registered_names")
"""Tells an institution's names as they are now: others, maybe, than when an account was put forward."""


def tell_renamed(context: Context, uscc: str, names: Sequence[str]) -> None:
    """Tell whoever decides on the account that waits that its institution bears another name now.

    It is another version from then on: who saw it without the warning decides nothing. Should this get lost,
    deciding asks for the names again (`decide`).
    """
    change = change_of(context, "payee.tell_renamed")

    def attempt() -> None:
        waiting = waiting_account(store.find_payees(uscc))
        if waiting is None or status_shown(waiting, context.now) is not PayeeStatus.PROPOSED:
            return
        differs = waiting.holder_differs or differs_from(waiting.holder, names)
        if (differs, True) != (waiting.holder_differs, waiting.lately_renamed):
            store.tell_renamed(waiting, holder_differs=differs, change=change)

    until_written(attempt)


def decide(
    context: Context,
    uscc: str,
    payee_id: str,
    action: str,
    *,
    version: int,
    reason: str | None,
    number: str | None = None,
) -> PayeeAccount:
    """Confirm or refuse an account; a finance officer does who did not propose it.

    Its own institution refuses it as well: that is its objection, until the account counts. Whoever confirms
    types the `number` from the evidence: it is held against the one that was proposed.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: `self_approval`.
        Malformed: what was typed is no number of an account.
        Refused: another version, decided, lapsed, `payee_in_force` or `payee_mistyped`.
        Impossible: `payee_reason_missing`, the holder is not the institution and nothing says why;
            `payee_number_differs`, what was typed is another number.

    """
    principal = context.principal
    right = _ACTIONS[action]
    rights.admit(principal, right)
    typed = _typed(number) if action == "confirm" else []
    action = _as_done_by(principal, action)
    change = change_of(context, f"payee.{action}", reason=reason)

    def attempt() -> PayeeAccount:
        payee = store.find_account(uscc, payee_id) if is_id(payee_id, "pay") else None
        payees = store.find_payees(uscc)
        if payee is None or payees is None:
            raise error("not_found")
        rights.require(principal, right, division=payee.division, institution=payee.institution)
        refuse(why_not(action, payee, principal.hands, now=context.now, version=version))
        names = _registered_names(uscc, context.now)
        differs = payee.holder_differs or differs_from(payee.holder, names)
        payee = msgspec.structs.replace(payee, holder_differs=differs)
        refuse(needs_reason(action, payee, reason))
        if action == "confirm" and not any(compare_digest(payee.number_digest, one) for one in typed):
            store.note_mistyped(payee, change_of(context, "payee.mistype"))
            raise error("payee_number_differs", count=MISTYPED_MAX - payee.mistyped - 1)
        shared = others_with(store.accounts_with([payee.number_digest]), uscc)
        decided = msgspec.structs.replace(
            payee,
            status=PAYEE_TRANSITIONS.target(action),
            decided_by=principal.actor,
            decided_at=context.now,
            decision_reason=reason,
            counts_from=counts_from(payee, context.now) if action == "confirm" else payee.counts_from,
            shared_with=sorted({*payee.shared_with, *shared}),
            version=payee.version + 1,
        )
        writes = store.decide_writes(
            payee, payees, action, decided=decided, hands=principal.hands, now=context.now
        )
        transact(writes, change=change)
        return store.read_account(uscc, payee_id)

    return until_written(attempt)


def _typed(number: str | None) -> list[str]:
    """Give the digests of what was typed, as it would be stored."""
    try:
        return digests_of(parse_account_number(number or ""))
    except InvalidIdentity as failure:
        raise error("malformed", faults=(Fault(failure.code, field="number"),)) from None


def _as_done_by(principal: Principal, action: str) -> str:
    """Name an action as it is for who does it: an institution that refuses its account objects to it."""
    return "object" if action == "refuse" and principal.role is Role.INSTITUTION else action


def allowed_on_payee(principal: Principal, payee: PayeeAccount, now: datetime) -> list[str]:
    """List what this caller may do with an account now."""
    return rights.offered(
        principal,
        _ACTIONS,
        lambda action: why_not(_as_done_by(principal, action), payee, principal.hands, now=now),
        division=payee.division,
        institution=payee.institution,
    )


def list_waiting(context: Context, request: PageRequest, *, division: str | None) -> Page[PayeeAccount]:
    """List the accounts of the caller's area that nobody has decided on, oldest first in each city."""
    area = division or context.principal.division
    rights.require(context.principal, "payee.read_waiting", division=area)
    return store.waiting_accounts_in(area, request)


# --------------------------------------------------------------------------- for other steps


def payees_of(institutions: Iterable[str]) -> Mapping[str, Payees]:
    """Read many institutions' accounts at a glance, a hundred a call; who never had one is left out."""
    return {payees.institution: payees for payees in store.find_many_payees(sorted(set(institutions)))}


def sealed_text(payee: PayeeAccount) -> SealedText:
    """Give an account's number, sealed, with the item it is sealed for."""
    return SealedText(payee.sealed_number, _item_of(payee.institution, payee.id))


def digests_of(number: str) -> list[str]:
    """Give the keyed digests of a number under every live key, the current one first."""
    return [digest.hex() for digest in keyed_digests("payee", number)]


def _item_of(uscc: str, payee_id: str) -> str:
    """Name the item that an account's number is sealed for."""
    return f"payee-account:{uscc}:{payee_id}"
