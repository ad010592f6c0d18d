"""What the HTTP of institutions, projects and their sheets shares."""

from typing import Annotated

from msgspec import Meta

from chalicelib.catalogue.model import SaveOutcome

Ids = Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=200)]


WARNINGS = {
    "far_from_division": ("坐标离所属区划较远，请核对。", "The point is far from the division. Check it.")
}


def status_of(outcome: SaveOutcome) -> int:
    """Give the HTTP status of a saved entry."""
    return 201 if outcome is SaveOutcome.CREATED else 200
