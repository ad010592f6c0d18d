"""The table of people."""

from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import StructAttribute, Table, table_name
from chalicelib.people.vault.model import Person


class PersonRow(Table[Person]):
    """One row a person."""

    class Meta:
        table_name = table_name("people")

    record_type = Person

    person_key = UnicodeAttribute(hash_key=True)
    sealed = UnicodeAttribute()
    name_digest = UnicodeAttribute()
    phone_digest = UnicodeAttribute()
    masked_name = UnicodeAttribute()
    masked_id_number = UnicodeAttribute()
    graduated_on = StructAttribute()
    left_school_on = StructAttribute()
    employment_status = UnicodeAttribute()
    division = UnicodeAttribute()
    import_id = UnicodeAttribute()
    birth_year = NumberAttribute(null=True)


def find_person(person_key: str) -> Person | None:
    """Read a person."""
    return PersonRow.find(person_key)


def item_of(person_key: str) -> str:
    """Name the item that a person's identity is sealed for."""
    return f"person:{person_key}"


def find_people(person_keys: Iterable[str]) -> list[Person]:
    """Read many people, 100 a call, in no particular order."""
    return PersonRow.find_many(list(person_keys))


def save_people(people: Iterable[Person]) -> None:
    """Store people, 25 a call; the newest list's facts win."""
    with PersonRow.batch_write() as batch:
        for person in people:
            batch.save(PersonRow.from_record(person))
