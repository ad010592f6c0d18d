"""A client of the service, written from the API's document and `.local/stack.json` and nothing else.

It plays everybody outside the service: staff, holders with their card, the browser that uploads and
downloads, the scheduler that starts the nightly jobs, and who looks at the simulated national platform.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import boto3
import urllib3
from botocore.config import Config
from joserfc import jwt
from joserfc.jwk import ECKey

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
_JSON: Final = "application/json"
_TIMEOUT: Final = urllib3.Timeout(connect=5, read=60)
_ASSERTION_SECONDS: Final = 300
_SIGN_IN_AGAIN_SECONDS: Final = 300
_EXCERPT_CHARS: Final = 600
_SUCCESSES: Final = range(200, 300)


class UnexpectedAnswer(RuntimeError):
    """The service answered in a way with which the caller cannot go on."""


@dataclass(frozen=True)
class Answer:
    """What came back. A refusal is a value like any other: look at `status` and `code`."""

    request: str
    status: int
    body: Any
    raw: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Tell whether it is a success."""
        return self.status in _SUCCESSES

    @property
    def code(self) -> str | None:
        """Give the stable code of a problem."""
        return self.body.get("code") if isinstance(self.body, dict) and not self.ok else None

    @property
    def detail(self) -> str:
        """Give the sentence of a problem."""
        return str(self.body.get("detail", "")) if isinstance(self.body, dict) else ""

    @property
    def wanted(self) -> Any:
        """Give the body of a success.

        Raises:
            UnexpectedAnswer: it is a refusal.

        """
        if not self.ok:
            excerpt = self.raw.decode(errors="replace")[:_EXCERPT_CHARS]
            raise UnexpectedAnswer(f"{self.request} → {self.status} {excerpt}")
        return self.body


