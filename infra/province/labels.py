"""What the rules do not see: which cases are fraud, how strong; what honest classes look like."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from infra.province.course import Course


class Strength(StrEnum):
    """How hard somebody tries not to be seen."""

    BLATANT = "blatant"
    MODERATE = "moderate"
    SLY = "sly"


class Label(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="fraud"):
    """One case of fraud.

    `classes` it touches, which are not honest then; `enrolments` it concerns, and `subjects`, whatever a
    finding could rightly name: classes, lessons, enrolments, vouchers, persons, trainers, the institution.
    """

    case: str
    rule: str
    strength: Strength
    how: str
    classes: Sequence[str]
    enrolments: Sequence[str]
    subjects: Sequence[str]


class ClassLabel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="class"):
    """One class: whose, with whom, and what it looks like."""

    id: str
    institution: str
    enrolments: Sequence[str]
    looks_like: Sequence[str]


class Case(NamedTuple):
    """A case of fraud with the classes made for it, as the province writes them down."""

    courses: list[Course]
    label: Label


def read_labels(path: Path) -> tuple[list[Label], list[ClassLabel]]:
    """Read a file of labels."""
    decoder = msgspec.json.Decoder(Label | ClassLabel)
    cases: list[Label] = []
    classes: list[ClassLabel] = []
    with path.open("rb") as lines:
        for line in lines:
            label = decoder.decode(line)
            if isinstance(label, Label):
                cases.append(label)
            else:
                classes.append(label)
    return cases, classes
