"""Keys by which records name persons, devices, networks and phones: equal for equal values, nothing else.

A key is an HMAC under a key of supervision's own, one for each kind of thing. So the same person is one key
in every record and finding, an export cannot be joined with anything outside of supervision, and who has an
export cannot try out phone numbers: they lack the secret. After a rotation of the look-up key (`index`) the
keys are others: exports of before and after it are not compared by them.
"""

import base64
from typing import Final

from chalicelib.aws.keys import keyed_digest

_KEY_BYTES: Final = 15


def keyed(kind: str, value: str) -> str:
    """Give the key of a person, a device, a network, a phone, an actor."""
    digest = keyed_digest(f"supervision {kind}", value)[:_KEY_BYTES]
    return f"{kind}_{base64.b32encode(digest).decode().lower()}"
