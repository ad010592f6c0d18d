"""Sessions of the pages: one cookie that no script reads, over the same sign-in and refresh as clients have.

The cookie holds a random id, the language, and the pair of tokens. The id, with the session that the refresh
token belongs to, is what the token in every form is made from: a form of another session is refused. The mark
beside it tells whether that form was drawn for the same person, who may then go on with what they typed.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any, Self

import msgspec

from chalicelib.accounts.access_tokens import read_token
from chalicelib.aws.keys import signing_keys
from chalicelib.aws.settings import settings
from chalicelib.edge.http import authenticate
from chalicelib.edge.pages import Asker, Visit
from chalicelib.kernel.errors import DomainError, Unauthenticated
from chalicelib.kernel.principal import Principal

COOKIE = "console"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_SEPARATOR = "~"
_PARTS = 4
_PURPOSE = "console-form"
_WRITER = "console-writer"
_MARKED_BY = "_"
_MARK_CHARS = 32
_SECONDS = 14 * 24 * 3600
"""Longer than a refresh token lives, and than any holiday: what was typed under a sign-in that ran out is
known by the cookie to be its writer's own, and is kept. A dead token in it gives no right."""
_OPEN_STAGES = frozenset({"local", "test"})
"""Where pages are served without TLS."""


def new_form_key() -> str:
    """Give what a form is known by, so that sending it twice is one decision."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Session:
    """Who looks at the pages, in which language; `principal` is None while nobody is signed in."""

    visit_id: str
    english: bool
    access: str = ""
    renewal: str = ""
    principal: Principal | None = None
    changed: bool = False
    ran_out: bool = False
    """The refresh token is good no more. It stays in the cookie: forms that were drawn before, in this or in
    other tabs, are known by it."""

    @classmethod
    def of(cls, visit: Visit) -> Self:
        """Read the cookie, prove its holder, and renew the access token where it is stale."""
        parts = visit.cookies.get(COOKIE, "").split(_SEPARATOR)
        lang = visit.parameters.get("lang")
        if len(parts) != _PARTS:
            english = lang == "en" if lang else visit.english
            return cls(secrets.token_urlsafe(16), english, changed=_may_begin(visit))
        visit_id, told, access, renewal = parts
        english = (lang or told) == "en"
        session = cls(visit_id, english, access, renewal, changed=bool(lang) and lang != told)
        return session._proven(visit)

    def _proven(self, visit: Visit) -> Self:
        if not self.access:
            return self
        try:
            return replace(self, principal=_holder_of(self.access, visit))
        except Unauthenticated:
            return self._renewed(visit)

    def _renewed(self, visit: Visit) -> Self:
        body = {"grant_type": "refresh_token", "refresh_token": self.renewal}
        try:
            answer = Asker(visit, self.english).ask("POST", "/v1/auth/tokens", body=body)
            return self.signed_in(answer, visit)
        except DomainError:
            return replace(self, ran_out=True)

    def signed_in(self, answer: Any, visit: Visit) -> Self:
        """Give the session of who got this pair of tokens.

        Raises:
            Unauthenticated: the account does not stand.

        """
        return replace(
            self,
            access=answer.access_token,
            renewal=answer.refresh_token,
            principal=_holder_of(answer.access_token, visit),
            changed=True,
            ran_out=False,
        )

    def anew(self) -> Self:
        """Give a session of nobody with an id of its own: ids do not outlive a sign-in or a sign-out."""
        return replace(
            self,
            visit_id=secrets.token_urlsafe(16),
            access="",
            renewal="",
            principal=None,
            changed=True,
            ran_out=False,
        )

    @property
    def csrf(self) -> str:
        """Give the token that every form of this session carries, and after it the mark of its writer."""
        return f"{self._tokens(self.renewal)[0]}{_MARKED_BY}{self._marks()[0]}"

    def owns(self, token: str) -> bool:
        """Tell whether a form's token is of this session, by either of the live keys."""
        return _is_one_of(token.partition(_MARKED_BY)[0], self._tokens(self.renewal))

    def drew(self, token: str) -> bool:
        """Tell whether a form's token is of this session as it was before its sign-in ran out."""
        return self.ran_out and self.owns(token)

    @property
    def writer(self) -> str:
        """Name the account whose forms these are, by the token alone: signed in, or until it ran out.

        It gives no right: it only keeps what one person typed from another who signs in at the same machine.
        """
        if self.principal is not None:
            return self.principal.actor
        return _actor_named_by(self.access)

    def drew_for_writer(self, token: str) -> bool:
        """Tell whether a form was drawn for who looks at the pages now, in whatever session of theirs."""
        return _is_one_of(token.partition(_MARKED_BY)[2], self._marks())

    def _marks(self) -> list[str]:
        """Mark the writer by every live key: it names nobody to who reads it."""
        keys = [key for _, key in signing_keys().derive(_WRITER)]
        return [hmac.new(key, self.writer.encode(), hashlib.sha256).hexdigest()[:_MARK_CHARS] for key in keys]

    def _tokens(self, renewal: str) -> list[str]:
        what = f"{self.visit_id} {renewal.partition('.')[0]}".encode()
        return [hmac.new(key, what, hashlib.sha256).hexdigest() for _, key in signing_keys().derive(_PURPOSE)]

    def asker(self, visit: Visit) -> Asker:
        """Give what asks the API as this person."""
        if self.principal is None:
            return Asker(visit, self.english)
        return Asker(visit, self.english, self.principal)

    def cookie(self) -> str:
        """Write the cookie."""
        lang = "en" if self.english else "zh"
        value = _SEPARATOR.join((self.visit_id, lang, self.access, self.renewal))
        secure = "" if settings().stage in _OPEN_STAGES else "; Secure"
        return f"{COOKIE}={value}; Path=/; Max-Age={_SECONDS}; HttpOnly; SameSite=Strict{secure}"


def claimed_holder(visit: Visit) -> Principal | None:
    """Give whom the token of a visit's cookie is for, by the token alone: to read ahead, never for a right.

    Whether their account still stands is known once it was read.
    """
    parts = visit.cookies.get(COOKIE, "").split(_SEPARATOR)
    if len(parts) != _PARTS or not parts[2]:
        return None
    try:
        return read_token(parts[2])[0]
    except DomainError:
        return None


def _holder_of(access: str, visit: Visit) -> Principal:
    """Prove whose token it is; who sends a form decides by their account as it is now."""
    return authenticate({"authorization": f"Bearer {access}"}, changes=visit.method != "GET")


class _Claims(msgspec.Struct):
    sub: str


def _actor_named_by(access: str) -> str:
    """Read whom a token names, also one that is good no more; nobody where it is none."""
    body = access.split(".")[1] if access.count(".") == 2 else ""  # noqa: PLR2004 - parts of a JWS
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims).sub
    except (ValueError, msgspec.MsgspecError):
        return ""


def _may_begin(visit: Visit) -> bool:
    """Tell whether an answer may bring a session.

    What another site's page sends comes without the cookie: a new one would take the place of a good one.
    """
    return visit.method == "GET" or visit.headers.get("sec-fetch-site") == "same-origin"


def _is_one_of(token: str, good: list[str]) -> bool:
    return any(hmac.compare_digest(token.encode(), one.encode()) for one in good)
