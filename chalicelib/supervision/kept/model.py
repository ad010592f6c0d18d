"""What is kept of a night's figures: by name, when they were computed, and the figures as JSON."""

from datetime import datetime

import msgspec


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Figures under their name, packed; whoever reads them knows their type."""

    name: str
    computed_at: datetime
    packed: bytes


def name_of_report(report: str, division: str, program_id: str | None, year: int | None = None) -> str:
    """Name the figures of a report: of a division, a program (`*`: every one), and a year if it has one."""
    return "#".join([report, division, program_id or "*", *([str(year)] if year is not None else [])])


def name_of_overdue(group: str) -> str:
    """Name what is overdue in a city, a directly administered county, or the province itself."""
    return f"overdue#{group}"
