"""What a fresh local stack starts with: staff accounts, the catalogue and one program; no vouchers.

The province's two accounts come from the deployed function `bootstrap_accounts`, the rest through the HTTP
API like anybody's. Everything that is there already stays as it is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from infra.local.catalogue import INSTITUTIONS, PROGRAM, PROJECTS
from infra.local.http import ApiRefused, Client
from infra.local.keys import KeyPair, card_assertion
from infra.local.layout import PASSWORDS_FILE, write_private
from infra.local.people import make_person

_PROVINCE: Final = "34"
_HEFEI: Final = "3401"
_WUHU: Final = "3402"
_PASSWORD_BYTES: Final = 12
_FIRST: Final = 2
_STAFF_FROM: Final = 399_000
"""Staff are people too, apart from those whom lists and classes are made of."""

Invoke = Callable[[str, dict[str, Any]], Any]
"""Invokes a deployed function by its name in `infra.deployment.functions`."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One staff account of the local stack."""

    account: str
    name: str
    role: str
    division: str
    institution: str | None = None
    password: str = ""
    id_number: str = ""


def accounts() -> list[Account]:
    """Give the accounts with their passwords, which are made once and kept in `.local/`."""
    known: dict[str, str] = json.loads(PASSWORDS_FILE.read_text()) if PASSWORDS_FILE.exists() else {}
    planned = _planned()
    fresh = {
        one.account: secrets.token_urlsafe(_PASSWORD_BYTES) for one in planned if one.account not in known
    }
    if fresh:
        known |= fresh
        write_private(PASSWORDS_FILE, json.dumps(known, indent=1))
    return [
        replace(
            one,
            password=known[one.account],
            id_number=make_person(_STAFF_FROM + place).id_number,
        )
        for place, one in enumerate(planned)
    ]


def _planned() -> list[Account]:
    hefei, wuhu = _institutions_of(_HEFEI), _institutions_of(_WUHU)
    return [
        Account(account="province-1", name="省厅甲", role="province", division=_PROVINCE),
        Account(account="province-2", name="省厅乙", role="province", division=_PROVINCE),
        Account(account="clerk-3401", name="合肥经办", role="clerk", division=_HEFEI),
        Account(account="reviewer-3401", name="合肥复核", role="reviewer", division=_HEFEI),
        Account(account="finance-3401", name="合肥拨付甲", role="finance", division=_HEFEI),
        Account(account="finance-3401-2", name="合肥拨付乙", role="finance", division=_HEFEI),
        Account(account="supervisor-3401", name="合肥监督", role="supervisor", division=_HEFEI),
        Account(account="clerk-3402", name="芜湖经办", role="clerk", division=_WUHU),
        Account(account="reviewer-3402", name="芜湖复核", role="reviewer", division=_WUHU),
        Account(account="supervisor-3402", name="芜湖监督", role="supervisor", division=_WUHU),
        _staff("institution-3401-1", hefei[0]),
        _staff("institution-3401-2", hefei[1]),
        _staff("institution-3402-1", wuhu[0]),
    ]


def _institutions_of(division: str) -> list[dict[str, Any]]:
    return [one for one in INSTITUTIONS if one["division"].startswith(division)]


def _staff(account: str, institution: dict[str, Any]) -> Account:
    return Account(
        account=account,
        name=institution["name"][:12] + "教务",
        role="institution",
        division=institution["division"],
        institution=institution["uscc"],
    )


def seed(client: Client, invoke: Invoke, card: KeyPair) -> dict[str, int]:
    """Put in place what is missing; tell how many of each kind were.

    The first two accounts are the province's. One of them asks for the others, the second confirms those of
    who decides and enters the institutions, and each person activates their own with their card, for which
    `card` signs.
    """
    staff = accounts()
    first = staff[:_FIRST]
    made = invoke("bootstrap_accounts", {"accounts": [_first_account(account) for account in first]})
    codes = made["activation_codes"]
    for account in first:
        if account.account in codes:
            _activate(client, account, codes[account.account], card)
    province, second = (client.sign_in(account.account, account.password) for account in first)
    program_id, new_programs = _seed_program(province)
    projects = _seed_all(province, "/v1/projects", PROJECTS, key="id", program_id=program_id)
    # Not by who asks for the finance officer's account: what that one enters, the officer may not confirm.
    institutions = _seed_all(second, "/v1/institutions", INSTITUTIONS, key="uscc", program_id=program_id)
    known = {item["account"]: item for item in province.every("/v1/accounts")}
    waiting = [
        account
        for account in staff[_FIRST:]
        if account.account not in known or known[account.account]["status"] in ("proposed", "pending")
    ]
    for account in waiting:
        code = _ask_for(province, second, account, known.get(account.account))
        _activate(client, account, code, card)
    _confirm_payees(client, staff)
    return {
        "accounts": len(codes) + len(waiting),
        "programs": new_programs,
        "projects": projects,
        "institutions": institutions,
    }


def _first_account(account: Account) -> dict[str, str]:
    return {"account": account.account, "name": account.name, "id_number": account.id_number}


def _ask_for(province: Client, second: Client, account: Account, known: dict[str, Any] | None) -> str:
    """Ask for an account, or for one left half-made, and have it confirmed; gives its activation code."""
    if known is None:
        wanted = ("account", "name", "id_number", "role", "division", "institution")
        body = {name: value for name, value in asdict(account).items() if name in wanted}
        asked = province.call("POST", "/v1/accounts", body)
    else:
        path = f"/v1/accounts/{known['id']}/reset"
        asked = province.call("POST", path, {"version": known["version"]})
    if asked["status"] == "proposed":
        path = f"/v1/accounts/{asked['id']}/confirm"
        second.call("POST", path, {"version": asked["version"]})
    return str(asked["activation_code"])


def _activate(client: Client, account: Account, code: str, card: KeyPair) -> None:
    body = {
        "account": account.account,
        "activation_code": code,
        "password": account.password,
        "assertion": card_assertion(card, id_number=account.id_number, name=account.name),
    }
    client.call("POST", "/v1/auth/activate", body)


def _confirm_payees(client: Client, staff: list[Account]) -> None:
    """Let the finance officer of 合肥 confirm the accounts that wait there; elsewhere there is none."""
    officer = next(one for one in staff if one.role == "finance")
    finance = client.sign_in(officer.account, officer.password)
    for institution in _institutions_of(officer.division):
        path = f"/v1/institutions/{quote(institution['uscc'])}"
        for payee in finance.call("GET", path).get("payees", []):
            if "confirm" in payee["allowed_actions"]:
                typed = {"version": payee["version"], "number": institution["bank_account"]["number"]}
                finance.call("POST", f"{path}/payee/{payee['id']}/confirm", typed)


def _seed_program(province: Client) -> tuple[str, int]:
    for program in province.every("/v1/programs"):
        if program["name"] == PROGRAM["name"]:
            return str(program["id"]), 0
    return str(province.call("POST", "/v1/programs", PROGRAM)["id"]), 1


def _seed_all(province: Client, path: str, bodies: list[dict[str, Any]], *, key: str, program_id: str) -> int:
    known = {item[key] for item in province.every(path)}
    missing = [body for body in bodies if body[key] not in known]
    for body in missing:
        fields = {name: value for name, value in body.items() if name != key}
        try:
            province.call("PUT", f"{path}/{quote(body[key])}", {**fields, "programs": [program_id]})
        except ApiRefused as refusal:
            if refusal.status != HTTPStatus.CONFLICT:
                raise  # else it is known, only not listed: suspended
    return len(missing)
