"""What the platform says it has: its figures, and its vouchers of one division."""

import http.client
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from chalicelib.aws.settings import settings
from chalicelib.exchange.messages.model import Figures, HeldVouchers
from chalicelib.exchange.platform import platform_at
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.ids import new_id

Told = TypeVar("Told")
_BYTES_MAX = 8 * 1024 * 1024


class NoFigures(Exception):
    """The platform did not tell its figures, or not in the published form."""


def figures() -> Figures:
    """Ask for counts and sums by division and state.

    Raises:
        NoFigures: it did not answer, or not so that it can be read.

    """
    told = _ask("/figures", Figures)
    try:
        told.as_of.astimezone(SHANGHAI)
    except OverflowError as failure:  # at the ends of the calendar: nobody could be shown what the walk found
        raise NoFigures("malformed") from failure
    return told


def vouchers_held(division: str, page: str | None) -> HeldVouchers:
    """Ask for a page of the vouchers that the platform has of a division; None is the first.

    Raises:
        NoFigures: it did not answer, or not so that it can be read: not in the order of ids, or with a next
            page that comes before this one.

    """
    asked = {"division": division} | ({"after": page} if page is not None else {})
    told = _ask(f"/vouchers?{urlencode(asked)}", HeldVouchers)
    ids = [held.id for held in told.vouchers]
    if ids != sorted(set(ids)) or (page is not None and told.next is not None and told.next <= page):
        raise NoFigures("malformed")
    return told


def _ask(path: str, form: type[Told]) -> Told:
    url = settings().platform_url
    if not url:
        raise NoFigures("no_platform")
    try:
        status, raw = platform_at(url).call("GET", path, message_id=new_id("msg"), most=_BYTES_MAX)
    except (OSError, http.client.HTTPException) as failure:
        raise NoFigures(type(failure).__name__) from failure
    if status != HTTPStatus.OK:
        raise NoFigures(f"status_{status}")
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise NoFigures("malformed") from failure
