"""The table of what cross-match lists say of people: one row a person, found by the key the vault uses.

One row, because a hundred people are then one read for the issuer, and one version says whether anything has
changed since. People who are in no graduate list (yet) have a row as well.
"""

from collections.abc import Iterable, Mapping, Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Put, Update, transact, until_written
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change
from chalicelib.people.standings.model import Standing, Standings, merged


class StandingsRow(VersionedTable[Standings]):
    """One row a person of whom a cross-match list says something."""

    class Meta:
        table_name = table_name("standings")

    record_type = Standings

    person_key = UnicodeAttribute(hash_key=True)
    standings = StructAttribute(default=list)


def want_standings(person_keys: Iterable[str | None]) -> None:
    """Have what lists say of people come along with the next read of a page."""
    ahead(StandingsRow, person_keys)


def find_standings(person_keys: Iterable[str]) -> list[Standings]:
    """Read what lists say of many people, 100 a call, consistently; of most of them nothing."""
    return StandingsRow.find_many(list(person_keys))


def add_standings(news: Mapping[PersonKey, Sequence[Standing]], change: Change) -> None:
    """Store what a list says, a hundred people a transaction; what is known already is not written again.

    Raises:
        Unavailable: other lists kept changing the same people; repeating is safe.

    """
    keys = list(news)
    for start in range(0, len(keys), TRANSACTION_ITEMS_MAX):
        _add({key: news[key] for key in keys[start : start + TRANSACTION_ITEMS_MAX]}, change)


def _add(news: Mapping[PersonKey, Sequence[Standing]], change: Change) -> None:
    def attempt() -> None:
        known = {standings.person_key: standings for standings in find_standings(news)}
        writes = [_write(key, known.get(key), rows) for key, rows in news.items()]
        needed = [write for write in writes if write is not None]
        if needed:
            transact(needed, change=change)

    until_written(attempt)


def _write(key: PersonKey, known: Standings | None, news: Sequence[Standing]) -> Put | Update | None:
    before = known.standings if known is not None else []
    after = merged(before, news)
    if after == before:
        return None
    if known is None:
        return Put(StandingsRow.from_record(Standings(person_key=key, standings=after)))
    return Update(
        StandingsRow,
        (key,),
        [StandingsRow.standings.set(after)],
        StandingsRow.version == known.version,
    )
