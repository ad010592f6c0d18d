"""What the headers of a request ask for: a language, an encoding, an answer that has not changed."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping

from chalicelib.kernel.reasons import error

_LANGUAGES_READ = 20


def wants_english(accept_language: str) -> bool:
    """Tell whether English is wanted rather than Chinese, by weights (RFC 9110, 12.5.4); Chinese if neither.

    `zh-CN, en;q=0.8` wants Chinese, `fr, en;q=0.5` English.
    """
    weights = {"zh": 0.0, "en": 0.0}
    for language, weight in _weighted(accept_language):
        if language in weights:
            weights[language] = max(weights[language], weight)
    return weights["en"] > weights["zh"]


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(",")[:_LANGUAGES_READ]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        yield name.partition("-")[0], weight


def unpacked(headers: Mapping[str, str], raw: bytes, *, limit_bytes: int) -> bytes:
    """Give a body as it was before it was compressed; the gateway may have unpacked it already.

    Raises:
        UnsupportedType: `unsupported_encoding`.
        TooLarge: it is, once unpacked.

    """
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding != "gzip":
        raise error("unsupported_encoding")
    if not raw.startswith(_GZIP_BEGINS):
        if raw.startswith(_GZIP_BEGINS[:1]):  # what the gateway could not unpack, it hands on as broken text
            raise error("unsupported_encoding")
        return raw
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(raw, limit_bytes + 1)
    except zlib.error:
        raise error("unsupported_encoding") from None
    if len(plain) > limit_bytes:
        raise error("too_large", limit_bytes=limit_bytes)
    if not unpacking.eof or unpacking.unused_data:  # cut off on its way, or something stands behind it
        raise error("unsupported_encoding")
    return plain


_GZIP_BEGINS = b"\x1f\x8b"


def charset_of(content_type: str) -> str:
    """Give the charset that a content type names; UTF-8 if it names none (RFC 8259)."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


def tag_of(body: str | bytes) -> str:
    """Give the entity tag of an answer (RFC 9110, 8.8.3): equal for equal bytes."""
    raw = body.encode() if isinstance(body, str) else body
    return f'"{hashlib.sha256(raw).hexdigest()[:32]}"'


def has_already(if_none_match: str, tag: str) -> bool:
    """Tell whether a client says that it has an answer of this tag."""
    tags = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag in tags or "*" in tags
