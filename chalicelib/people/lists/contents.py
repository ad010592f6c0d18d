"""What a finished graduate list holds, for those who issue vouchers from it."""

import msgspec

from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws.logs import log
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.lists import store
from chalicelib.people.lists.model import ISSUABLE, Graduate, Import, ImportKind
from chalicelib.people.lists.progress import store as import_store

# --------------------------------------------------------------------------- for later steps


def ready_import(import_id: str) -> Import:
    """Read a graduate list that can be issued from.

    Raises:
        NotFound: there is none.
        Refused: `import_not_ready`.

    """
    found = store.read_import(import_id)
    if found.kind is not ImportKind.GRADUATES or found.status not in ISSUABLE:
        raise error("import_not_ready", status=found.status.value)
    if found.dry_run:
        raise error("import_not_ready", status="dry_run")
    return found


def graduates_in(context: Context, import_id: str, chunk: int, *, purpose: str) -> list[Graduate]:
    """Read one chunk of a list; the look is recorded as one of the list."""
    sealed = import_store.read_chunk(import_id, chunk)
    raw = disclose(context, [sealed], subject=import_id, division=PROVINCE, purpose=purpose)
    return msgspec.json.decode(raw[0], type=list[Graduate])


def note_applying(context: Context, import_id: str) -> None:
    """Note that vouchers are being issued from a list."""
    store.move_import(import_id, "apply", change=change_of(context, "import.apply"))


def note_applied(context: Context, import_id: str) -> None:
    """Note that all vouchers of a list are issued; a repeat changes nothing."""
    try:
        store.move_import(import_id, "finish", change=change_of(context, "import.finish"))
    except Refused:
        log("import_finished_before", import_id=import_id)
