"""Whom software acts for: what it changes, it changes for a person whom it names, or not at all."""

import re
from datetime import UTC, datetime

import msgspec

from chalicelib.accounts import store
from chalicelib.accounts.duties.service import hands_of, note_program
from chalicelib.accounts.model import Account, AccountStatus, account_id_of
from chalicelib.accounts.rights import OF_SOFTWARE_ALONE
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error

HEADER = "X-On-Behalf-Of"
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9._@-]{3,64}")


def on_behalf_of(principal: Principal, action: str, name: str | None, *, request_id: str) -> Principal:
    """Give software with the person it changes something for, whose hands count as its own from here on.

    The program has the right, the person answers for it: naming one takes rights away and never gives one.
    Nobody decides, now or in a later post, on what a program did for them. A bureau's program changes
    nothing: that is a decision.

    Raises:
        Forbidden: a bureau's program.
        Malformed: `person_missing`, or `person_unknown`: nobody who works for its institution now.

    """
    if action in OF_SOFTWARE_ALONE:
        return principal
    if principal.is_bureau:
        raise error("forbidden")
    if name is None:
        raise error("malformed", faults=(Fault("person_missing", field=HEADER),))
    account = store.find_account(account_id_of(name)) if _ACCOUNT_NAME.fullmatch(name) else None
    now = datetime.now(UTC)
    if account is None or not _works_for(account, principal, now):
        raise error("malformed", faults=(Fault("person_unknown", field=HEADER),))
    named = msgspec.structs.replace(principal, on_behalf_of=account.id)
    context = Context(principal=named, now=now, request_id=request_id)
    hands = hands_of(account, now)
    if principal.actor not in hands.programs:
        note_program(account, principal.actor, change_of(context, "client.act_for"))
    return msgspec.structs.replace(named, hands=principal.hands | hands.all)


def _works_for(account: Account, principal: Principal, now: datetime) -> bool:
    return (
        account.status is AccountStatus.ACTIVE
        and account.software is None
        and (account.role, account.institution) == (principal.role, principal.institution)
        and (account.works_from is None or account.works_from <= shanghai_date(now))
    )
