"""The body of a request: of which type it may be, how large, and what is read of it."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any

from chalicelib.edge.endpoints import FIELDS, JSON, JSON_BYTES_MAX, SHEET_BYTES_MAX, Endpoint, SheetBody
from chalicelib.edge.forms import parse_fields, parse_json
from chalicelib.edge.headers import charset_of, unpacked
from chalicelib.kernel.reasons import error
from chalicelib.sheets.content_types import BYTES, CALLED_CSV, CSV, kind_of_bytes

_BEFORE_JSON = BOM_UTF8 + b" \t\r\n"
_UTF8 = ("utf-8", "utf8", "us-ascii")


def parse_body(endpoint: Endpoint, headers: Mapping[str, str], raw: bytes) -> Any:
    """Read what a request sends: its form, a sheet as it is, or None where the endpoint reads nothing.

    What does not say its type is JSON, if it begins as an object does.

    Raises:
        Malformed: with a fault for each mistake of a form.
        UnsupportedType: of a type, an encoding or a packing that the endpoint does not read.
        TooLarge: above what the gateway, or a form, may have.

    """
    if not endpoint.reads:
        return None
    told = headers.get("content-type", "").strip()
    sent_as = told or JSON
    content_type = sent_as.partition(";")[0].strip().lower()
    if endpoint.sheet and content_type in CALLED_CSV:
        content_type = CSV
    if content_type not in endpoint.reads:
        raise error("unsupported_type", accepted=", ".join(endpoint.reads))
    limit_bytes = JSON_BYTES_MAX if content_type in (JSON, FIELDS) else SHEET_BYTES_MAX
    body = unpacked(headers, raw, limit_bytes=limit_bytes)
    if len(body) > limit_bytes:
        raise error("too_large", limit_bytes=limit_bytes)
    if not told and body.strip() and not body.lstrip(_BEFORE_JSON).startswith(b"{"):
        raise error("unsupported_type", accepted=", ".join(endpoint.reads))
    if content_type not in (JSON, FIELDS):
        return SheetBody(kind_of_bytes(body) if content_type == BYTES else content_type, body)
    if charset_of(sent_as) not in _UTF8:
        raise error("not_utf8")
    return parse_fields(body, endpoint.body) if content_type == FIELDS else parse_json(body, endpoint.body)
