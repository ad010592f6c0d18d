"""Marks of a project's classes: kept as classes are evaluated, once, and the same that a replay works out."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from chalicelib.classes.marks import Marks, ScoreSheet
from chalicelib.classes.scores.store import sheet_part
from chalicelib.classes.store import ClassRow
from chalicelib.kernel.ids import ClassId
from chalicelib.supervision.dossiers.service import gather
from chalicelib.supervision.dossiers.store import ClassMarksRow
from infra.export_records import export
from infra.exported import read_folder
from infra.replay import Replay
from tests.subsidies.scored import Money, scored_class
from tests.supervision.evaluations.test_paths import context_at


def mark(class_id: str, theory: list[int], at: datetime, *, version: int = 2) -> None:
    """Record marks of a class, as its second half says: practice is a little better."""
    roster = sorted(ClassRow.get(class_id, "roster").record.roster.values())
    marks = [
        Marks(
            enrolment_id=enrolment, theory=one, practice=one + place % 3, share=Decimal(1), passed=one >= 60
        )
        for place, (enrolment, one) in enumerate(zip(roster, theory, strict=True))
    ]
    sheet = ScoreSheet(
        id=ClassId(class_id),
        part=sheet_part(version),
        division="340111",
        scored_by="usr_school",
        scored_at=at,
        marks=marks,
        version=version,
    )
    ClassRow.from_record(sheet).save()


def _kept() -> list[Any]:
    return [row.record for row in ClassMarksRow.scan()]


def test_marks_are_kept_once_and_a_replay_works_out_the_same(world: Any, tmp_path: Path) -> None:
    money = Money(world)
    money.budget()
    first, second = scored_class(world, 6), scored_class(world, 6)
    mark(first, [80, 85, 77, 91, 66, 72], money.now)
    mark(second, [70, 58, 77, 81, 66, 72], money.now + timedelta(hours=1))
    context = context_at(money.now)
    for class_id in (first, second):
        gather(context, class_id)
    assert {marks.class_id for marks in _kept()} == {first, second}
    kept = sorted(_kept(), key=lambda marks: marks.class_id)
    gathered = {class_id: gather(context, class_id) for class_id in (first, second)}
    assert sorted(_kept(), key=lambda marks: marks.class_id) == kept, "again is once"
    export(tmp_path, ["34"], first=date(2026, 8, 1), last=date(2026, 12, 31), now=money.now)
    replayed = {dossier.head.id: dossier for dossier in Replay(read_folder(tmp_path)).class_dossiers()}
    last = max(kept, key=lambda marks: (marks.marked_at, marks.class_id)).class_id
    here = {marks.class_id: marks for marks in gathered[last].dossier.neighbours.marks}
    assert set(here) == {first, second}
    there = {marks.class_id: marks for marks in replayed[last].neighbours.marks}
    assert here == there


def test_a_correction_takes_the_place_of_what_was_marked(world: Any) -> None:
    money = Money(world)
    money.budget()
    class_id = scored_class(world, 6)
    context = context_at(money.now)
    mark(class_id, [80, 85, 77, 91, 66, 72], money.now)
    gather(context, class_id)
    [before] = _kept()
    mark(class_id, [80, 85, 77, 91, 66, 99], money.now + timedelta(hours=3), version=3)
    gather(context, class_id)
    [after] = _kept()
    assert (after.class_id, after.marked_at) == (class_id, before.marked_at)
    assert (before.failed, after.failed) == (0, 0)
    assert after.average > before.average
