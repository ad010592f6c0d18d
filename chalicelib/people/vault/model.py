"""A person of the vault, sealed and opened."""

from datetime import date

import msgspec

from chalicelib.kernel.ids import PersonKey


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person in the vault: what identifies them is sealed, what decides eligibility is not.

    `birth_year` is of those who came onto a list since it is kept.
    """

    person_key: PersonKey
    sealed: str
    name_digest: str
    phone_digest: str
    masked_name: str
    masked_id_number: str
    graduated_on: date
    left_school_on: date
    employment_status: str
    division: str
    import_id: str
    birth_year: int | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed of a person."""

    name: str
    id_number: str
    phone: str
    school: str
    degree: str
