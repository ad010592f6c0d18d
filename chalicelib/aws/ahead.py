"""Reading ahead: rows that a page will ask for come along with the next read by key.

An example: the page of a claim knows the claim's id from its address. It wants the claim before the session
looks at the account, so the account, its duties and the claim are one call. The claim names its lines and its
institution: they are wanted then, and come with whichever of them is read first.

Wanting a row is no read and no right: who is shown what is decided by who asks for it, and a row that nobody
asks for is dropped with the request. Outside of pages that only look (`reading.each_once`) nothing happens.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.aws import reading
from chalicelib.aws.table import Table


def ahead(table: type[Table[Any]], keys: Iterable[str | Sequence[str | int] | None]) -> None:
    """Want rows of a table by their keys; None stands for none."""
    reading.want(table.Meta.table_name, _raw(table, keys))


def already_read(table: type[Table[Any]], keys: Iterable[str | Sequence[str | int] | None]) -> list[Any]:
    """Give those records that this request has read by key before: no call is made for them."""
    found = (reading.known_item(table.Meta.table_name, key) for key in _raw(table, keys))
    return [table.record_of(raw) for raw in found if raw is not None]


def _raw(
    table: type[Table[Any]], keys: Iterable[str | Sequence[str | int] | None]
) -> list[dict[str, dict[str, str]]]:
    names = table.key_names()
    parts = [(key,) if isinstance(key, str) else tuple(key) for key in keys if key is not None]
    return [{name: _stored(part) for name, part in zip(names, key, strict=True)} for key in parts]


def _stored(part: str | int) -> dict[str, str]:
    return {"N": str(part)} if isinstance(part, int) else {"S": part}
