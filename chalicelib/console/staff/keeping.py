"""What was typed under a sign-in that ran out: kept in the sign-in form, for its writer alone.

It is signed, for its writer and for no session: what else is put there is nobody's, and is not passed on.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from chalicelib.aws.keys import signing_keys

_PURPOSE: Final = "console-kept"
RETYPED: Final = frozenset({"id_number", "number"})
"""An ID number, and the whole number of an account: no page keeps them and no browser suggests them."""
UNSENT: Final = frozenset({"csrf", "password", "totp", "kept", "activation_code", "assertion"}) | RETYPED
"""Fields that are not kept over a sign-in."""


class Kept(msgspec.Struct, frozen=True):
    """The fields of a form, and the account that they were typed under."""

    writer: str
    fields: dict[str, list[str]]
    retyped: bool = False
    """Whether one of those that are not kept was among them: it has to be typed again."""

    @property
    def do(self) -> str:
        """Name the decision that they were sent as."""
        return self.fields.get("do", [""])[-1]


def write(writer: str, fields: Mapping[str, Sequence[str]]) -> str:
    """Write down what is kept, and sign it; nothing where nobody is known to have typed it."""
    if not writer:
        return ""
    sent = {name: list(values) for name, values in fields.items() if name not in UNSENT}
    retyped = any(value.strip() for name in RETYPED for value in fields.get(name, ()))
    text = msgspec.json.encode(Kept(writer, sent, retyped)).decode()
    return f"{_signatures(text)[0]}{text}"


def read(text: str) -> Kept | None:
    """Read back what was kept; None for what is none, or was not written here."""
    signature, brace, rest = text.partition("{")
    told = brace + rest
    if not any(hmac.compare_digest(signature.encode(), good.encode()) for good in _signatures(told)):
        return None
    try:
        return msgspec.json.decode(told, type=Kept)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _signatures(text: str) -> list[str]:
    """Sign a text with every live key, the newest first."""
    keys = [key for _, key in signing_keys().derive(_PURPOSE)]
    return [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for key in keys]
