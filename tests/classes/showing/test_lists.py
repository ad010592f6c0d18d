"""Lists of classes: each caller sees their own."""

from tests.classes.builders import Classroom


def test_each_caller_lists_their_own_classes(world, api):
    room = Classroom(world)
    listed = {
        who: [item["id"] for item in api(who).get("/v1/classes").json["items"]]
        for who in ("institution", "institution_two", "clerk", "clerk_wuhu", "province")
    }
    mine = [room.id]
    assert listed == {
        "institution": mine, "institution_two": [], "clerk": mine, "clerk_wuhu": [], "province": mine,
    }  # fmt: skip
    assert [
        item["id"] for item in api("clerk").get("/v1/classes", {"division": "340111"}).json["items"]
    ] == mine
    assert api("clerk").get("/v1/classes", {"division": "340102"}).json["items"] == []
    assert api("clerk").get("/v1/classes", {"division": "3402"}).status == 404
    assert api("clerk").get("/v1/classes", {"division": "9999"}).status == 400
    assert api("clerk").get("/v1/classes", {"status": "approved"}).json["items"] == []
    assert api("clerk").get("/v1/classes", {"status": "no_such"}).status == 400


def test_a_long_list_of_classes_comes_in_pages(world, api):
    ids = {Classroom(world).id for _ in range(3)}
    for who in ("institution", "province"):
        first = api(who).get("/v1/classes", {"limit": 2}).json
        rest = api(who).get("/v1/classes", {"limit": 2, "cursor": first["next"]}).json
        assert {item["id"] for item in first["items"] + rest["items"]} == ids


def test_a_trainee_sees_the_classes_they_are_rostered_in(world, api):
    room = Classroom(world).rostered(1)
    person = room.people[0]
    assert [item["id"] for item in api(person).get("/v1/classes").json["items"]] == [room.id]
    assert room.read(person)["allowed_actions"] == []
    stranger = world.person(55)
    assert api(stranger).get("/v1/classes").json["items"] == []
    assert api(stranger).get(f"/v1/classes/{room.id}").status == 404
    assert api(person).get(f"/v1/classes/{room.id}/roster").status == 403
