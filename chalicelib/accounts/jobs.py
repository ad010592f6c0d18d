"""The very first accounts, made by whoever may invoke functions of the deployment."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chalicelib.accounts import service, store
from chalicelib.accounts.model import Account, AccountStatus, account_id_of
from chalicelib.accounts.passwords import hash_password
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.principal import Context, Role, change_of


class FirstAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to make with its password."""

    account: str
    password: Annotated[str, Meta(min_length=10)]
    name: str
    role: Role
    division: str
    institution: str | None = None


def bootstrap_accounts(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Make the accounts that do not exist yet; those that do are left as they are.

    `event` is `{"accounts": [FirstAccount…]}`; answers `{"created": n}`.
    """
    created = 0
    for first in msgspec.convert(event.get("accounts", []), list[FirstAccount]):
        account_id = account_id_of(first.account)
        if store.find_account(account_id) is not None:
            continue
        account = Account(
            id=account_id,
            account=first.account.lower(),
            sealed_name=service.seal_name(account_id, first.name),
            role=first.role,
            division=first.division,
            institution=first.institution,
            status=AccountStatus.ACTIVE,
            password_hash=hash_password(first.password),
        )
        try:
            store.create_account(account, change_of(context, "account.create"))
        except Refused:
            continue
        created += 1
    return {"created": created}
