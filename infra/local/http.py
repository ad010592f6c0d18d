"""A small JSON client for the deployed API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Final

_TIMEOUT_SECONDS: Final = 60


class ApiRefused(RuntimeError):
    """The API answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body[:500]}")
        self.status = status


class Client:
    """Calls the API at `base_url`, as the holder of `token` if there is one."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self._base_url = base_url
        self._token = token

    def sign_in(self, account: str, password: str) -> Client:
        """Give a client that speaks for an account."""
        return Client(self._base_url, self.token_of(account, password))

    def token_of(self, account: str, password: str) -> str:
        """Sign in and give the token."""
        grant = {"grant_type": "password", "account": account, "password": password}
        token: str = self.call("POST", "/v1/auth/tokens", grant)["access_token"]
        return token

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make one request and give the JSON of the answer.

        Raises:
            ApiRefused: the answer was an error.

        """
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the address of the local stack
            self._base_url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - see above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiRefused(error.code, error.read().decode(errors="replace")) from error

    def every(self, path: str) -> list[dict[str, Any]]:
        """Give all items of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.call("GET", f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return found
