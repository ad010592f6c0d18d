"""The graduate list: who left school, and whether they have a job (step 3)."""

from collections.abc import Sequence

from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.kernel.principal import Context
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import GRADUATE_COLUMNS, Graduate, Import, ImportKind, read_graduate
from chalicelib.people.vault import service
from chalicelib.people.vault import store as vault_store


def _keep(_: Context, record: Import, graduates: Sequence[Graduate]) -> None:
    """Take people into the vault; the newest list's facts win."""
    keys = person_keys_of(graduate.id_number for graduate in graduates)
    vault_store.save_people(
        service.person_of(graduate, record.id, keys[graduate.id_number]) for graduate in graduates
    )


GRADUATES = ListKind(
    kind=ImportKind.GRADUATES,
    columns=GRADUATE_COLUMNS,
    row_type=Graduate,
    read_row=read_graduate,
    repeated_by=lambda graduate: graduate.id_number,
    repeated_column="id_number",
    keep=_keep,
    dates=frozenset({"graduated_on", "left_school_on"}),
    actions=("propose",),
)
