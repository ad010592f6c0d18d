"""What was typed under a sign-in that ran out: kept in the sign-in form, for its writer alone."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

UNSENT: Final = frozenset(
    {"csrf", "account", "password", "totp", "kept", "activation_code", "assertion", "id_number"}
)
"""Fields that are not kept over a sign-in."""


class Kept(msgspec.Struct, frozen=True):
    """The fields of a form, and the account that they were typed under."""

    writer: str
    fields: dict[str, list[str]]

    @property
    def do(self) -> str:
        """Name the decision that they were sent as."""
        return self.fields.get("do", [""])[-1]


def write(writer: str, fields: Mapping[str, Sequence[str]]) -> str:
    """Write down what is kept; nothing where nobody is known to have typed it."""
    if not writer:
        return ""
    sent = {name: list(values) for name, values in fields.items() if name not in UNSENT}
    return msgspec.json.encode(Kept(writer, sent)).decode()


def read(text: str) -> Kept | None:
    """Read back what was kept; None for what is none."""
    try:
        kept = msgspec.json.decode(text, type=Kept)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    fields = {name: values for name, values in kept.fields.items() if values and name not in UNSENT}
    return Kept(kept.writer, fields)
