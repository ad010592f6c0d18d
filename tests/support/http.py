"""HTTP in process: requests go through the same handler that the gateway invokes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalice.config import Config
from chalice.local import ForbiddenError, LocalGateway, LocalGatewayException

from tests.support.people import staff_principal, trainee_principal
from tests.support.published import require_published


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any
    headers: dict[str, str]
    text: str


Heard = Callable[[str, str, bytes, str, Answer], None]
HEARERS: list[Heard] = []
"""Told of each exchange: method, path with its query, body and its type, answer. Who records, listens here."""


class Gateway:
    def __init__(self) -> None:
        import app

        self._gateway = LocalGateway(app.app, Config())

    def __call__(self, who: Any = None) -> "Client":
        """Sign in: a staff name such as "clerk", a person (trainee), a Principal, or nobody."""
        return Client(self._gateway, who)


class Client:
    def __init__(self, gateway: LocalGateway, who: Any) -> None:
        self._gateway = gateway
        self._headers: dict[str, str] = {}
        if who is not None:
            from chalicelib.accounts.access_tokens import write_token
            from chalicelib.kernel.principal import Principal

            if isinstance(who, str):
                principal = staff_principal(who)
            elif isinstance(who, Principal):
                principal = who
            else:
                principal = trainee_principal(who)
            self._headers["Authorization"] = "Bearer " + write_token(principal)

    def get(self, path: str, query: dict[str, Any] | None = None, **options: Any) -> Answer:
        return self.send("GET", path + ("?" + urlencode(query) if query else ""), None, **options)

    def whole(self, path: str, query: dict[str, Any] | None = None, **options: Any) -> list[Any]:
        """Give everything of a list: a page may be short, or empty, while there is a next one."""
        items: list[Any] = []
        after: dict[str, Any] = {}
        while True:
            page = self.get(path, {**(query or {}), **after}, **options).json
            items += page["items"]
            if page["next"] is None:
                return items
            after = {"cursor": page["next"]}

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("POST", path, {} if body is None else body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("PUT", path, {} if body is None else body, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        at: datetime | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        source: str = "127.0.0.1",
    ) -> Answer:
        sent = {"Accept": "application/json", **self._headers, **(headers or {})}
        if at is not None:
            sent["X-Local-Now"] = at.isoformat()
        payload = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        if method != "GET":
            sent["Content-Type"] = content_type
        self._gateway.event_converter.LOCAL_SOURCE_IP = source
        try:
            got = self._gateway.handle_request(method, path, sent, payload)
        except LocalGatewayException as error:
            status = 403 if isinstance(error, ForbiddenError) else 500
            return Answer(getattr(error, "CODE", status), None, {}, str(error))
        text = got["body"].decode() if isinstance(got["body"], bytes) else str(got["body"])
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        answer = Answer(int(got["statusCode"]), parsed, dict(got["headers"]), text)
        require_published(method, path, answer.status, answer.headers, parsed)
        for hear in HEARERS:
            hear(method, path, payload, content_type, answer)
        return answer
