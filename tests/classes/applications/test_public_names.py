"""What is shown of a class to everybody names nobody and carries nobody's number."""

from tests.classes.builders import Classroom, application, identity, trainer


def test_a_class_is_not_named_after_a_trainer(world, api):
    name = trainer()["name"]
    spaced = name[0] + " " + name[1:]
    for title in (f"{name}营销班", f"营销班（{spaced}老师）"):
        answer = api("institution").post("/v1/classes", application(world, name=title), at=world.now)
        assert (answer.status, answer.json["code"]) == (422, "name_in_public_text"), title
        assert [fault["field"] for fault in answer.json["errors"]] == ["name"]
    room = Classroom(world)
    body = application(world, name=f"{name}班") | {"version": room.version}
    assert api("institution").put(f"/v1/classes/{room.id}", body, at=world.now).status == 422


def test_a_number_in_the_name_of_a_class_is_masked(world):
    assert Classroom(world, name="一班 138-0013-8000").json["name"] == "一班 *******8000"
    assert (
        Classroom(world, name="二班 ３４０１１１１９９８０１０１０００１").json["name"]
        == "二班 **************0001"
    )
    assert Classroom(world, name="三班 2026-09-11").json["name"] == "三班 2026-09-11"


def test_nobody_is_put_on_the_roster_of_a_class_that_is_named_after_them(world):
    person = world.person(1)
    room = Classroom(world, name=f"{person.name}等人班").approved()
    room.enrol(2)
    rows = [identity(one) for one in room.people]
    refused = room.put_roster(rows)
    assert (refused.status, refused.json["code"]) == (422, "roster_row_unmatched")
    assert [(fault["row"], fault["code"]) for fault in refused.json["errors"]] == [(1, "name_in_public_text")]
    assert room.put_roster(rows[1:]).status == 200


def test_reasons_lose_the_numbers_of_people_before_they_are_kept(world, api):
    room = Classroom(world).do("institution", "submit")
    room.do("clerk", "return", {"reason": "教师身份证 34011119980101000X 与电话 13800138000 不符"})
    assert room.json["return_reason"] == "教师身份证 **************000X 与电话 *******8000 不符"
