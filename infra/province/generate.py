"""`python -m infra.province.generate --classes 2000 --seed 7 --fraud 0.02 DIR`: a province as records.

Writes the files of an export (the design's page of records) into DIR, class by class, and beside it what
the rules must not see: `DIR.labels.jsonl`. The same seed gives the same bytes. What is fraud shows in no id
and in no order of lines.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from chalicelib.supervision.records.model import FILES, ExportNote, InstitutionRecord, PersonRecord, Record
from infra.province.builder import Builder, Extras
from infra.province.course import Course
from infra.province.fraud.patterns import PATTERNS
from infra.province.honest import honest
from infra.province.labels import ClassLabel, Label, Strength
from infra.province.phones import Person

_CASES_A_STRENGTH_MIN = 1
_CLASSES_A_CASE_COUNTED = 2.5
"""A case of many classes counts as this many, so that there are enough cases of it to judge a rule by."""


class Folder:
    """The open files of an export, written as classes come; nothing is kept but who was written."""

    def __init__(self, stack: ExitStack, folder: Path, labels: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files: dict[str, BinaryIO] = {
            name: stack.enter_context((folder / f"{name}.jsonl").open("wb")) for name in FILES
        }
        self.labels = stack.enter_context(labels.open("wb"))
        self.counts = dict.fromkeys(FILES, 0)
        self._encode = msgspec.json.Encoder().encode
        self._people: set[str] = set()

    def write(self, name: str, record: Record) -> None:
        """Write one line."""
        self.files[name].write(self._encode(record) + b"\n")
        self.counts[name] += 1

    def label(self, label: Label | ClassLabel) -> None:
        """Write one label."""
        self.labels.write(self._encode(label) + b"\n")

    def person(self, person: Person) -> None:
        """Write a person, once."""
        if person.key not in self._people:
            self._people.add(person.key)
            self.write(
                "people",
                PersonRecord(
                    person=person.key,
                    phone_key=person.phone_key,
                    account_key=person.account_key,
                    birth_year=person.birth_year,
                    division=person.division,
                ),
            )

    def course(self, course: Course) -> None:
        """Write a class with all that hangs on it."""
        self.write("classes", course.record())
        for trainee in course.trainees:
            self.person(trainee.person)
        told: dict[str, list[Record]] = {
            "vouchers": [*course.vouchers()],
            "enrolments": [*course.enrolments()],
            "rosters": [*course.rosters()],
            "check_ins": [*course.check_ins],
            "footage": [*course.footage],
            "scores": [*course.scores],
            "claims": [*course.claims],
        }
        for name, records in told.items():
            for record in records:
                self.write(name, record)

    def extras(self, extras: Extras) -> None:
        """Write what belongs to no class, and forget it."""
        for person in extras.people:
            self.person(person)
        for name in ("standings", "vouchers", "enrolments", "redemptions"):
            records = getattr(extras, name)
            for record in records:
                self.write(name, record)
            records.clear()
        extras.people.clear()


def plan_of_cases(builder: Builder, classes: int, fraud: float) -> list[tuple[str, Strength]]:
    """Say which cases there are."""
    cases = []
    for rule, pattern in PATTERNS.items():
        size = min(pattern.classes_a_case, _CLASSES_A_CASE_COUNTED)
        count = max(_CASES_A_STRENGTH_MIN, round(classes * fraud / size / len(Strength)))
        if fraud <= 0:
            count = 0
        cases += [(rule, strength) for strength in Strength for _ in range(count)]
    builder.rng.shuffle(cases)
    return cases


def made(builder: Builder, classes: int, fraud: float) -> Iterator[tuple[list[Course], Label | None]]:
    """Make honest classes and cases of fraud in a mixed order, until there are enough classes."""
    cases = plan_of_cases(builder, classes, fraud)
    taken = sum(PATTERNS[rule].classes_a_case for rule, _ in cases)
    chance = len(cases) / max(1.0, len(cases) + classes - taken)
    done = 0
    while cases or done < classes:
        if cases and (builder.rng.random() < chance or done >= classes):
            rule, strength = cases.pop()
            case = PATTERNS[rule].make(builder, strength)
            done += len(case.courses)
            yield case.courses, case.label
        else:
            courses = honest(builder)
            done += len(courses)
            yield courses, None


def generate(folder: Path, labels: Path, *, classes: int, seed: int, fraud: float) -> dict[str, int]:
    """Write a province; answers how many records each file has."""
    builder = Builder(seed, classes)
    with ExitStack() as stack:
        out = Folder(stack, folder, labels)
        for project in builder.projects:
            out.write("projects", project)
        for courses, label in made(builder, classes, fraud):
            if label:
                out.label(label)
            for course in courses:
                out.course(course)
                out.label(
                    ClassLabel(
                        id=course.id,
                        institution=course.school.uscc,
                        enrolments=[trainee.enrolment for trainee in course.trainees],
                        looks_like=sorted(course.looks_like),
                    )
                )
            out.extras(builder.extras)
        for school in builder.schools:
            out.write(
                "institutions",
                InstitutionRecord(
                    uscc=school.uscc,
                    name=school.name,
                    division=school.division,
                    suspended=school.suspended,
                    rooms=(school.rooms_entered or school.room_count) if school.tells_rooms else None,
                    rooms_before=school.rooms_before or None,
                ),
            )
        note = ExportNote(as_of=builder.as_of, since="2026-03-01", until="2026-12-31", divisions=["34"])
        (folder / "export.json").write_bytes(msgspec.json.encode(note) + b"\n")
        return out.counts


def labels_beside(folder: Path) -> Path:
    """Say where the labels of a province lie: beside its folder, where no reader of it meets them."""
    return folder.with_name(folder.name + ".labels.jsonl")


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="infra.province.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fraud", type=float, default=0.02, help="share of classes, for each pattern")
    parser.add_argument("--labels", type=Path, help="where to put the labels (default: DIR.labels.jsonl)")
    asked = parser.parse_args(arguments)
    labels = asked.labels or labels_beside(asked.folder)
    if labels.resolve().parent == asked.folder.resolve():
        parser.error("labels do not belong into the folder that the rules read")
    counts = generate(asked.folder, labels, classes=asked.classes, seed=asked.seed, fraud=asked.fraud)
    print(", ".join(f"{count:,} {name}" for name, count in counts.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
