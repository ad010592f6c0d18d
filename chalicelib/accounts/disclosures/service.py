"""Opening personal data: nothing sealed becomes readable before a record says who looks, and why.

The record is one put into an append-only table whose stream feeds the audit chain, so who looked at a person
stands in the history of that person, of the settlement batch or of the list they were read with. A batch read
leaves one record with its count. The record is written first: what cannot be recorded is not opened.
"""

from collections.abc import Sequence

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


def record_access(context: Context, *, subject: str, division: str, purpose: str, items: int) -> None:
    """Record a look at personal data, e.g. a link to a sheet that holds some.

    The key is made here, not taken from the request, so no caller can make a second look fall together
    with the first.
    """
    access = Access(
        subject=subject,
        access=f"{format_moment(context.now)}.{new_operation_id()}",
        division=division,
        purpose=purpose,
        items=items,
    )
    store.add_access(access, change=change_of(context, ACTION, reason=purpose))
