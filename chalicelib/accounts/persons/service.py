"""From an ID number to the person key: found by its keyed digest, made once for who is new."""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

from chalicelib.accounts.persons import store
from chalicelib.accounts.persons.store import IndexEntry
from chalicelib.aws import crypto
from chalicelib.aws.keys import SETTLING_SECONDS, index_key_born, keyed_digests
from chalicelib.aws.writes import until_written
from chalicelib.kernel.ids import PersonKey, new_id


def person_digests(id_number: str) -> tuple[str, ...]:
    """Give the digests under which an ID number may be indexed, the current key's first."""
    return tuple(
        base64.b32encode(digest[:20]).decode().lower() for digest in keyed_digests("person", id_number)
    )


def find_person_key(id_number: str) -> PersonKey | None:
    """Give the key of who is known by an ID number, or None: nobody becomes known by it. One read."""
    digests = person_digests(id_number)
    known = store.find(digests)
    return next((known[digest] for digest in digests if digest in known), None)


def person_key_of(id_number: str) -> PersonKey:
    """Give the key under which a person is known everywhere; who is new gets one. One read."""
    return person_keys_of([id_number])[id_number]


def person_keys_of(id_numbers: Iterable[str]) -> dict[str, PersonKey]:
    """Give the keys of many people: one read a hundred, and one write fifty of those who are new.

    Raises:
        Unavailable: others kept meeting the same new people; repeating is safe.

    """
    digests_of = {number: person_digests(number) for number in id_numbers}
    keys: dict[str, PersonKey] = {}

    def attempt() -> dict[str, PersonKey]:
        missing = {number: digests for number, digests in digests_of.items() if number not in keys}
        indexed = store.find([digest for digests in missing.values() for digest in digests])
        for number, digests in missing.items():
            known = [indexed[digest] for digest in digests if digest in indexed]
            if known:
                keys[number] = known[0]
        new = {number: _new_entries(number, digests_of[number]) for number in missing if number not in keys}
        store.add(new.values())
        return keys | {number: entries[0].person_key for number, entries in new.items()}

    return until_written(attempt)


def _new_entries(id_number: str, digests: tuple[str, ...]) -> list[IndexEntry]:
    """Make the entries of a new person: under the key before too, while other processes look there only."""
    key = PersonKey(new_id("prs"))
    sealed = crypto.seal(id_number.encode(), item=store.item_of(key))
    settled = (datetime.now(UTC) - index_key_born()).total_seconds() > SETTLING_SECONDS
    return [
        IndexEntry(digest=digest, person_key=key, sealed=sealed)
        for digest in (digests[:1] if settled else digests)
    ]
