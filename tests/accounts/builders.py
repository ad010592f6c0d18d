"""Accounts made, confirmed and activated over HTTP, each for a person of their own."""

from typing import Any

from infra.local.people import make_person
from tests.support.keys import card_assertion

HOME = "198.51.100.1"
"""Where holders activate their accounts: tests that say nothing else sign in from elsewhere."""
GOOD = "correct horse battery"


def person_of(index: int) -> Any:
    """Give a synthetic person who is to have an account."""
    return make_person(200_000 + index)


def numbered(name: str) -> Any:
    """Give the person who belongs to an account's name in tests, always the same."""
    return person_of(sum(ord(letter) * place for place, letter in enumerate(name, 1)))


def ask_for(
    api: Any,
    name: str,
    *,
    role: str = "clerk",
    division: str = "3401",
    person: Any = None,
    who: Any = "province",
    **more: Any,
) -> Any:
    """Ask for an account; gives the answer."""
    holder = person or numbered(name)
    body = {
        "account": name,
        "name": holder.name,
        "id_number": holder.id_number,
        "role": role,
        "division": division,
        **more,
    }
    return api(who).post("/v1/accounts", body)


def confirm(api: Any, account: dict[str, Any], *, who: Any = "province_two") -> Any:
    """Confirm an account as it was answered."""
    return api(who).post(f"/v1/accounts/{account['id']}/confirm", {"version": account["version"]})


def activate(api: Any, name: str, code: str, *, person: Any = None, password: str = GOOD, **more: Any) -> Any:
    """Activate an account with its person's card."""
    holder = person or numbered(name)
    body = {
        "account": name,
        "activation_code": code,
        "password": password,
        "assertion": card_assertion(holder.id_number, holder.name),
        **more,
    }
    return api().post("/v1/auth/activate", body, source=HOME)


def make(api: Any, name: str, *, active: bool = True, person: Any = None, **facts: Any) -> dict[str, Any]:
    """Make an account, confirmed where it needs to be; gives the first answer."""
    invited = ask_for(api, name, person=person, **facts)
    assert invited.status == 201, invited.text
    if invited.json["status"] == "proposed":
        confirmed = confirm(api, invited.json)
        assert confirmed.status == 200, confirmed.text
    if active:
        done = activate(api, name, invited.json["activation_code"], person=person)
        assert done.status == 200, done.text
    return dict(invited.json)


def sign_in(api: Any, name: str, password: str = GOOD, **more: Any) -> Any:
    """Sign in with a password."""
    body = {"grant_type": "password", "account": name, "password": password, **more}
    return api().post("/v1/auth/tokens", body)


def refresh(api: Any, token: str) -> Any:
    """Trade a refresh token."""
    return api().post("/v1/auth/tokens", {"grant_type": "refresh_token", "refresh_token": token})


def holder(api: Any, name: str, **facts: Any) -> Any:
    """Give a caller who signed in to a new account, with the headers of their token."""
    make(api, name, **facts)
    return Holder(api, sign_in(api, name).json["access_token"])


class Holder:
    """Who signed in over HTTP: sends with their own token."""

    def __init__(self, api: Any, token: str) -> None:
        self._client, self._token = api(), token

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """POST with the token."""
        return self._client.post(path, body, headers={"Authorization": f"Bearer {self._token}"}, **options)

    def get(self, path: str, query: Any = None, **options: Any) -> Any:
        """GET with the token."""
        return self._client.get(path, query, headers={"Authorization": f"Bearer {self._token}"}, **options)
