"""The cross-match list (step 3): applied at once when it is accepted.

What it says is kept, and the vouchers of its people follow. It is applied when those of all its people have.
The chunks follow in any order, some of them before the list is accepted: whoever comes last, the acceptance
or a chunk, finds all done and says so.
"""

from collections.abc import Sequence

from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.aws import queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.lists import store
from chalicelib.people.lists.cross_match import store as effect_store
from chalicelib.people.lists.cross_match.model import (
    COLUMNS,
    ListedPerson,
    ListEffect,
    listed_as_written,
    read_listed,
)
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import Import, ImportKind, ImportStatus
from chalicelib.people.lists.words import SITUATIONS
from chalicelib.people.standings import store as standings_store
from chalicelib.people.standings.model import Standing
from chalicelib.sheets.layouts import Layout

# --------------------------------------------------------------------------- taking a list over


def _keep(context: Context, record: Import, _: int, rows: Sequence[ListedPerson]) -> None:
    """Keep what a chunk says, then have the vouchers of its people follow; in this order (see `follow`)."""
    if not rows:
        return
    keys = person_keys_of(row.id_number for row in rows)
    announced = shanghai_date(record.created_at)
    news: dict[PersonKey, list[Standing]] = {}
    for row in rows:
        standing = Standing(
            situation=row.situation,
            since=row.since,
            until=row.until,
            as_of=min(row.as_of or announced, announced),  # nobody knows the future; a typing error would win
            import_id=record.id,
            listed_at=record.created_at,
            listed_by=record.created_by,
        )
        news.setdefault(keys[row.id_number], []).append(standing)
    standings_store.add_standings(news, change_of(context, "standing.list", reason=record.id))
    message = {"import_id": record.id, "first_row": rows[0].row, "rows": len(rows), "people": list(news)}
    queues.send(settings().standings_queue_url, [message], now=context.now)


# --------------------------------------------------------------------------- applying it


def _begin_applying(context: Context, record: Import) -> None:
    """Note that an accepted list is being applied; it may be asked again."""
    try:
        record = store.move_import(record.id, "apply", change=change_of(context, "import.apply"))
    except Refused:
        return
    _end_applying(context, record)


def note_effect(context: Context, effect: ListEffect) -> None:
    """Note what one chunk of a list did to vouchers, once: done again, the first stays."""
    effect_store.add_effect(effect)
    _end_applying(context, store.read_import(effect.import_id))


def effect_of(record: Import) -> ListEffect:
    """Sum up what a list has done to vouchers so far."""
    effects = effect_store.effects_of(record.id)
    return ListEffect(
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


INELIGIBLE_PEOPLE = ListKind(
    kind=ImportKind.INELIGIBLE_PEOPLE,
    layout=Layout(
        name=ImportKind.INELIGIBLE_PEOPLE,
        title="不符合条件人员名单",
        columns=COLUMNS,
        optional=frozenset({"until", "as_of"}),
        dates=frozenset({"from", "until", "as_of"}),
        choices={"situation": tuple(words[0] for words in SITUATIONS.values())},
        rule="截止日期留空或写“长期”为持续；数据日期留空为上传当日。",
        english="截止日期 empty or 长期 goes on; 数据日期 empty is the day of the upload.",
    ),
    row_type=ListedPerson,
    read_row=read_listed,
    repeated_by=lambda listed: f"{listed.id_number} {listed.situation} {listed.since}",
    repeated_column="id_number",
    keep=_keep,
    as_written=listed_as_written,
    accepted=_begin_applying,
)
