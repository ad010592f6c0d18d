"""Sessions of the pages: one cookie that no script reads, over the same sign-in and refresh as clients have.

The cookie holds a random id, the language, and the pair of tokens. The id, with the session that the refresh
token belongs to, is what the token in every form is made from: a form of another session is refused.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any, Self

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
_SECONDS = 12 * 3600
"""As long as a refresh token lives."""
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

    @classmethod
    def of(cls, visit: Visit) -> Self:
        """Read the cookie, prove its holder, and renew the access token where it is stale."""
        parts = visit.cookies.get(COOKIE, "").split(_SEPARATOR)
        lang = visit.parameters.get("lang")
        if len(parts) != _PARTS:
            english = lang == "en" if lang else visit.english
            return cls(secrets.token_urlsafe(16), english, changed=True)
        visit_id, told, access, renewal = parts
        english = (lang or told) == "en"
        session = cls(visit_id, english, access, renewal, changed=bool(lang) and lang != told)
        return session._proven(visit)

    def _proven(self, visit: Visit) -> Self:
        if not self.access:
            return self
        try:
            return replace(self, principal=authenticate({"authorization": f"Bearer {self.access}"}))
        except Unauthenticated:
            return self._renewed(visit)

    def _renewed(self, visit: Visit) -> Self:
        body = {"grant_type": "refresh_token", "refresh_token": self.renewal}
        try:
            answer = Asker(visit, self.english).ask("POST", "/v1/auth/tokens", body=body)
            return self.signed_in(answer)
        except DomainError:
            return replace(self, access="", renewal="", changed=True)

    def signed_in(self, answer: Any) -> Self:
        """Give the session of who got this pair of tokens.

        Raises:
            Unauthenticated: the account does not stand.

        """
        principal = authenticate({"authorization": f"Bearer {answer.access_token}"})
        return replace(
            self,
            access=answer.access_token,
            renewal=answer.refresh_token,
            principal=principal,
            changed=True,
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
        )

    @property
    def csrf(self) -> str:
        """Give the token that every form of this session carries."""
        return self._tokens()[0]

    def owns(self, token: str) -> bool:
        """Tell whether a form's token is of this session, by either of the live keys."""
        return any(hmac.compare_digest(token.encode(), good.encode()) for good in self._tokens())

    def _tokens(self) -> list[str]:
        what = f"{self.visit_id} {self.renewal.partition('.')[0]}".encode()
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
