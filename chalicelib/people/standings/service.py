"""What cross-match lists say of people (step 3): asked as of any day, and the end of a list's being applied.

A list is applied when the vouchers of all its people have followed. The chunks follow in any order, some of
them before the list is accepted: whoever comes last, the acceptance or a chunk, finds all done and says so.
"""

from collections.abc import Collection, Iterable, Mapping

from chalicelib.aws.logs import log
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.eligibility import Effect, Standings
from chalicelib.people.lists import store
from chalicelib.people.lists.model import Import, ImportStatus
from chalicelib.people.standings import store as standings_store


def standings_of(person_keys: Iterable[PersonKey]) -> dict[PersonKey, Standings]:
    """Read what lists say of people, 100 a call; whoever is on no list is left out.

    Ask a `Standing` whether it `counts_on` a day, e.g. the first day of a class.
    """
    found = standings_store.find_standings(dict.fromkeys(person_keys))
    return {one.person_key: one for one in found}


def told_since(person_keys: Collection[PersonKey], before: Mapping[PersonKey, Standings]) -> set[PersonKey]:
    """Tell of which people lists say something new since they were read."""
    return {
        key
        for key, known in standings_of(person_keys).items()
        if key not in before or before[key].version != known.version
    }


# --------------------------------------------------------------------------- applying a list


def begin_applying(context: Context, record: Import) -> None:
    """Note that an accepted list is being applied; it may be asked again."""
    try:
        record = store.move_import(record.id, "apply", change=change_of(context, "import.apply"))
    except Refused:
        return
    _end_applying(context, record)


def note_effect(context: Context, effect: Effect) -> None:
    """Note what one chunk of a list did to vouchers, once: done again, the first stays."""
    standings_store.add_effect(effect)
    _end_applying(context, store.read_import(effect.import_id))


def effect_of(record: Import) -> Effect:
    """Sum up what a list has done to vouchers so far."""
    effects = standings_store.effects_of(record.id)
    return Effect(
        import_id=record.id,
        first_row=0,
        rows=sum(effect.rows for effect in effects),
        revoked=sum(effect.revoked for effect in effects),
        marked=sum(effect.marked for effect in effects),
    )


def _end_applying(context: Context, record: Import) -> None:
    if record.status is not ImportStatus.APPLYING or effect_of(record).rows < record.valid:
        return
    try:
        store.move_import(record.id, "finish", change=change_of(context, "import.finish"))
    except Refused:
        log("import_finished_before", import_id=record.id)
