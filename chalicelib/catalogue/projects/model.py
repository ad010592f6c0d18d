"""A project (培训项目): a course that institutions may teach under a program."""

import msgspec

from chalicelib.kernel.ids import ProgramId, ProjectId
from chalicelib.kernel.principal import Change

PROJECT_PATTERNS = {"occupation_code": r"[0-9]-[0-9]{2}-[0-9]{2}-[0-9]{2}", "edition": r"[0-9]{4}"}
"""Codes of the occupational classification (职业分类大典) and the year of its edition."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A course: occupation with edition, level (5 lowest … 1 highest), lesson hours (课时) and fee."""

    id: ProjectId
    name: str
    occupation_code: str
    edition: str
    level: int
    hours: int
    fee_fen: int
    programs: list[ProgramId]
    listing: str = "project"
    version: int = 1
    last_change: Change | None = None
