"""The graduate list (step 3): its people taken into the vault, its rows for those who issue from it."""

from collections.abc import Sequence

import msgspec

from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.aws.logs import log
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.people.lists import store
from chalicelib.people.lists.chunks.service import open_rows
from chalicelib.people.lists.graduates.model import COLUMNS, Graduate, graduate_as_written, read_graduate
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import Import, ImportKind, ImportStatus, why_not_propose
from chalicelib.people.lists.renames import store as rename_store
from chalicelib.people.lists.renames.model import Rename, RenameStatus, part_of
from chalicelib.people.lists.words import DEGREES, EMPLOYMENT_STATUSES
from chalicelib.people.vault import service as vault
from chalicelib.people.vault import store as vault_store
from chalicelib.people.vault.model import Identity, Person
from chalicelib.people.vault.service import sealed_person
from chalicelib.sheets.layouts import Layout

# --------------------------------------------------------------------------- taking a list over


def _keep(context: Context, record: Import, chunk: int, graduates: Sequence[Graduate]) -> None:
    """Take people into the vault; the newest list's facts win, but for another name of who is known.

    Such a row waits for a second person (`renames`); until then it counts for nothing.
    """
    keys = person_keys_of(graduate.id_number for graduate in graduates)
    renamed = vault.renamed([(keys[graduate.id_number], graduate.name) for graduate in graduates])
    waiting = [graduate for graduate in graduates if keys[graduate.id_number] in renamed]
    rename_store.propose(
        (_rename_by(graduate, record, chunk, keys[graduate.id_number]) for graduate in waiting),
        change_of(context, "rename.propose", reason=record.id),
    )
    vault_store.save_people(
        person_of(graduate, record.id, keys[graduate.id_number])
        for graduate in graduates
        if keys[graduate.id_number] not in renamed
    )


def _rename_by(graduate: Graduate, record: Import, chunk: int, key: PersonKey) -> Rename:
    return Rename(
        import_id=record.id,
        part=part_of(graduate.row),
        chunk=chunk,
        person_key=key,
        status=RenameStatus.PROPOSED,
        proposed_by=record.created_by,
        proposed_at=record.created_at,
    )


def person_of(graduate: Graduate, import_id: str, key: PersonKey) -> Person:
    """Make the person that a graduate list tells of."""
    identity = Identity(
        name=graduate.name,
        id_number=graduate.id_number,
        phone=graduate.phone,
        school=graduate.school,
        degree=graduate.degree,
    )
    return sealed_person(
        key,
        identity,
        graduated_on=graduate.graduated_on,
        left_school_on=graduate.left_school_on,
        employment_status=graduate.employment_status,
        division=graduate.division,
        import_id=import_id,
    )


GRADUATES = ListKind(
    kind=ImportKind.GRADUATES,
    layout=Layout(
        name=ImportKind.GRADUATES,
        title="毕业生名单",
        columns=COLUMNS,
        dates=frozenset({"graduated_on", "left_school_on"}),
        choices={"degree": tuple(DEGREES), "employment_status": tuple(EMPLOYMENT_STATUSES)},
        rule="同一人只能出现一次。",
        english="Each person stands in it once.",
    ),
    row_type=Graduate,
    read_row=read_graduate,
    repeated_by=lambda graduate: graduate.id_number,
    repeated_column="id_number",
    keep=_keep,
    as_written=graduate_as_written,
)


# --------------------------------------------------------------------------- for those who issue from it


def ready_list(import_id: str) -> Import:
    """Read a graduate list that vouchers can be issued from.

    Raises:
        NotFound: there is none.
        Refused: `import_not_ready`.

    """
    record = store.read_import(import_id)
    refuse(why_not_propose(record))
    return record


def graduates_in(context: Context, import_id: str, chunk: int, *, purpose: str) -> list[Graduate]:
    """Read one chunk of a list; the look is recorded as one of the list."""
    rows = open_rows(context, import_id, chunk, purpose=purpose)
    return msgspec.json.decode(rows, type=list[Graduate])


def note_applying(context: Context, import_id: str) -> None:
    """Note that vouchers are being issued from a list."""
    store.move_import(import_id, "apply", change=change_of(context, "import.apply"))


def note_applied(context: Context, import_id: str) -> None:
    """Note that all vouchers of a list are issued; a repeat changes nothing.

    Whoever approved may have died before it was noted that they are being issued.
    """
    record = store.find_import(import_id)
    if record is not None and record.status is ImportStatus.READY:
        note_applying(context, import_id)
    try:
        store.move_import(import_id, "finish", change=change_of(context, "import.finish"))
    except Refused:
        log("import_finished_before", import_id=import_id)
