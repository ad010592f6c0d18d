"""What may be done with an account: offered and accepted are one table."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chalicelib.accounts.model import Account, AccountStatus, account_id_of, why_not
from chalicelib.accounts.service import allowed_actions
from chalicelib.kernel.principal import Context, Principal, Role

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
CLERK = Principal(actor="acc_clerk", role=Role.CLERK, division="34")
PROVINCE = Principal(actor="acc_boss", role=Role.PROVINCE, division="34")
SUPERVISOR = Principal(actor="acc_watch", role=Role.SUPERVISOR, division="34")


def account(status: AccountStatus, role: Role = Role.REVIEWER) -> Account:
    return Account(
        id=account_id_of("x"),
        account="x",
        sealed_name="",
        role=role,
        division="34",
        status=status,
        proposed_by="acc_clerk",
        proposed_until=NOW + timedelta(days=30) if status is AccountStatus.PROPOSED else None,
        version=3,
    )


def offered(principal: Principal, it: Account, now: datetime = NOW) -> list[str]:
    return allowed_actions(Context(principal=principal, now=now, request_id="req_x"), it)


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (AccountStatus.PROPOSED, ["disable", "reset"]),
        (AccountStatus.PENDING, ["disable", "reset"]),
        (AccountStatus.ACTIVE, ["disable", "reset"]),
        (AccountStatus.DISABLED, ["reset"]),
        (AccountStatus.LAPSED, ["reset"]),
    ],
)
def test_what_is_offered_in_each_state(status: AccountStatus, actions: list[str]) -> None:
    confirm = ["confirm"] if status is AccountStatus.PROPOSED else []
    assert offered(PROVINCE, account(status)) == confirm + actions
    assert offered(SUPERVISOR, account(status)) == confirm
    assert offered(CLERK, account(status)) == actions
    assert offered(PROVINCE, account(status, Role.PROVINCE)) == confirm + actions
    assert offered(CLERK, account(status, Role.PROVINCE)) == []
    assert offered(SUPERVISOR, account(status, Role.PROVINCE)) == []


def test_who_asked_is_to_have_it_or_comes_too_late_does_not_confirm() -> None:
    proposed = account(AccountStatus.PROPOSED)
    asker = msgspec.structs.replace(SUPERVISOR, hands=frozenset({"acc_clerk"}))
    owner = msgspec.structs.replace(SUPERVISOR, hands=frozenset({proposed.id}))
    assert offered(asker, proposed) == offered(owner, proposed) == []
    last_moment = NOW + timedelta(days=30)
    assert offered(SUPERVISOR, proposed, last_moment - timedelta(seconds=1)) == ["confirm"]
    assert offered(SUPERVISOR, proposed, last_moment) == []


def test_an_account_above_the_caller_does_not_exist_before_its_version_is_looked_at() -> None:
    above = account(AccountStatus.DISABLED, Role.PROVINCE)
    for principal, version, code in (
        (CLERK, 1, "not_found"),
        (PROVINCE, 4, "version_conflict"),
        (PROVINCE, 3, "wrong_state"),
    ):
        refusal = why_not("disable", above, principal, now=NOW, version=version)
        assert refusal is not None
        assert refusal.code == code


def test_what_an_accounts_holder_does_stands_against_no_disabling_and_no_reset_but_another_reset_does() -> (
    None
):
    """Version 3 is as it was reset; its holder has activated it and made themselves second factors since."""
    own = msgspec.structs.replace(account(AccountStatus.ACTIVE), since_version=3, version=9)
    for action in ("disable", "reset"):
        codes = {
            version: refusal.code
            if (refusal := why_not(action, own, CLERK, now=NOW, version=version))
            else None
            for version in (2, 3, 8, 9, 10)
        }
        assert codes == {2: "version_conflict", 3: None, 8: None, 9: None, 10: "version_conflict"}


@pytest.mark.parametrize("status", [one for one in AccountStatus if one is not AccountStatus.ACTIVE])
def test_what_is_not_active_only_its_last_version_resets(status: AccountStatus) -> None:
    """Switched off as version 9: a page of before would switch it on again unawares."""
    own = msgspec.structs.replace(account(status), since_version=3, version=9)
    for version in (2, 3, 8, 10):
        refusal = why_not("reset", own, CLERK, now=NOW, version=version)
        assert refusal is not None
        assert refusal.code == "version_conflict"
    assert why_not("reset", own, CLERK, now=NOW, version=9) is None
