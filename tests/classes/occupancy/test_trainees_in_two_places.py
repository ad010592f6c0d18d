"""One person is in one place: two classes at once, or teaching the class they are taught in, are refused."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.classes.builders import DAY, SITE, Classroom, application, identity, trainer
from tests.classes.changes.test_changes import apply, decide, wanted
from tests.settlement.test_faults import before_each_call
from tests.support.people import HEFEI_SCHOOL
from tests.support.plugin import forget_what_is_known


@pytest.fixture
def second_program(world: Any) -> str:
    """Let the school teach under a second program, from which a person may have a second voucher."""
    from chalicelib.catalogue.institutions.store import InstitutionRow
    from chalicelib.catalogue.projects.store import ProjectRow
    from chalicelib.programs.service import read_program
    from chalicelib.programs.store import create_program

    first = read_program(world.program_id)
    program_id: Any = "prg_second"
    create_program(msgspec.structs.replace(first, id=program_id, version=1, last_change=None), world.change)
    programs = [world.program_id, program_id]
    InstitutionRow(HEFEI_SCHOOL).update(actions=[InstitutionRow.programs.set(programs)])
    ProjectRow(world.project_id).update(actions=[ProjectRow.programs.set(programs)])
    return str(program_id)


def class_of(world: Any, program_id: str, number: int, **changes: Any) -> Classroom:
    """Give an approved class of one trainee, person 1, under a program, in a room of its own."""
    world.program_id = program_id
    room = Classroom(
        world,
        trainers=[trainer(900 + number)],
        site={**SITE, "room": str(number)},
        program_id=program_id,
        **changes,
    ).approved()
    room.enrol(1)
    return room


def roster(room: Classroom, query: str = "") -> Any:
    return room.put_roster([{"enrolment_id": one["id"]} for one in room.enrolments], query)


def later(world: Any, span: timedelta) -> list[dict[str, Any]]:
    from datetime import datetime

    return [
        lesson
        | {
            name: (datetime.fromisoformat(lesson[name]) + span).isoformat()
            for name in ("starts_at", "ends_at")
        }
        for lesson in application(world)["lessons"]
    ]


def test_a_person_with_lessons_at_the_same_time_elsewhere_is_not_rostered(
    world: Any, second_program: str
) -> None:
    first = class_of(world, world.program_id, 1)
    assert roster(first).status == 200
    second = class_of(world, second_program, 2, lessons=later(world, timedelta(hours=7, minutes=59)))
    for query in ("?dry_run=true", ""):
        answer = roster(second, query)
        (fault,) = answer.json["errors"]
        assert (fault["code"], "2026-09-11" in fault["detail"]) == ("trainee_elsewhere", True), answer.text
    assert answer.status == 422
    assert second.read("clerk")["enrolled"] == 0


def test_of_two_rosters_of_one_second_that_take_the_same_person_one_is_refused(
    world: Any, emulator: Any, second_program: str
) -> None:
    """The other roster comes in before each call of this one in turn: never are both written."""
    if emulator is None:
        pytest.skip("tables are put back in memory only")
    first = class_of(world, world.program_id, 1)
    second = class_of(world, second_program, 2, lessons=later(world, timedelta(hours=1)))
    begun = emulator.keep()
    forget_what_is_known()
    with before_each_call(lambda _: None) as calls:
        assert roster(first).status == 200
    refusals = set()
    for number in range(1, calls[0] + 1):
        emulator.restore(begun)
        forget_what_is_known()
        others: list[Any] = []

        def act(call: int, number: int = number, others: list[Any] = others) -> None:
            if call >= number and not others:
                others.append(None)
                others[0] = roster(second)

        with before_each_call(act):
            answer = roster(first)
        assert min(answer.status, others[0].status) == 200
        assert answer.status != others[0].status, (
            f"both rosters are written, with the other before call {number}"
        )
        refusals |= {one.json["code"] for one in (answer, others[0]) if one.status != 200}
    assert refusals <= {"roster_row_unmatched", "try_again"}
    assert "try_again" in refusals, "at one point only the condition of the write knows"


def test_a_person_may_go_from_one_class_into_the_next(world: Any, second_program: str) -> None:
    first = class_of(world, world.program_id, 1)
    assert roster(first).status == 200
    second = class_of(world, second_program, 2, lessons=later(world, timedelta(hours=8)))
    assert roster(second).status == 200


def test_who_left_the_other_class_is_free(world: Any, second_program: str) -> None:
    first = class_of(world, world.program_id, 1)
    assert roster(first).status == 200
    path = f"/v1/enrolments/{first.enrolments[0]['id']}/withdraw"
    assert world.api("institution").post(path, {"reason": "转班"}, at=world.now).status == 200
    second = class_of(world, second_program, 2)
    assert roster(second).status == 200


def test_a_change_that_puts_a_person_in_two_places_is_refused(world: Any, second_program: str) -> None:
    first = class_of(world, world.program_id, 1)
    assert roster(first).status == 200
    second = class_of(world, second_program, 2, lessons=later(world, 10 * DAY))
    assert roster(second).status == 200
    refused = apply(second.refresh(), lessons=wanted(second, _0=-10 * DAY))
    assert (refused.status, refused.json["code"]) == (409, "trainees_elsewhere"), refused.text
    assert [fault["field"] for fault in refused.json["errors"]] == [second.enrolments[0]["id"]]


def test_what_came_between_an_applied_change_and_its_approval_counts(world: Any, second_program: str) -> None:
    second = class_of(world, second_program, 2, lessons=later(world, 10 * DAY))
    assert roster(second).status == 200
    waiting = apply(second.refresh(), lessons=wanted(second, _0=-10 * DAY))
    assert waiting.status == 201, waiting.text
    first = class_of(world, "prg_world", 1)
    assert roster(first).status == 200
    assert decide(second, waiting.json, "approve").json["code"] == "trainees_elsewhere"


def test_a_trainer_is_no_trainee_of_the_class(world: Any) -> None:
    person = world.person(1)
    teaches = {**identity(person), "qualification": "讲师"}
    room = Classroom(world, trainers=[teaches]).approved()
    room.enrol(1)
    answer = roster(room)
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "trainer_is_trainee"), answer.text


def test_a_trainee_does_not_become_a_trainer_of_the_class(world: Any) -> None:
    room = Classroom(world).rostered(1)
    added = apply(room, new_trainers=[{**identity(room.people[0]), "qualification": "讲师"}])
    assert (added.status, added.json["code"]) == (422, "trainer_is_trainee"), added.text
    assert [fault["field"] for fault in added.json["errors"]] == [room.enrolments[0]["id"]]
