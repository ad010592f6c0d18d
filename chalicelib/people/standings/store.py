"""The table of what cross-match lists say of people: one row a person, found by the key the vault uses.

One row, because a hundred people are then one read for the issuer, and one version says whether anything has
changed since. People who are in no graduate list (yet) have a row as well.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import StructAttribute, Table, VersionedTable, table_name
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, ConditionFailed, Put, Update, insert, transact
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.people.eligibility import Effect, Standing, Standings, updated

_TRIES = 8


class StandingsRow(VersionedTable[Standings]):
    """One row a person of whom a cross-match list says something."""

    class Meta:
        table_name = table_name("standings")

    record_type = Standings

    person_key = UnicodeAttribute(hash_key=True)
    standings = StructAttribute(default=list)


class EffectRow(Table[Effect]):
    """One row a chunk of a cross-match list whose vouchers have followed."""

    class Meta:
        table_name = table_name("list-effects")

    record_type = Effect

    import_id = UnicodeAttribute(hash_key=True)
    first_row = NumberAttribute(range_key=True)
    rows = NumberAttribute()
    revoked = NumberAttribute(default=0)
    marked = NumberAttribute(default=0)


def add_effect(effect: Effect) -> None:
    """Store what a chunk did, if that is not stored yet."""
    with contextlib.suppress(ConditionFailed):
        insert(EffectRow.from_record(effect))


def effects_of(import_id: str) -> list[Effect]:
    """Read what the chunks of a list have done so far, consistently."""
    return [row.record for row in EffectRow.query(import_id, consistent_read=True)]


def find_standings(person_keys: Iterable[str]) -> list[Standings]:
    """Read what lists say of many people, 100 a call, consistently; of most of them nothing."""
    return StandingsRow.find_many(list(person_keys))


def add_standings(told: Mapping[PersonKey, Sequence[Standing]], change: Change) -> None:
    """Store what a list says, a hundred people a transaction; what is known already is not written again.

    Raises:
        Unavailable: other lists kept changing the same people; repeating is safe.

    """
    keys = list(told)
    for start in range(0, len(keys), TRANSACTION_ITEMS_MAX):
        _add({key: told[key] for key in keys[start : start + TRANSACTION_ITEMS_MAX]}, change)


def _add(told: Mapping[PersonKey, Sequence[Standing]], change: Change) -> None:
    for _ in range(_TRIES):
        known = {found.person_key: found for found in find_standings(told)}
        writes = [
            write for key, rows in told.items() if (write := _write(key, known.get(key), rows)) is not None
        ]
        if not writes:
            return
        try:
            transact(writes, change=change)
        except ConditionFailed:
            continue
        return
    raise error("try_again")


def _write(key: PersonKey, known: Standings | None, told: Sequence[Standing]) -> Put | Update | None:
    before = known.standings if known is not None else []
    after = updated(before, told)
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
