"""The table of who is who: the keyed digest of an ID number leads to the person key used everywhere else.

A person key is random, made once. Were it derived from the ID number, as the digest is, then voucher ids,
claims and check-ins would carry the look-up key's digests for ever: changing the key after a leak would mean
changing every identifier, or leaving what the leaked key can be tried against. So only this table knows
the digests, and rotating the `index` secret rewrites this table and no identifier (`reencrypt_people`).

The ID number is kept here too, sealed, because people who have no voucher (trainers) must be found under
the next key as well. Rows are written once under "if there is none", so of two writers who meet the same new
person one wins and the other reads the winner's key.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import Put, transact
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change, Role

PEOPLE_A_TRANSACTION = 50
"""Two rows each, in the minutes after a rotation."""


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One digest of one person."""

    digest: str
    person_key: PersonKey
    sealed: str


class PersonIndexRow(Table[IndexEntry]):
    """One row a person and live index key."""

    class Meta:
        table_name = table_name("person-index")

    record_type = IndexEntry

    digest = UnicodeAttribute(hash_key=True)
    person_key = UnicodeAttribute()
    sealed = UnicodeAttribute()


def item_of(person_key: str) -> str:
    """Name the item that an index row's ID number is sealed for."""
    return f"person-index:{person_key}"


def find(digests: Sequence[str]) -> dict[str, PersonKey]:
    """Give the person keys of the digests that are known: one call a hundred."""
    if len(digests) == 1:
        entry = PersonIndexRow.find(digests[0])
        return {entry.digest: entry.person_key} if entry is not None else {}
    return {entry.digest: entry.person_key for entry in PersonIndexRow.find_many(list(digests))}


def add(people: Iterable[Sequence[IndexEntry]]) -> None:
    """Write the entries of new people, all digests of one person together: one call fifty people.

    Raises:
        ConditionFailed: somebody was faster with one of them; none of that call is written.

    """
    listed = list(people)
    for start in range(0, len(listed), PEOPLE_A_TRANSACTION):
        part = listed[start : start + PEOPLE_A_TRANSACTION]
        writes = [Put(PersonIndexRow.from_record(entry)) for entries in part for entry in entries]
        transact(writes, change=_INDEXED)


_INDEXED = Change(
    actor="system", role=Role.SYSTEM, action="person.index", request_id="", at=datetime(1, 1, 1, tzinfo=UTC)
)
"""Index rows do not tell who wrote them; a transaction asks all the same."""
