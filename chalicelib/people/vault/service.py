"""People in the vault: kept, found, opened."""

import base64
from collections.abc import Collection, Sequence
from datetime import date

import msgspec

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.accounts.persons.names import name_digest, name_digests
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.keys import keyed_digest
from chalicelib.kernel.identity import birth_year_of, mask_id_number, mask_name
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context
from chalicelib.people.vault import store
from chalicelib.people.vault.model import Identity, Person


def _text(digest: bytes) -> str:
    return base64.b64encode(digest[:18]).decode()


def phone_digest(phone: str) -> str:
    """Give the keyed digest by which phones are compared without being shown."""
    return _text(keyed_digest("phone", phone))


def sealed_person(
    key: PersonKey,
    identity: Identity,
    *,
    graduated_on: date,
    left_school_on: date,
    employment_status: str,
    division: str,
    import_id: str,
) -> Person:
    """Make a person of the vault from what a list tells of them; what identifies them is sealed."""
    return Person(
        person_key=key,
        sealed=crypto.seal(msgspec.json.encode(identity), item=store.item_of(key)),
        name_digest=name_digest(identity.name),
        phone_digest=phone_digest(identity.phone),
        masked_name=mask_name(identity.name),
        masked_id_number=mask_id_number(identity.id_number),
        graduated_on=graduated_on,
        left_school_on=left_school_on,
        employment_status=employment_status,
        division=division,
        import_id=import_id,
        birth_year=birth_year_of(identity.id_number),
    )


def find_person(person_key: str) -> Person | None:
    """Read a person of the vault."""
    return store.find_person(person_key)


def misnamed(named: Sequence[tuple[PersonKey, str]]) -> set[tuple[PersonKey, str]]:
    """Tell which of these people are not in the vault under the name given: one read a hundred."""
    people = store.find_people(dict.fromkeys(key for key, _ in named))
    known = {person.person_key: person.name_digest for person in people}
    return {(key, name) for key, name in named if known.get(key) not in name_digests(name)}


def renamed(named: Sequence[tuple[PersonKey, str]]) -> set[PersonKey]:
    """Tell which of these people are in the vault under another name than the one given."""
    people = store.find_people(dict.fromkeys(key for key, _ in named))
    known = {person.person_key: person.name_digest for person in people}
    return {key for key, name in named if key in known and known[key] not in name_digests(name)}


def is_named(person_key: str, signed_names: Collection[str]) -> bool:
    """Tell whether a person is in the vault under one of these names, given as digests."""
    person = store.find_person(person_key)
    return person is not None and person.name_digest in signed_names


def open_identity(context: Context, person: Person, *, purpose: str) -> Identity:
    """Open what identifies a person, which leaves a record of who looked, and why."""
    sealed = SealedText(person.sealed, store.item_of(person.person_key))
    raw = disclose(context, [sealed], subject=person.person_key, division=person.division, purpose=purpose)
    return msgspec.json.decode(raw[0], type=Identity)


def open_identities(
    context: Context, person_keys: Collection[str], *, subject: str, division: str, purpose: str
) -> dict[str, Identity]:
    """Open what identifies these people; one record tells who looked, why, and at how many."""
    people = store.find_people(sorted(person_keys))
    sealed = [SealedText(person.sealed, store.item_of(person.person_key)) for person in people]
    raw = disclose(context, sealed, subject=subject, division=division, purpose=purpose)
    return {
        person.person_key: msgspec.json.decode(text, type=Identity)
        for person, text in zip(people, raw, strict=True)
    }


def digests_now(sealed: bytes) -> dict[str, str]:
    """Give the digests of an opened identity under the current index key (after a rotation)."""
    identity = msgspec.json.decode(sealed, type=Identity)
    return {"name_digest": name_digest(identity.name), "phone_digest": phone_digest(identity.phone)}
