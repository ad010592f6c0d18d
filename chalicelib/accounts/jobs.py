"""The very first accounts, made by whoever may invoke functions of the deployment; proposals that lapse."""

from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.accounts import service, store
from chalicelib.accounts.duties import service as duties_service
from chalicelib.accounts.duties import store as duties_store
from chalicelib.accounts.model import ACTIVATION_VALIDITY, Account, AccountStatus, account_id_of
from chalicelib.accounts.passwords import secret_digest
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.identity import mask_id_number, parse_id_number
from chalicelib.kernel.ids import new_secret
from chalicelib.kernel.principal import Context, Role, change_of

NEEDED = 2
"""Two people of the province, for one asks and another confirms: all further accounts follow from them."""


class FirstAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person of the province who is to have an account."""

    account: str
    name: str
    id_number: str


def bootstrap_accounts(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Make the province's first accounts, until two people have activated theirs; then it makes none.

    `event` is `{"accounts": [FirstAccount…]}`; answers `{"created": n, "activation_codes": {account: code}}`.
    A code is of no use to whoever reads it here: activation asks for the social card of that very person. An
    account that nobody activated yet gets a new code when it is asked for again.
    """
    first_accounts = msgspec.convert(event.get("accounts", []), list[FirstAccount])
    codes: dict[str, str] = {}
    if _active_in_province() < NEEDED:
        for first in first_accounts:
            code = new_secret("activation")
            if _make(first, code, context):
                codes[first.account] = code
    return {"created": len(codes), "activation_codes": codes}


def _active_in_province() -> int:
    accounts = store.accounts_in(str(PROVINCE))
    return sum(
        account.role is Role.PROVINCE and account.status is AccountStatus.ACTIVE for account in accounts
    )


def _make(first: FirstAccount, code: str, context: Context) -> bool:
    """Make an account, or give one that waits for its activation a new code; False if it is in use."""
    number = parse_id_number(first.id_number)
    account_id = account_id_of(first.account)
    account = Account(
        id=account_id,
        account=first.account.strip().lower(),
        sealed_name=service.seal_name(account_id, first.name),
        role=Role.PROVINCE,
        division=str(PROVINCE),
        status=AccountStatus.PENDING,
        person_key=person_key_of(number),
        masked_id_number=mask_id_number(number),
        proposed_by=context.principal.actor,
        activation_hash=secret_digest(code),
        activation_until=context.now + ACTIVATION_VALIDITY,
    )
    known = store.find_account(account_id)
    duties = duties_store.read(account.holder)
    beside = duties_service.taking_writes(duties, account, maker=None, now=context.now)
    if known is None:
        store.create_account(account, beside, change_of(context, "account.create"))
        return True
    if known.status is not AccountStatus.PENDING or known.person_key != account.person_key:
        return False
    change = change_of(context, "account.reset")
    account = msgspec.structs.replace(account, version=known.version)
    store.reset_account(account, "reset", version=known.version, beside=beside, change=change)
    return True


def lapse_accounts(context: Context) -> dict[str, int]:
    """Let accounts lapse that nobody confirmed in time; answers `{"lapsed": n}`."""
    return {"lapsed": service.lapse_proposals(context)}
