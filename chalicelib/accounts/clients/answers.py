"""What is sent and shown of programs."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.accounts.clients import service
from chalicelib.accounts.clients.addresses import ADDRESS_CHARS_MAX
from chalicelib.accounts.clients.assertions import ASSERTION_CHARS_MAX
from chalicelib.accounts.clients.keys import registered
from chalicelib.accounts.clients.model import status_shown
from chalicelib.accounts.model import Account, AccountStatus, SoftwareKey
from chalicelib.edge.endpoints import PageQuery, VersionBody
from chalicelib.edge.forms import Answer, Form, line, words
from chalicelib.kernel.principal import Context, Role

_NAMED = r"[!#-\[\]-~]+"
KeyName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._~-]+$(?!\n)")]
Scope = Annotated[str, Meta(max_length=64, pattern=r"^[a-z_]+\.[a-z_]+$(?!\n)")]
ScopeList = Annotated[str, Meta(max_length=6500, pattern=rf"^{_NAMED}( {_NAMED})*$(?!\n)")]
"""Scopes in a row, a space between two (RFC 6749, 3.3); as long as the longest wish for a credential."""
Number = Annotated[str, Meta(min_length=42, max_length=684, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
"""A large number in base64url (RFC 7518); 4,096 bits have 683 characters."""


class PublicKeyForm(Form):
    """A public key as a JWK (RFC 7517): `n`, `e` of RSA, or `crv`, `x`, `y` of a curve; nothing private."""

    kty: Literal["RSA", "EC"]
    kid: KeyName
    alg: Literal["RS256", "PS256", "ES256", "ES384"]
    use: Literal["sig"] = "sig"
    n: Number | None = None
    e: Literal["AQAB"] | None = None
    crv: Literal["P-256", "P-384"] | None = None
    x: Number | None = None
    y: Number | None = None

    def key(self, now: datetime) -> SoftwareKey:
        """Give the key as it is kept, or raise `key_unusable`."""
        parts = {"kty": self.kty, "n": self.n, "e": self.e, "crv": self.crv, "x": self.x, "y": self.y}
        given = {name: value for name, value in parts.items() if value is not None}
        return registered(self.kid, self.alg, given, now)


class WebhookForm(Form):
    """Where a program is to be told what happens (a public https address), and of which events."""

    url: Annotated[str, Meta(min_length=12, max_length=ADDRESS_CHARS_MAX)]
    events: Annotated[list[Scope], Meta(min_length=1, max_length=100)]


class ClientRequest(Form):
    """A program that is to have a credential; `role` only of a bureau's, by default that of who asks."""

    name: Annotated[str, line(64)]
    purpose: Annotated[str, words(500)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=100)]
    public_key: PublicKeyForm
    role: Role | None = None
    webhook: WebhookForm | None = None


class KeyRequest(VersionBody, kw_only=True):
    """Another key of a program."""

    public_key: PublicKeyForm


class ClientQuery(PageQuery):
    """Which programs to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


class ClientTokenRequest(Form):
    """A program proves itself by an assertion that it signed (RFC 7523)."""

    grant_type: Literal["client_credentials"]
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    client_assertion: Annotated[str, Meta(min_length=1, max_length=ASSERTION_CHARS_MAX)]
    client_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    scope: ScopeList | None = None


class ClientTokenAnswer(Answer):
    """A token for a program, and what it may do with it."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    role: Role
    division: str
    institution: str | None


class ClientKeyAnswer(Answer):
    """One of a program's keys."""

    kid: str
    alg: str
    added_at: datetime


class WebhookTold(Answer):
    """Where a program is told what happens, and of which events."""

    url: str
    events: list[str]


class ClientAnswer(Answer):
    """A program and its credential."""

    id: str
    name: str
    purpose: str
    role: Role
    division: str
    institution: str | None
    status: AccountStatus
    scopes: list[str]
    keys: list[ClientKeyAnswer]
    webhook: WebhookTold | None
    proposed_by: str | None
    proposed_until: datetime | None
    confirmed_by: str | None
    good_until: datetime | None
    used_at: datetime | None
    version: int
    allowed_actions: list[str]


def client_answer(context: Context, client: Account) -> ClientAnswer:
    """Show a program as it is for this caller now."""
    software = client.software
    assert software is not None
    told = software.webhook
    return ClientAnswer(
        id=client.id,
        name=software.name,
        purpose=software.purpose,
        role=client.role,
        division=client.division,
        institution=client.institution,
        status=status_shown(client, context.now),
        scopes=software.scopes,
        keys=[ClientKeyAnswer(kid=key.kid, alg=key.alg, added_at=key.added_at) for key in software.keys],
        webhook=WebhookTold(url=told.url, events=told.events) if told is not None else None,
        proposed_by=client.proposed_by,
        proposed_until=client.proposed_until,
        confirmed_by=client.confirmed_by,
        good_until=client.good_until,
        used_at=client.used_at,
        version=client.version,
        allowed_actions=service.allowed_actions(context, client),
    )
