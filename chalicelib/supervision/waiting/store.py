"""Where what waits stands: the index of each machine's table, read list by list.

The one place that reads tables of other steps itself: every one of them has the same index, by `aws.waiting`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.attendance.make_ups.store import MakeUpRow
from chalicelib.aws.waiting import WaitingKey, all_waiting
from chalicelib.classes.store import HEAD, ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.overrides.store import OverrideRow
from chalicelib.supervision.cases.store import RiskCaseRow
from chalicelib.vouchers.batches.store import IssuanceBatchRow

LISTED_MAX = 1_000
"""Of one list and machine so many are counted and shown: who has more in one part of a city decides first."""


class _Lists(NamedTuple):
    table: Any
    by: str = "queued_at"
    state: str | None = None


_LISTS: Mapping[str, _Lists] = {
    "class": _Lists(ClassRow),
    "check_in": _Lists(CheckInRow, state="needs_review"),
    "make_up": _Lists(MakeUpRow, by="requested_at"),
    "enrolment": _Lists(EnrolmentRow),
    "subsidy_claim": _Lists(ClaimRow),
    "override": _Lists(OverrideRow),
    "issuance batch": _Lists(IssuanceBatchRow),
    "risk_case": _Lists(RiskCaseRow),
}
"""By machine; changes of classes stand in the lists of classes."""


def waiting_in(machine: str, area: str, *, until: datetime) -> Iterator[tuple[str, str, WaitingKey]]:
    """Give machine, state and key of everything of a machine that waits in a division and below it."""
    lists = _LISTS[machine]
    for key in all_waiting(lists.table, area, until=until, most=LISTED_MAX, by=lists.by):
        is_change = machine == "class" and key.key[1] != HEAD
        yield "class change" if is_change else machine, lists.state or str(key.status), key


def machines() -> list[str]:
    """Name the machines whose lists there are."""
    return list(_LISTS)
