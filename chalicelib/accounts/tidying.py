"""Short lists of accounts and programs are put right each night: indexes lag, and things move."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from chalicelib.accounts.model import PROGRAM_PREFIX
from chalicelib.accounts.store import (
    PROPOSED,
    AccountRow,
    place_of_program,
    programs_at,
    programs_listed_in,
    proposals_in,
    proposed_ids,
)
from chalicelib.aws.short_lists import add_all, short_lists, take_off
from chalicelib.kernel.divisions import divisions_below, group_of


def tidy_short_lists(group: str, now: datetime) -> bool:
    """Put a city's short lists right; tell whether all that waits there is on them.

    What waits no more and what moved away goes, what stood on none or was taken off comes. A list is read
    before anything else, and what is on it is looked at itself: the indexes lag, and whatever has just been
    proposed would go by them.
    """
    _tidy_programs(group, now)
    on_list: frozenset[str] = frozenset()
    for short_list in short_lists([proposals_in(group)]):
        on_list = short_list.things
        take_off(short_list, on_list - _waiting_in_group(group, on_list))
    missing = _waiting_in_group(group, set(proposed_ids()) - on_list)
    if missing:
        add_all(proposals_in(group), missing, at=now)
    return not missing


def _waiting_in_group(group: str, ids: Collection[str]) -> set[str]:
    return {
        account.id
        for account in AccountRow.find_many(sorted(ids))
        if account.status in PROPOSED and group_of(account.division) == group
    }


def _tidy_programs(group: str, now: datetime) -> None:
    on_list: frozenset[str] = frozenset()
    for short_list in short_lists([programs_listed_in(group)]):
        on_list = short_list.things
        take_off(short_list, on_list - _places_in_group(group, on_list))
    index: Any = AccountRow.by_division
    listed = {
        place_of_program(row.record)
        for division in divisions_below(group)
        if group_of(division) == group
        for row in index.query(division, AccountRow.account.startswith(PROGRAM_PREFIX))
    }
    missing = _places_in_group(group, listed - on_list)
    if missing:
        add_all(programs_listed_in(group), missing, at=now)


def _places_in_group(group: str, places: Collection[str]) -> set[str]:
    """Give where the programs of some places stand now, as far as that is in a group."""
    return {
        place_of_program(account)
        for account in programs_at(sorted(places))
        if account.software is not None and group_of(account.division) == group
    }
