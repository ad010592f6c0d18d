"""What may be done with an account: offered and accepted are one table."""

import pytest

from chalicelib.accounts.model import Account, AccountStatus, account_id_of, why_not
from chalicelib.accounts.service import allowed_actions
from chalicelib.kernel.principal import Principal, Role

CLERK = Principal(actor="acc_clerk", role=Role.CLERK, division="34")
PROVINCE = Principal(actor="acc_boss", role=Role.PROVINCE, division="34")


def account(status: AccountStatus, role: Role = Role.REVIEWER) -> Account:
    return Account(
        id=account_id_of("x"), account="x", sealed_name="", role=role, division="34", status=status, version=3
    )


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (AccountStatus.PENDING, ["disable", "reset"]),
        (AccountStatus.ACTIVE, ["disable", "reset"]),
        (AccountStatus.DISABLED, ["reset"]),
    ],
)
def test_what_is_offered_in_each_state(status: AccountStatus, actions: list[str]) -> None:
    assert allowed_actions(PROVINCE, account(status)) == actions
    assert allowed_actions(CLERK, account(status)) == actions
    assert allowed_actions(PROVINCE, account(status, Role.PROVINCE)) == actions
    assert allowed_actions(CLERK, account(status, Role.PROVINCE)) == []


def test_an_account_above_the_caller_does_not_exist_before_its_version_is_looked_at() -> None:
    above = account(AccountStatus.DISABLED, Role.PROVINCE)
    for principal, version, code in (
        (CLERK, 1, "not_found"),
        (PROVINCE, 1, "version_conflict"),
        (PROVINCE, 3, "wrong_state"),
    ):
        refusal = why_not("disable", above, principal, version=version)
        assert refusal is not None
        assert refusal.code == code
