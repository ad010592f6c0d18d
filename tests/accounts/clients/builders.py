"""Programs with a key of their own, asked for, confirmed and signed in over HTTP."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

HOST = "vouchers.example"
TOKENS = "/v1/auth/client-tokens"
AUDIENCE = f"https://{HOST}{TOKENS}"
SCOPES = ["class.read", "class.write", "class.submit", "roster.write", "scan.redeem", "enrolment.read"]


@dataclass
class Program:
    """A program as its maker has it: a private key and its name; `id` once it was asked for."""

    name: str = "排课系统"
    kid: str = "2026-autumn"
    alg: str = "ES256"
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))
    id: str = ""

    def public_key(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def wish(self, scopes: list[str] | None = None, **more: Any) -> dict[str, Any]:
        return {
            "name": self.name,
            "purpose": "排课、花名册与扫码",
            "scopes": SCOPES if scopes is None else scopes,
            "public_key": self.public_key(),
            **more,
        }

    def assertion(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        said = {
            "iss": self.id,
            "sub": self.id,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        full = {"alg": self.alg, "kid": self.kid, **(header or {})}
        return jwt.encode(full, said, key or self.key, algorithms=[full["alg"]])


def rsa(kid: str, alg: str) -> Program:
    return Program(name=f"软件{kid}", kid=kid, alg=alg, key=RSAKey.generate_key(2048))


def asked(
    api: Any, program: Program, *, who: Any = "institution", at: datetime | None = None, **more: Any
) -> Any:
    """Ask for a program; gives the answer."""
    answer = api(who).post("/v1/clients", program.wish(**more), at=at)
    if answer.status == 201:
        program.id = answer.json["id"]
    return answer


def confirmed(
    api: Any, program: Program, *, who: Any = "clerk", at: datetime | None = None, **more: Any
) -> Any:
    """Ask for a program and confirm it; gives it as it is then."""
    wish = asked(api, program, at=at, **more)
    assert wish.status == 201, wish.text
    path = f"/v1/clients/{program.id}/confirm"
    answer = api(who).post(path, {"version": wish.json["version"]}, at=at)
    assert answer.status == 200, answer.text
    return answer.json


def sign_in(
    api: Any, assertion: str, *, at: datetime | None = None, source: str = "203.0.113.9", **more: Any
) -> Any:
    body = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        **more,
    }
    return api().post(TOKENS, body, at=at, headers={"Host": HOST}, source=source)


@dataclass(frozen=True)
class Software:
    """A program that is signed in: each call is its own, `by` names the person."""

    client: Any
    token: str

    def send(self, method: str, path: str, body: Any = None, *, by: str | None = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"X-On-Behalf-Of": by} if by else {})
        return self.client.send(method, path, body, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("POST", path, {} if body is None else body, **options)


def signed_in(api: Any, program: Program, *, at: datetime | None = None, **more: Any) -> Software:
    answer = sign_in(api, program.assertion(), at=at, **more)
    assert answer.status == 200, answer.text
    return Software(api(), answer.json["access_token"])
