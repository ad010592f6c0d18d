"""Opening personal data: nothing sealed becomes readable before a record says who looks, and why.

The record is one put into an append-only table whose stream feeds the audit chain, so who looked at a person
stands in the history of that person, of the settlement batch or of the list they were read with. A batch read
leaves one record with its count. The record is written first: what cannot be recorded is not opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts.disclosures import store
from chalicelib.accounts.disclosures.store import Access
from chalicelib.aws.crypto import SealedText, open_sealed
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.principal import Context, change_of

ACTION = "personal_data.open"


def disclose(
    context: Context, sealed: Sequence[SealedText], *, subject: str, division: str, purpose: str
) -> list[bytes]:
    """Record that the caller looks at these for a purpose, then open them: one put, however many.

    Raises:
        Unavailable: the look could not be recorded; nothing was opened.
        CannotOpen: a text is damaged, or was sealed for another item.

    """
    if not sealed:
        return []
    record_access(context, subject=subject, division=division, purpose=purpose, items=len(sealed))
    return [open_sealed(text.text, item=text.item, purpose=purpose) for text in sealed]


@dataclass(frozen=True)
class Look:
    """What is opened of one subject."""

    subject: str
    division: str
    sealed: Sequence[SealedText]


def disclose_of_many(context: Context, looks: Sequence[Look], *, purpose: str) -> list[list[bytes]]:
    """Record that the caller looks at several subjects, one record each and all in one call; then open them.

    Raises:
        Unavailable, CannotOpen: see `disclose`.

    """
    looked = [look for look in looks if look.sealed]
    change = change_of(context, ACTION, reason=purpose)
    store.add_accesses(
        [_access(context, look.subject, look.division, purpose, len(look.sealed)) for look in looked],
        change=change,
    )
    return [
        [open_sealed(text.text, item=text.item, purpose=purpose) for text in look.sealed] for look in looks
    ]


def record_access(
    context: Context,
    *,
    subject: str,
    division: str,
    purpose: str,
    items: int,
    action: str = ACTION,
    person: str | None = None,
) -> None:
    """Record a look at personal data, e.g. a link to a sheet that holds some, or a lookup by ID number.

    The key is made here, not taken from the request, so no caller can make a second look fall together
    with the first. `person` names who was found, where the subject is a day of lookups.
    """
    access = _access(context, subject, division, purpose, items, person=person)
    store.add_accesses([access], change=change_of(context, action, reason=purpose))


def _access(
    context: Context, subject: str, division: str, purpose: str, items: int, *, person: str | None = None
) -> Access:
    return Access(
        subject=subject,
        access=f"{format_moment(context.now)}.{new_operation_id()}",
        division=division,
        purpose=purpose,
        items=items,
        person=person,
    )
