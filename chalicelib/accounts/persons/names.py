"""Names as they are compared: by keyed digests, so that nobody who compares has to see them."""

import base64
from datetime import UTC, datetime

from chalicelib.aws.keys import keyed_digest, keyed_digests
from chalicelib.kernel.names import folded

_PURPOSE = "name"
_BYTES = 18


def name_digest(name: str) -> str:
    """Give the digest under which a name is kept."""
    return _text(keyed_digest(_PURPOSE, folded(name)))


def name_digests(name: str) -> tuple[str, ...]:
    """Give the digests of a name under each live key, the current one first."""
    return tuple(_text(digest) for digest in keyed_digests(_PURPOSE, folded(name)))


def moment_of_names() -> datetime:
    """Tell the moment by which names are ordered: of the real clock, as all that concerns who somebody is."""
    return datetime.now(UTC)


def _text(digest: bytes) -> str:
    return base64.b64encode(digest[:_BYTES]).decode()
