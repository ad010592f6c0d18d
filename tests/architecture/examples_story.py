"""Everything the API does, done once and well: from this the examples of the document are recorded."""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from chalicelib.edge.endpoints import ENDPOINTS
from tests.accounts.builders import GOOD, HOME, activate, ask_for, numbered, refresh, sign_in
from tests.architecture.rights_world import build
from tests.attendance.footage.test_parts import FILM, put
from tests.attendance.footage.test_parts import send as send_parts
from tests.attendance.summary.test_attendance_and_footage import announce
from tests.classes.builders import Classroom, application, identity
from tests.edge.idempotency.stories import STORIES
from tests.support.examples import Recorder
from tests.support.keys import card_assertion
from tests.support.people import HEFEI_OTHER
from tests.support.plugin import forget_what_is_known

CALLERS = ("institution", "clerk", "reviewer", "finance", "supervisor", "province")

LATER = (0, 12, 40)
LISTS = (
    (None, "/v1/publicity"),
    ("clerk", "/v1/scans?outcome=refused"),
    ("clerk", "/v1/check-ins"),
    ("clerk", "/v1/make-ups"),
    ("supervisor", "/v1/vouchers"),
)
"""Read after each story, days later: what it left there."""


def tell(world: Any, emulator: Any, recorder: Recorder) -> None:
    """Tell every story from the same beginning, then read what is still unread."""
    begun = emulator.keep()
    for story in (*STORIES, *_OWN):
        emulator.restore(begun)
        forget_what_is_known()
        if story in STORIES:
            _play(story(world))
        else:
            story(world)
        for days in LATER:
            for who, path in LISTS:
                world.api(who).get(path, at=world.later(days=days))
    emulator.restore(begun)
    forget_what_is_known()
    _read_the_rest(world, recorder)


def _play(story: Any) -> None:
    use = next(story)
    number = 0
    while True:
        number += 1
        answer = use.send(f"order-20260901-{number:04}")
        try:
            use = story.send(answer)
        except StopIteration:
            return


def _read_the_rest(world: Any, recorder: Recorder) -> None:
    built = build(world)
    for endpoint in ENDPOINTS:
        case = built.cases[endpoint.method, endpoint.path]
        path = case.path + ("?" + urlencode(case.query) if case.query else "")
        for who in (*CALLERS, built.holder):
            if recorder.has_enough_of(endpoint.name):
                break
            world.api(who).send(endpoint.method, path, case.body)


# --------------------------------------------------------------------------- what no other story does


def _sign_in(world: Any) -> None:
    from chalicelib.accounts.sign_in.one_time_codes import new_totp

    name = "clerk-example"
    invited = ask_for(world.api, name)
    assert invited.status == 201, invited.text
    assert activate(world.api, name, invited.json["activation_code"]).status == 200
    signed = sign_in(world.api, name)
    assert signed.status == 200, signed.text
    assert refresh(world.api, signed.json["refresh_token"]).status == 200
    person = world.person(1)
    world.voucher(person)
    card = {"grant_type": "social_card", "assertion": card_assertion(person.id_number, person.name)}
    assert world.api().post("/v1/auth/tokens", card).status == 200
    own = card_assertion(numbered(name).id_number, numbered(name).name)
    asked = {"account": name, "password": GOOD, "assertion": own}
    offer = world.api().post("/v1/auth/totp", asked, source=HOME)
    assert offer.status == 200, offer.text
    code = new_totp(base64.b32decode(offer.json["secret"])).generate(int(time.time())).decode()
    confirmed = {"account": name, "password": GOOD, "totp": code}
    assert world.api().post("/v1/auth/totp/confirm", confirmed, source=HOME).status == 200


def _programs(world: Any) -> None:
    """A program is confirmed and signs in; its address is that of the example."""
    from tests.accounts.clients.builders import Program, confirmed, signed_in
    from tests.exchange.webhooks.builders import moved, told, told_program

    program = Program()
    confirmed(world.api, program)
    assert signed_in(world.api, program).get("/v1/me").status == 200
    told_id = told_program(world.api)
    told(world.now, moved("cls_4kq2x7m3", 3, "submitted", "approved", at=world.now))
    path = f"/v1/clients/{told_id}/webhook"
    assert world.api("institution").get(path, at=world.now).status == 200
    waits = world.api("institution").get(f"{path}/deliveries", {"state": "pending"}, at=world.now)
    assert len(waits.json["items"]) == 1


