"""The cross-match list (比对名单): people who are employed, in school, deceased …, and since when (step 3).

Applied at once when it is accepted: what it says is kept, and the vouchers of its people follow.
"""

from collections.abc import Sequence
from datetime import date

import msgspec

from chalicelib.accounts.persons.service import person_keys_of
from chalicelib.aws import queues
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import read_date, shanghai_date
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.eligibility import Situation, Standing
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import Import, ImportKind, RowFault, judge_id_number, judge_name, one_of
from chalicelib.people.standings import service as standings
from chalicelib.people.standings import store as standings_store

_WORDS: dict[str, Situation] = {
    "就业": Situation.EMPLOYED,
    "已就业": Situation.EMPLOYED,
    "创业": Situation.SELF_EMPLOYED,
    "在读": Situation.IN_SCHOOL,
    "参军": Situation.IN_MILITARY,
    "退休": Situation.RETIRED,
    "服刑": Situation.IMPRISONED,
    "死亡": Situation.DECEASED,
    "异地已享受": Situation.SUBSIDISED_ELSEWHERE,
    **{situation.value: situation for situation in Situation},
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "id_number": ("身份证号",),
    "situation": ("情形",),
    "from": ("起始日期",),
    "until": ("截止日期",),
    "as_of": ("数据日期",),
}


class ListedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One well-formed row. The name is checked and not kept: the ID number finds the person."""

    row: int
    id_number: str
    situation: Situation
    since: date
    until: date | None
    as_of: date | None


def read_listed(row: int, cells: dict[str, str], headers: dict[str, str]) -> ListedPerson | list[RowFault]:
    """Read one row, or name everything that is wrong with it.

    `until` may be empty (the situation goes on), and so may `as_of` (the data are of the day of the upload).
    """
    faults: list[RowFault] = []

    def fault(column: str, code: str, **facts: str | int) -> None:
        faults.append(RowFault(row=row, column=headers.get(column, column), code=code, facts=facts))

    judges = {"name": judge_name, "id_number": judge_id_number, "situation": one_of(tuple(_WORDS))}
    for column, judge in judges.items():
        text = cells.get(column, "")
        judged = judge(text) if text else ("empty_cell", {})
        if judged is not None:
            fault(column, judged[0], **judged[1])
    days = {column: read_date(cells.get(column, "")) for column in ("from", "until", "as_of")}
    for column, day in days.items():
        if cells.get(column):
            if day is None:
                fault(column, "invalid_date")
        elif column == "from":
            fault(column, "empty_cell")
    since, until = days["from"], days["until"]
    if since is not None and until is not None and until < since:
        fault("until", "ends_before_it_begins", since=since.isoformat())
    if faults or since is None:
        return faults
    return ListedPerson(
        row=row,
        id_number=cells["id_number"].upper(),
        situation=_WORDS[cells["situation"]],
        since=since,
        until=until,
        as_of=days["as_of"],
    )


def _keep(context: Context, record: Import, rows: Sequence[ListedPerson]) -> None:
    """Keep what a chunk says, then have the vouchers of its people follow; in this order (see `follow`)."""
    if not rows:
        return
    keys = person_keys_of(row.id_number for row in rows)
    announced = shanghai_date(record.created_at)
    told: dict[PersonKey, list[Standing]] = {}
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
        told.setdefault(keys[row.id_number], []).append(standing)
    standings_store.add_standings(told, change_of(context, "standing.list", reason=record.id))
    message = {"import_id": record.id, "first_row": rows[0].row, "rows": len(rows), "people": list(told)}
    queues.send(settings().standings_queue_url, [message], now=context.now)


INELIGIBLE_PEOPLE = ListKind(
    kind=ImportKind.INELIGIBLE_PEOPLE,
    columns=COLUMNS,
    row_type=ListedPerson,
    read_row=read_listed,
    repeated_by=lambda listed: f"{listed.id_number} {listed.situation} {listed.since}",
    repeated_column="id_number",
    keep=_keep,
    accepted=standings.begin_applying,
    optional=frozenset({"until", "as_of"}),
    dates=frozenset({"from", "until", "as_of"}),
)
