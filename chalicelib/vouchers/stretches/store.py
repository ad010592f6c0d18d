"""Pieces of a division's vouchers, for who compares all of them and may have to go on another time."""

from typing import Any

import msgspec

from chalicelib.aws.lists import raw_page_of_list
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import PageRequest
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import AREA_SHARDS, VoucherRow

_BEHIND_EVERY_ID = "~"


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Some vouchers of a division in the order of their ids, up to `until`, or to the last where it is None.

    `unreadable` are the ids of those whose rows nobody can read.
    """

    vouchers: list[Voucher]
    unreadable: frozenset[str]
    until: str | None


def vouchers_behind(division: str, after: str, *, limit: int) -> Stretch:
    """Read the vouchers of a division, without those below it, whose ids come after one; "" is the beginning.

    Of each shard `limit` are read at most; the stretch ends where the first of them was cut off.
    """
    name = f"{division}#"
    behind = VoucherRow.division_id.between(f"{name}{after}", f"{name}{_BEHIND_EVERY_ID}")
    found: dict[str, Any] = {}
    ends = []
    for shard in range(AREA_SHARDS):
        request = PageRequest(limit=limit + 1)  # the one it begins with may be among them
        index: Any = VoucherRow.by_division
        page = raw_page_of_list(index, f"{group_of(division)}#{shard}", request=request, between=behind)
        ids = [str(raw["division_id"]["S"]).removeprefix(name) for raw in page.items]
        found |= zip(ids, page.items, strict=True)
        if page.after is not None:
            ends.append(ids[-1])
    until = min(ends, default=None)
    vouchers, unreadable = [], set()
    for voucher_id in sorted(found):
        if voucher_id <= after or (until is not None and voucher_id > until):
            continue
        try:
            vouchers.append(VoucherRow.record_of(found[voucher_id]))
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it will not get better
            unreadable.add(voucher_id)
    return Stretch(vouchers=vouchers, unreadable=frozenset(unreadable), until=until)
