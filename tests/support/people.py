"""The cast: staff of every role, and trainees made from synthetic people."""

from typing import Any

from chalicelib.kernel.principal import Principal, Role

HEFEI_SCHOOL = "91340111MX0000027D"
HEFEI_OTHER = "52340111MX0000019K"
WUHU_SCHOOL = "52340202MX0000086M"

STAFF: dict[str, tuple[Role, str, str | None]] = {
    "institution": (Role.INSTITUTION, "340111", HEFEI_SCHOOL),
    "institution_two": (Role.INSTITUTION, "340111", HEFEI_OTHER),
    "institution_wuhu": (Role.INSTITUTION, "340202", WUHU_SCHOOL),
    "clerk": (Role.CLERK, "3401", None),
    "clerk_two": (Role.CLERK, "3401", None),
    "reviewer": (Role.REVIEWER, "3401", None),
    "finance": (Role.FINANCE, "3401", None),
    "finance_two": (Role.FINANCE, "3401", None),
    "supervisor": (Role.SUPERVISOR, "3401", None),
    "clerk_wuhu": (Role.CLERK, "3402", None),
    "reviewer_wuhu": (Role.REVIEWER, "3402", None),
    "finance_wuhu": (Role.FINANCE, "3402", None),
    "supervisor_wuhu": (Role.SUPERVISOR, "3402", None),
    "province": (Role.PROVINCE, "34", None),
    "province_two": (Role.PROVINCE, "34", None),
}


def staff_principal(name: str) -> Principal:
    """Give a staff member as a caller, with an active account; as it is now, if it was moved."""
    from chalicelib.accounts import store
    from chalicelib.accounts.model import account_id_of, principal_of

    account = store.find_account(account_id_of(name))
    return principal_of(account if account is not None else _new_account(name))


def _new_account(name: str) -> Any:
    from datetime import UTC, datetime

    from chalicelib.accounts import store
    from chalicelib.accounts.guard import forget_statuses
    from chalicelib.accounts.model import Account, AccountStatus, account_id_of
    from chalicelib.accounts.service import seal_name
    from chalicelib.kernel.principal import Change

    role, division, institution = STAFF[name]
    account_id = account_id_of(name)
    account = Account(
        id=account_id,
        account=name,
        sealed_name=seal_name(account_id, name),
        role=role,
        division=division,
        institution=institution,
        status=AccountStatus.ACTIVE,
        person_key=staff_person(name),
    )
    change = Change(
        actor="test",
        role=Role.SYSTEM,
        action="account.create",
        request_id="req_test",
        at=datetime.now(UTC),
    )
    store.create_account(account, [], change)
    forget_statuses()
    return account


def staff_person(name: str) -> Any:
    """Give the person key of a staff member: each is a person of their own."""
    return "prs_staff" + name.replace("_", "")


def trainee_principal(person: Any) -> Principal:
    """Give a synthetic person as a signed-in trainee."""
    from chalicelib.accounts.persons.names import moment_of_names, name_digests
    from chalicelib.accounts.persons.service import person_key_of
    from chalicelib.people.vault.service import is_named

    key = person_key_of(person.id_number)
    names = name_digests(person.name)
    proven_at = moment_of_names()
    return Principal(
        actor=key,
        role=Role.TRAINEE,
        person_key=key,
        signed_names=names,
        name_proven_at=proven_at if is_named(key, names) else None,
    )
