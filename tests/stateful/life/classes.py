"""Classes in a life."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from tests.classes.builders import application
from tests.stateful.life.driver import DAY, MINUTE, PLAIN
from tests.stateful.life.lives import CHAOS, PERSON, SCHOOLS, WAITED_DAYS_MAX
from tests.stateful.life.model import CLASS_MOVES, Klass
from tests.stateful.life.vouchers import Vouchers


class Classes(Vouchers):
    """Apply, decide, roster, attend, complete, mark."""

    # ------------------------------------------------------------------------- classes

    @precondition(lambda self: len(self.life.classes) < 3)
    @rule(chaos=CHAOS, who=st.sampled_from(tuple(SCHOOLS)))
    def draft(self, chaos: Any, who: str) -> None:
        self.later()
        world = self.service.world
        world.now = self.now.replace(hour=1, minute=0, second=0, microsecond=0) + DAY
        body = application(world, name=f"第{len(self.life.classes) + 1}班")
        answer = self.service.send(chaos, who, "/v1/classes", body)
        if self.expect(None if who in self.life.suspended else True, answer):
            starts = [datetime.fromisoformat(lesson["starts_at"]) for lesson in body["lessons"]]
            ends = datetime.fromisoformat(body["lessons"][-1]["ends_at"])
            self.ids["class", len(self.life.classes)] = answer.json["id"]
            self.life.classes.append(Klass(who, starts, ends))
        self.check()

    def _class(self, place: int) -> int:
        return place % len(self.life.classes)

    @precondition(lambda self: self.life.classes)
    @rule(
        chaos=CHAOS,
        place=st.integers(0, 2),
        move=st.sampled_from(tuple(CLASS_MOVES)),
        who=st.sampled_from(("institution", "institution_two", "clerk", "clerk", "clerk_wuhu", "reviewer")),
    )
    def move(self, chaos: Any, place: int, move: str, who: str) -> None:
        number = self._class(place)
        klass = self.life.classes[number]
        self.later()
        role = "school" if who == klass.school else "clerk" if who == "clerk" else "nobody"
        allowed = self.life.may_move(number, move, role, self.now)
        if move == "cancel" and klass.starts[0] <= self.now:
            return  # an application, which has tests of its own
        path = f"/v1/classes/{self.ids['class', number]}"
        body: dict[str, Any] = {"version": self.version("clerk", path)}
        if move in ("return", "cancel", "completion/return"):
            body["reason"] = "资料不全"
        if self.expect(allowed, self.service.send(chaos, who, f"{path}/{move}", body)):
            self.life.did_move(number, move, self.now)
        self.check()

    @precondition(lambda self: self.life.classes)
    @rule(chaos=CHAOS, place=st.integers(0, 2), people=st.sets(PERSON, min_size=1))
    def roster(self, chaos: Any, place: int, people: set[int]) -> None:
        number = self._class(place)
        klass = self.life.classes[number]
        if any(("enrolment", person) not in self.ids for person in people) or self.now >= klass.starts[0]:
            return
        self.later()
        path = f"/v1/classes/{self.ids['class', number]}"
        rows = [{"enrolment_id": self.ids["enrolment", person]} for person in sorted(people)]
        body = {"version": self.version("clerk", path), "rows": rows}
        answer = self.service.send(chaos, klass.school, f"{path}/roster", body, method="PUT")
        allowed = self.life.may_roster(number, people, self.now)
        stale = answer.status == 409 and answer.json["code"] == "version_conflict" and chaos != PLAIN
        if stale and allowed:
            answer = answer.__class__(200, {}, {}, "")  # the first try was done, and its answer lost
        if self.expect(allowed, answer):
            self.life.did_roster(number, people)
        self.check()

    @precondition(lambda self: any(klass.roster for klass in self.life.classes))
    @rule(place=st.integers(0, 2), lesson=st.integers(0, 4), people=st.sets(PERSON, min_size=1), chaos=CHAOS)
    def attend(self, place: int, lesson: int, people: set[int], chaos: Any) -> None:
        """People come to a lesson that is ahead, ten minutes early; who is on no roster is turned away."""
        number = self._class(place)
        klass = self.life.classes[number]
        at = klass.starts[lesson] - 10 * MINUTE
        if at < self.now or not klass.roster or (at - self.began).days > WAITED_DAYS_MAX:
            return
        self.service.now = at
        for person in sorted(people & self.life.vouchers.keys()):
            self._come(chaos, number, lesson, person)
        self.check()

    def _come(self, chaos: Any, number: int, lesson: int, person: int) -> None:
        klass, class_id = self.life.classes[number], self.ids["class", number]
        body = {
            "kind": "in",
            "location": {
                "lng": 117.2825,
                "lat": 31.7384,
                "coord_system": "gcj02",
                "accuracy_m": 20,
                "mocked": False,
            },
            "device_id": f"phone-{person}",
            "nonce": f"check-in-of-life-{self.service.keys}",
            "happened_at": self.now.isoformat(),
        }
        path = f"/v1/lessons/les_{class_id[4:]}-{lesson + 1:02d}/check-ins"
        answer = self.service.send(chaos, self.service.world.person(person + 1), path, body)
        if self.expect(klass.status == "approved" and person in klass.roster, answer):
            klass.came.add((lesson, person))

    @precondition(lambda self: self.life.classes)
    @rule(chaos=CHAOS, place=st.integers(0, 2), failing=st.sets(PERSON, max_size=2))
    def score(self, chaos: Any, place: int, failing: set[int]) -> None:
        number = self._class(place)
        klass = self.life.classes[number]
        if klass.status in ("scored", "claimed", "closed"):
            return  # marks may be corrected, which has tests of its own
        self.later()
        path = f"/v1/classes/{self.ids['class', number]}"
        people = klass.roster or {0}
        rows = [
            {
                "enrolment_id": self.ids.get(("enrolment", one), "enr_none"),
                "theory": 40 if one in failing else 80,
                "practice": 70,
            }
            for one in sorted(people)
        ]
        body = {"version": self.version("clerk", path), "rows": rows}
        answer = self.service.send(chaos, klass.school, f"{path}/scores", body, method="PUT")
        if answer.status == 409 and chaos != PLAIN and klass.status == "completion_approved":
            assert answer.json["code"] == "version_conflict", answer.text
            answer = answer.__class__(200, {}, {}, "")
        if self.expect(klass.status == "completion_approved", answer):
            self.life.did_score(number, failing)
        self.check()
