"""Of which areas and which time records are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.divisions import covers, is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

DAYS_MAX: Final = 731
"""Two years: the time in which a voucher is spent and paid."""
FIRST_DAY: Final = date(2020, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Some areas, none within another, and a time from `since` until before `until`."""

    divisions: Sequence[str]
    since: datetime
    until: datetime


def scope_of(divisions: Sequence[str], *, first: date, last: date) -> Scope:
    """Take areas and the days from the first through the last, in Shanghai; an area within another goes.

    Raises:
        Malformed: a division is none; or the days are none, or more than two years.

    """
    unknown = [place for place, code in enumerate(divisions) if not is_known(code)]
    faults = [Fault("unknown_division", field=f"divisions[{place}]") for place in unknown]
    if not divisions:
        faults.append(Fault("missing_field", field="divisions"))
    if not FIRST_DAY <= first <= last <= first + timedelta(days=DAYS_MAX):
        faults.append(Fault("wrong_type", field="to"))
    if faults:
        raise error("malformed", faults=tuple(faults))
    codes = sorted(set(divisions))
    apart = [code for code in codes if not any(other != code and covers(other, code) for other in codes)]
    return Scope(divisions=apart, since=start_of_day(first), until=start_of_day(last + timedelta(days=1)))
