"""Use cases of renames: shown with both names to who decides, confirmed or refused by a second person."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws.writes import until_written
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.identity import mask_id_number
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.people.lists import store as list_store
from chalicelib.people.lists.graduates.model import Graduate
from chalicelib.people.lists.graduates.service import graduates_in, person_of
from chalicelib.people.lists.renames import store
from chalicelib.people.lists.renames.model import Rename, RenameStatus, why_not
from chalicelib.people.vault import service as vault
from chalicelib.people.vault import store as vault_store
from chalicelib.people.vault.model import Person

ACTIONS = {"confirm": "import.confirm_rename", "refuse": "import.refuse_rename"}
"""What may be done with a rename, and the right to it."""
_person_renamed: Port[[Context, Person], None] = Port("person_renamed")
"""Tells that a person has another name by now: vouchers are a later step."""


@dataclass(frozen=True)
class ShownRename:
    """A rename with the name known and the name given, in the clear while it waits for a decision."""

    rename: Rename
    known_name: str | None
    name: str | None
    id_number: str | None
    allowed_actions: list[str]


def list_renames(context: Context, import_id: str, request: PageRequest) -> Page[ShownRename]:
    """List the rows of a list that rename somebody; what is opened for it leaves records of who looked."""
    rights.require(context.principal, "import.read", division=PROVINCE)
    page = store.renames_in(list_store.read_import(import_id).id, request)
    open_now = [rename for rename in page.items if _is_open(context, rename)]
    rows = _rows_of(context, open_now)
    return Page(items=[_shown(context, rename, rows) for rename in page.items], after=page.after)


def decide(
    context: Context, import_id: str, row: int, action: str, *, version: int, reason: str | None
) -> ShownRename:
    """Confirm or refuse a rename; a confirmation that is repeated does again what follows from it.

    Raises:
        Forbidden: `self_approval`, by who uploaded the list.
        Refused: decided already, or another version; `rename_lapsed`.

    """
    actor, hands = context.principal.actor, context.principal.hands

    def attempt() -> Rename:
        rights.require(context.principal, ACTIONS[action], division=PROVINCE)
        rename = store.read_rename(import_id, row)
        if (rename.status, rename.decided_by) == (RenameStatus.CONFIRMED, actor) and action == "confirm":
            return rename
        refuse(why_not(action, rename, hands, now=context.now, version=version))
        change = change_of(context, f"rename.{action}", reason=reason)
        return store.decide(rename, action, version=version, by=actor, hands=hands, change=change)

    decided = until_written(attempt)
    if decided.status is RenameStatus.CONFIRMED:
        _take_over(context, decided)
    return _shown(context, decided, {})


def _take_over(context: Context, rename: Rename) -> None:
    """Let the row count: the vault first, then what carries the name."""
    graduate = _rows_of(context, [rename])[rename.part]
    person = person_of(graduate, rename.import_id, PersonKey(rename.person_key))
    vault_store.save_people([person])
    _person_renamed(context, person)


def _is_open(context: Context, rename: Rename) -> bool:
    return why_not("confirm", rename, frozenset(), now=context.now) is None


def _rows_of(context: Context, renames: Sequence[Rename]) -> dict[str, Graduate]:
    """Open the rows of renames, chunk by chunk."""
    parts = {rename.row: rename.part for rename in renames}
    chunks = sorted({(rename.import_id, rename.chunk) for rename in renames})
    return {
        parts[graduate.row]: graduate
        for import_id, chunk in chunks
        for graduate in graduates_in(context, import_id, chunk, purpose="decide on a rename")
        if graduate.row in parts
    }


def actions_on(context: Context, rename: Rename) -> list[str]:
    """List what this caller may do with a rename now."""
    principal = context.principal
    return rights.offered(
        principal,
        ACTIONS,
        lambda action: why_not(action, rename, principal.hands, now=context.now),
        division=PROVINCE,
    )


def _shown(context: Context, rename: Rename, rows: dict[str, Graduate]) -> ShownRename:
    graduate, known = rows.get(rename.part), None
    if graduate is not None and (person := vault.find_person(rename.person_key)) is not None:
        known = vault.open_identity(context, person, purpose="decide on a rename").name
    return ShownRename(
        rename=rename,
        known_name=known,
        name=graduate.name if graduate is not None else None,
        id_number=mask_id_number(graduate.id_number) if graduate is not None else None,
        allowed_actions=actions_on(context, rename),
    )