def _catalogue(world: Any) -> None:
    clerk = world.api("clerk")
    path = f"/v1/institutions/{HEFEI_OTHER}"
    shown = clerk.get(path).json
    names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
    put = clerk.put(path, {name: shown[name] for name in names})
    assert put.status == 200, put.text
    province = world.api("province")
    path = f"/v1/projects/{world.project_id}"
    shown = province.get(path).json
    names = ("name", "occupation_code", "edition", "level", "hours", "fee_fen", "programs", "version")
    put = province.put(path, {name: shown[name] for name in names})
    assert put.status == 200, put.text


def _sheets(world: Any) -> None:
    """A roster and marks as sheets of text."""
    draft = Classroom(world)
    room = Classroom(world).approved()
    room.enrol(2)
    school = world.api("institution")
    template = school.get(f"/v1/classes/{room.id}/roster/template", at=world.now)
    assert template.status == 200, template.text
    rows = [("姓名", "身份证号"), *(identity(person).values() for person in room.people)]
    _put_wrongly(world, room, rows)
    _put_sheet(world, room, "roster", rows, at=world.now)
    moved = school.put(
        f"/v1/classes/{draft.id}",
        application(world, name="互联网营销二班") | {"version": draft.version},
        at=world.now,
    )
    assert moved.status == 200, moved.text
    for place in range(len(room.people)):
        room.refresh().attend(place)
    room.do("institution", "completion/submit", at=room.ended())
    room.do("clerk", "completion/approve", at=room.ended())
    rows = [
        ("姓名", "身份证号", "理论成绩", "实操成绩"),
        *((*identity(person).values(), "81", "82") for person in room.people),
    ]
    _put_sheet(world, room, "scores", rows, at=room.ended())
    room.json = room.read(at=room.ended())
    marks = [{"enrolment_id": one["id"], "theory": 80, "practice": 82} for one in room.enrolments]
    again = room.put_scores(marks, reason="录入有误")
    assert again.status == 200, again.text
    school.get(f"/v1/classes/{room.id}/scores", at=room.ended())
    lesson = f"/v1/lessons/{room.lesson()['id']}"
    world.api("clerk").get(f"{lesson}/check-ins", at=room.ended())


def _put_wrongly(world: Any, room: Classroom, rows: list[Any]) -> None:
    """A form with two mistakes, and a sheet with two wrong rows: what refusals look like."""
    school = world.api("institution")
    wrong = {**application(world), "planned_size": "thirty", "colour": "red"}
    assert school.post("/v1/classes", wrong, at=world.now).status == 400
    header, first, second = map(list, rows)
    raw = "\n".join(",".join(row) for row in (header, [first[0], ""], [second[0], "340104"])).encode()
    path = f"/v1/classes/{room.id}/roster?version={room.read(at=world.now)['version']}"
    refused = school.send("PUT", path, None, raw=raw, content_type="text/csv", at=world.now)
    assert refused.status == 422, refused.text


def _put_sheet(world: Any, room: Classroom, kind: str, rows: list[Any], *, at: Any) -> None:
    path = f"/v1/classes/{room.id}/{kind}?version={room.read(at=at)['version']}"
    raw = "\n".join(",".join(row) for row in rows).encode()
    put = world.api("institution").send("PUT", path, None, raw=raw, content_type="text/csv", at=at)
    assert put.status == 200, put.text


def _inspected(world: Any) -> None:
    from tests.subsidies.scored import Money, scored_class

    money, class_id = Money(world), scored_class(world, 1)
    supervisor = world.api("supervisor")
    asked = {"scope": "classes", "division": "3401", "share": 1}
    drawn = money.ok(supervisor.post("/v1/inspections", asked, at=money.now))
    path = f"/v1/inspections/{drawn['id']}/entries/{class_id}"
    money.ok(supervisor.put(path, {"outcome": "in_order", "note": "到场核实"}, at=money.now))


def _filmed(world: Any) -> None:
    """A recording in parts, put together."""
    room = Classroom(world).rostered(2)
    announced = announce(room, content=FILM)
    put(send_parts(room, announced, 1, 2, 3).json["links"])
    assert send_parts(room, announced, after="complete").status == 200


_OWN: tuple[Callable[[Any], None], ...] = (_sign_in, _programs, _catalogue, _sheets, _inspected, _filmed)
