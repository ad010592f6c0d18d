"""What tests of attendance share: classes under a policy, and what the service shows of them."""

from datetime import timedelta
from typing import Any

from tests.classes.builders import Classroom

HOURS = timedelta(hours=1)


def room_under(world: Any, trainees: int = 2, **policy: Any) -> Classroom:
    """Give a running class of a program with this policy."""
    from chalicelib.programs.service import forget_programs

    path = f"/v1/programs/{world.program_id}"
    province = world.api("province")
    program = province.get(path, at=world.now).json
    body = {"version": program["version"], "policy": program["policy"] | policy}
    answer = province.post(f"{path}/policy", body, at=world.now)
    assert answer.status == 201, answer.text
    forget_programs()
    return Classroom(world).rostered(trainees)


def recorded(
    room: Classroom, *, outcome: str = "recorded", number: int = 0, who: str = "clerk", **query: str
) -> Any:
    """List what is recorded of a lesson, or was refused at it."""
    path = f"/v1/lessons/{room.lesson(number)['id']}/check-ins"
    answer = room.api(who).get(path, {"outcome": outcome, **query}, at=room.ended())
    assert answer.status == 200, answer.text
    return answer.json["items"]


def attended(room: Classroom) -> Any:
    """Give the attendance of the class after its end."""
    answer = room.api("clerk").get(f"/v1/classes/{room.id}/attendance", at=room.ended())
    assert answer.status == 200, answer.text
    return answer.json


def mark_of(room: Classroom, place: int, number: int = 0) -> tuple[str, int]:
    """Give a trainee's mark for a lesson and the hours they have in all."""
    enrolment_id = room.enrolments[place]["id"]
    trainee = next(
        trainee for trainee in attended(room)["trainees"] if trainee["enrolment_id"] == enrolment_id
    )
    return trainee["marks"][room.lesson(number)["id"]], trainee["hours"]
