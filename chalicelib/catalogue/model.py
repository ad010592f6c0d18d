"""What the catalogue lists, and what saving an entry of it comes to."""

from enum import StrEnum


class CatalogueKind(StrEnum):
    """The two lists of the catalogue."""

    INSTITUTIONS = "institutions"
    PROJECTS = "projects"


class SaveOutcome(StrEnum):
    """What saving an entry did, or would do."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
