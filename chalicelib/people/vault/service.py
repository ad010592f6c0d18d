"""People in the vault: kept, found, opened."""

import base64
from collections.abc import Sequence

import msgspec

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.keys import keyed_digest, keyed_digests
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context
from chalicelib.people.lists.model import Graduate
from chalicelib.people.vault import store as vault_store
from chalicelib.people.vault.model import Identity, Person


def name_digest(name: str) -> str:
    """Give the keyed digest by which names are compared without being shown."""
    return _text(keyed_digest("name", _tidy(name)))


def _tidy(name: str) -> str:
    return "".join(name.split()).replace("·", "").replace(".", "")


def _text(digest: bytes) -> str:
    return base64.b64encode(digest[:18]).decode()


def phone_digest(phone: str) -> str:
    """Give the keyed digest by which phones are compared without being shown."""
    return _text(keyed_digest("phone", phone))


def person_of(graduate: Graduate, import_id: str, key: PersonKey) -> Person:
    """Make the person that a graduate list tells of; what identifies them is sealed."""
    identity = Identity(
        name=graduate.name,
        id_number=graduate.id_number,
        phone=graduate.phone,
        school=graduate.school,
        degree=graduate.degree,
    )
    return Person(
        person_key=key,
        sealed=crypto.seal(msgspec.json.encode(identity), item=vault_store.item_of(key)),
        name_digest=name_digest(graduate.name),
        phone_digest=phone_digest(graduate.phone),
        masked_name=mask_name(graduate.name),
        masked_id_number=mask_id_number(graduate.id_number),
        graduated_on=graduate.graduated_on,
        left_school_on=graduate.left_school_on,
        employment_status=graduate.employment_status,
        division=graduate.division,
        import_id=import_id,
    )


def find_person(person_key: str) -> Person | None:
    """Read a person of the vault."""
    return vault_store.find_person(person_key)


def misnamed(named: Sequence[tuple[PersonKey, str]]) -> set[tuple[PersonKey, str]]:
    """Tell which of these people are not in the vault under the name given: one read a hundred."""
    found = vault_store.find_people(dict.fromkeys(key for key, _ in named))
    known = {person.person_key: person.name_digest for person in found}
    return {(key, name) for key, name in named if known.get(key) not in _name_digests(name)}


def _name_digests(name: str) -> set[str]:
    return {_text(one) for one in keyed_digests("name", _tidy(name))}


def open_identity(context: Context, person: Person, *, purpose: str) -> Identity:
    """Open what identifies a person, which leaves a record of who looked, and why."""
    sealed = SealedText(person.sealed, vault_store.item_of(person.person_key))
    raw = disclose(context, [sealed], subject=person.person_key, division=person.division, purpose=purpose)
    return msgspec.json.decode(raw[0], type=Identity)


def digests_now(sealed: bytes) -> dict[str, str]:
    """Give the digests of an opened identity under the current index key (after a rotation)."""
    identity = msgspec.json.decode(sealed, type=Identity)
    return {"name_digest": name_digest(identity.name), "phone_digest": phone_digest(identity.phone)}