class Service:
    """The deployed service and the world around it, as `stack.json` describes them.

    `clock` is the time that every request believes in (`X-Local-Now`); None is the real one.
    """

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self.stack = stack
        self.clock: datetime | None = None
        self._http = urllib3.PoolManager(maxsize=4, timeout=_TIMEOUT, retries=False)
        self._passwords = {one["account"]: one["password"] for one in stack["accounts"]}
        self._card_key = ECKey.import_key(stack["card_issuer"]["private_key_pem"])
        self._callers: dict[str, Caller] = {}

    @classmethod
    def at(cls, stack_file: Path) -> Service:
        """Read where the service is from its `stack.json`."""
        return cls(json.loads(stack_file.read_text()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.clear()

    # ----------------------------------------------------------------- callers

    def anyone(self) -> Caller:
        """Speak without a token."""
        return Caller(self, None)

    def bearer(self, token: str) -> Caller:
        """Speak with any token, good or bad."""
        caller = Caller(self, None)
        caller.use(token, expires_in=_ASSERTION_SECONDS + _SIGN_IN_AGAIN_SECONDS)
        return caller

    def staff(self, account: str) -> Caller:
        """Speak as a staff account of `stack.json`."""
        if account not in self._callers:
            grant = {"grant_type": "password", "account": account, "password": self._passwords[account]}
            self._callers[account] = Caller(self, lambda: grant)
        return self._callers[account]

    def trainee(self, *, name: str, id_number: str) -> Caller:
        """Speak as the holder of a social card."""
        if id_number not in self._callers:
            self._callers[id_number] = Caller(
                self,
                lambda: {
                    "grant_type": "social_card",
                    "assertion": self.assertion(sub=id_number, name=name),
                },
            )
        return self._callers[id_number]

    def assertion(self, **claims: Any) -> str:
        """Sign what the social-card platform says of a person; claims given replace the usual ones."""
        issuer = self.stack["card_issuer"]
        now = int(time.time())
        usual = {
            "iss": issuer["issuer"],
            "aud": issuer["audience"],
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": issuer["alg"], "kid": issuer["kid"]}
        return jwt.encode(header, {**usual, **claims}, self._card_key)

    # ----------------------------------------------------------------- requests

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request to the API."""
        target = path + ("?" + urlencode(query) if query else "")
        clock = {} if self.clock is None else {"X-Local-Now": self.clock.isoformat()}
        sent = {"Accept": _JSON, **clock, **(headers or {})}
        got = self._http.request(method, self.stack["api_url"] + target, body=body, headers=sent)
        try:
            parsed = json.loads(got.data) if got.data else None
        except ValueError:
            parsed = None
        return Answer(f"{method} {target}", got.status, parsed, got.data, dict(got.headers))

    # ----------------------------------------------------------------- the world around

    def post_form(self, form: Mapping[str, Any], content: bytes) -> int:
        """Post a file with the form of a presigned upload; give the status."""
        file = ("file", content, form["fields"].get("Content-Type", "application/octet-stream"))
        fields = {**form["fields"], "file": file}
        return self._http.request("POST", form["url"], fields=fields).status

    def download(self, url: str) -> bytes:
        """Fetch a signed link.

        Raises:
            UnexpectedAnswer: the link does not work.

        """
        got = self._http.request("GET", url)
        if got.status not in _SUCCESSES:
            raise UnexpectedAnswer(f"GET {url.partition('?')[0]} → {got.status}")
        return got.data

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Start a deployed function as its schedule would, and give what it returns.

        Raises:
            UnexpectedAnswer: it failed.

        """
        # A second try would run the function twice, beside the first.
        config = Config(read_timeout=120, retries={"total_max_attempts": 1})
        functions = boto3.session.Session().client(
            "lambda",
            endpoint_url=self.stack["aws_endpoint_url"],
            region_name=self.stack["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local cloud takes anything
            config=config,
        )
        name = self.stack["functions"][function]
        try:
            answer = functions.invoke(FunctionName=name, Payload=json.dumps(dict(event)).encode())
            returned = json.load(answer["Payload"])
        finally:
            functions.close()
        if "FunctionError" in answer:
            raise UnexpectedAnswer(f"function {function} failed: {returned}")
        return returned

    def platform(self, path: str) -> Any:
        """Ask the simulated national platform."""
        return self._http.request("GET", self.stack["platform"]["control_url"] + path).json()


class Caller:
    """One who calls the API, signed in at the first request."""

    def __init__(self, service: Service, grant: Any) -> None:
        self._service = service
        self._grant = grant
        self._token: str | None = None
        self._until = 0.0

    def use(self, token: str, *, expires_in: int) -> None:
        """Use a token for as long as it is good."""
        self._token = token
        self._until = time.monotonic() + expires_in - _SIGN_IN_AGAIN_SECONDS

    def sign_in(self) -> Answer:
        """Get a token by the caller's own grant."""
        body = json.dumps(self._grant()).encode()
        answer = self._service.send("POST", "/v1/auth/tokens", body=body, headers={"Content-Type": _JSON})
        if answer.ok:
            self.use(answer.body["access_token"], expires_in=answer.body["expires_in"])
        return answer

    def get(self, path: str, **query: Any) -> Answer:
        """Read."""
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, **query: Any) -> Answer:
        """Make or decide."""
        return self.send("POST", path, body={} if body is None else body, query=query)

    def put(self, path: str, body: Any, **query: Any) -> Answer:
        """Replace."""
        return self.send("PUT", path, body=body, query=query)

    def put_sheet(self, path: str, content: bytes, *, content_type: str = XLSX, **query: Any) -> Answer:
        """Replace by a sheet."""
        return self.send("PUT", path, raw=content, content_type=content_type, query=query)

    def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Give all items of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=100, **query, **({} if cursor is None else {"cursor": cursor})).wanted
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        content_type: str = _JSON,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request; `raw` is sent as it is instead of `body` as JSON."""
        if self._grant is not None and time.monotonic() > self._until:
            _ = self.sign_in().wanted
        sent = dict(headers or {})
        if self._token is not None:
            sent.setdefault("Authorization", f"Bearer {self._token}")
        payload = raw
        if payload is None and body is not None:
            payload = json.dumps(body, ensure_ascii=False).encode()
        if payload is not None:
            sent.setdefault("Content-Type", content_type)
        return self._service.send(method, path, query=query, body=payload, headers=sent)
