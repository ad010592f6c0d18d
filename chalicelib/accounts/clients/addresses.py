"""Where a program may be told: a public name, by https, at its usual port.

What is asked for is a text; where the name leads is looked at anew at each sending
(`exchange.webhooks.receivers`), since who owns a name may lead it elsewhere tomorrow.
"""

import re
from typing import Final
from urllib.parse import urlsplit

ADDRESS_CHARS_MAX: Final = 512
_HOST_CHARS_MAX = 253
_HTTPS_PORT = 443
_SHAPE = re.compile(r"https://[A-Za-z0-9.-]+(:443)?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
"""No one is named before the host, nothing is asked and no part is named behind the path."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PRIVATE = frozenset({"arpa", "corp", "home", "intranet", "internal", "invalid", "lan", "local"}) | frozenset(
    {"localdomain", "localhost", "onion", "private", "test"}
)
"""Last parts of names that lead nowhere in public (RFC 6761, 6762, 7686, 8375, and what networks use)."""


def is_public_address(url: str) -> bool:
    """Tell whether a text is an address that somebody may be told at: never a number in place of a name."""
    if len(url) > ADDRESS_CHARS_MAX or _SHAPE.fullmatch(url) is None:
        return False
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    labels = host.split(".")
    return (
        parts.port in (None, _HTTPS_PORT)
        and len(host) <= _HOST_CHARS_MAX
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and labels[-1][0].isalpha()
        and labels[-1] not in _PRIVATE
    )
