"""Sheets of rosters and marks: all mistakes at once, forms that can be uploaded, errors given back."""

import io
from urllib.parse import urlsplit

import boto3
import pytest
from openpyxl import load_workbook

from chalicelib.sheets.content_types import CSV, XLSX
from tests.classes.builders import Classroom, csv, statuses, xlsx


def put(room, what, sheet, content_type, at=None, **query):
    query = {"version": room.version} | query
    path = f"/v1/classes/{room.id}/{what}?" + "&".join(f"{name}={value}" for name, value in query.items())
    at = at or room.world.now
    return room.api("institution").put(path, raw=sheet, content_type=content_type, at=at)


def fetch(url):
    """Read a signed link: from the emulated bucket, by its key."""
    key = urlsplit(url).path.removeprefix("/voucher-test-intake/").lstrip("/")
    bucket = boto3.client("s3", region_name="cn-north-1")
    return bucket.get_object(Bucket="voucher-test-intake", Key=key)["Body"].read()


def form(room, what, at=None, who="institution"):
    answer = room.api(who).get(f"/v1/classes/{room.id}/{what}/template", at=at or room.world.now)
    assert answer.status == 200, answer.text
    return load_workbook(io.BytesIO(fetch(answer.json["url"])))


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows_of(book):
    return [
        [cell.value for cell in row] for row in book.active.iter_rows() if any(cell.value for cell in row)
    ]


# ------------------------------------------------------------------------------------------ 12 mistakes


def off_by_one(number):
    return number[:-1] + ("1" if number[-1] != "1" else "2")


@pytest.fixture
def fifty(world):
    """A class with 50 people enrolled, six of them with something special."""
    room = Classroom(world, planned_size=50).approved()
    room.enrol(50)
    return room


@pytest.mark.parametrize(("write", "content_type"), [(xlsx, XLSX), (csv, CSV)])
def test_a_roster_of_50_rows_with_12_mistakes_gets_all_12_back_and_applies_nothing(
    fifty, world, api, write, content_type
):
    people = fifty.people
    other, elsewhere, stranger = Classroom(world).approved(), world.person(71), world.person(72)
    rostered = world.person(73)
    enrolment = world.enrolment(rostered)
    assert other.put_roster([{"enrolment_id": enrolment["id"]}]).status == 200
    world.enrolment(elsewhere, institution="institution_two")
    gone = fifty.enrolments[11]
    released = api("institution").post(f"/v1/enrolments/{gone['id']}/release", {"reason": "x"}, at=world.now)
    assert released.status == 200, released.text
    rows = [["", p.name, p.id_number, "是"] for p in people]
    rows[0][1] = "张冒名"
    rows[1][1] = ""
    rows[2][2] = ""
    rows[3][2] = off_by_one(people[3].id_number)
    rows[4][2] = "12345"
    rows[5][2] = people[5].id_number[:17] + "Y"
    rows[6] = ["", stranger.name, stranger.id_number, "是"]
    rows[7] = ["", elsewhere.name, elsewhere.id_number, "是"]
    rows[8] = ["", rostered.name, rostered.id_number, "是"]
    rows[9][3] = "也许"
    rows[10] = ["enr_aaaaaaaaaaaaaaaaaaaaaaaa", "", "", "是"]
    rows[12] = list(rows[13])
    answer = put(fifty, "roster", write(["报名编号", "姓名", "身份证号", "入班"], *rows), content_type)
    assert (answer.status, answer.json["code"]) == (422, "roster_row_unmatched"), answer.text
    faults = {(fault["row"], fault["column"], fault["code"]) for fault in answer.json["errors"]}
    assert faults == {
        (2, "姓名", "roster_row_unmatched"),
        (3, "姓名", "empty_cell"),
        (4, "身份证号", "empty_cell"),
        (5, "身份证号", "invalid_id_number"),
        (6, "身份证号", "id_number_form"),
        (7, "身份证号", "id_number_form"),
        (8, "身份证号", "roster_row_unmatched"),
        (9, "身份证号", "roster_row_unmatched"),
        (10, "身份证号", "already_rostered"),
        (11, "入班", "joins_unclear"),
        (12, "报名编号", "roster_row_unmatched"),
        (13, "身份证号", "roster_row_unmatched"),
        (15, "身份证号", "repeated_trainee"),
    }
    assert fifty.read()["version"] == fifty.version
    states = {enrolment["id"]: enrolment["status"] for enrolment in all_enrolments(api)}
    assert {states[enrolment["id"]] for enrolment in fifty.enrolments} == {"confirmed", "released"}
    back = fetch(answer.json["error_sheet"])
    if content_type == XLSX:
        lines = {
            n: [cell.value for cell in row]
            for n, row in enumerate(load_workbook(io.BytesIO(back)).active.iter_rows(), 1)
        }
    else:
        lines = {n: line.split(",") for n, line in enumerate(back.decode("utf-8-sig").splitlines(), 1)}
    assert lines[1] == ["报名编号", "姓名", "身份证号", "入班", "错误原因"]
    assert {n for n, line in lines.items() if n > 1 and line[4]} == {row for row, _, _ in faults}


def all_enrolments(api):
    items, cursor = [], None
    while True:
        page = (
            api("institution")
            .get("/v1/enrolments", {"limit": 100} | ({"cursor": cursor} if cursor else {}))
            .json
        )
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize(("write", "content_type"), [(xlsx, XLSX), (csv, CSV)])
def test_marks_of_50_rows_with_12_mistakes_get_all_12_back_and_apply_nothing(
    fifty, world, api, write, content_type
):
    answer = fifty.put_roster([{"enrolment_id": enrolment["id"]} for enrolment in fifty.enrolments])
    assert answer.status == 200, answer.text
    fifty.refresh().do("institution", "completion/submit", at=fifty.ended())
    fifty.do("clerk", "completion/approve", at=fifty.ended())
    people = fifty.people
    stranger = world.person(72)
    rows = [["", p.name, p.id_number, 70, 70] for p in people]
    rows[0][3] = 101
    rows[1][4] = -1
    rows[2][3] = "优"
    rows[3][4] = 59.5
    rows[4][3] = ""
    rows[5][1] = "张冒名"
    rows[6][1] = ""
    rows[7][2] = ""
    rows[8][2] = off_by_one(people[8].id_number)
    rows[9] = ["", stranger.name, stranger.id_number, 70, 70]
    rows[10] = ["enr_aaaaaaaaaaaaaaaaaaaaaaaa", "", "", 70, 70]
    rows[12] = list(rows[11])
    header = ["报名编号", "姓名", "身份证号", "理论成绩", "实操成绩"]
    answer = put(fifty, "scores", write(header, *rows), content_type, at=fifty.ended())
    assert (answer.status, answer.json["code"]) == (422, "scores_incomplete"), answer.text
    faults = {
        (fault["row"], fault["column"], fault["code"]) for fault in answer.json["errors"] if "row" in fault
    }
    assert faults == {
        (2, "理论成绩", "invalid_mark"),
        (3, "实操成绩", "invalid_mark"),
        (4, "理论成绩", "invalid_mark"),
        (5, "实操成绩", "invalid_mark"),
        (6, "理论成绩", "invalid_mark"),
        (7, "姓名", "score_row_unmatched"),
        (8, "姓名", "empty_cell"),
        (9, "身份证号", "empty_cell"),
        (10, "身份证号", "invalid_id_number"),
        (11, "身份证号", "score_row_unmatched"),
        (12, "报名编号", "score_row_unmatched"),
        (14, "身份证号", "repeated_trainee"),
    }
    missing = {fault["field"] for fault in answer.json["errors"] if fault["code"] == "mark_missing"}
    assert missing == {fifty.enrolments[n]["id"] for n in (9, 10, 12)}  # whom no row means
    assert {enrolment["status"] for enrolment in all_enrolments(api)} == {"rostered"}
    assert answer.json["error_sheet"]


# ------------------------------------------------------------------------------------------ forms


def test_the_rosters_form_is_prefilled_locked_and_uploaded_as_it_is(world, api):
    room = Classroom(world).approved()
    room.enrol(3)
    book = form(room, "roster")
    lines = rows_of(book)
    assert lines[0] == ["报名编号", "姓名", "身份证号", "入班"]
    assert {line[0] for line in lines[1:]} == {enrolment["id"] for enrolment in room.enrolments}
    assert all("*" in line[1] and "*" in line[2] and line[3] == "是" for line in lines[1:])
    sheet = book.active
    assert sheet.protection.sheet
    assert [sheet.cell(1, n).protection.locked for n in (1, 2, 3, 4)] == [True] * 4
    assert [sheet.cell(2, n).protection.locked for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert sheet.cell(5, 2).protection.locked is False
    choices = [(rule.type, rule.formula1) for rule in sheet.data_validations.dataValidation]
    assert choices == [("list", '"是,否"')]
    assert sheet.cell(2, 3).number_format == "@"
    sheet.cell(3, 4).value = "否"
    stays_out = sheet.cell(3, 1).value
    by_hand = world.person(60)
    world.enrolment(by_hand)
    sheet.cell(5, 2).value, sheet.cell(5, 3).value = by_hand.name, by_hand.id_number
    answer = put(room, "roster", saved(book), XLSX)
    assert (answer.status, answer.json["accepted"]) == (200, 3), answer.text
    assert statuses(api)[stays_out] == "confirmed"
    again = put(room.refresh(), "roster", saved(form(room, "roster")), XLSX)
    assert (again.status, again.json["accepted"]) == (200, 4), again.text


def test_the_form_of_marks_is_prefilled_limited_and_uploaded_filled_in(world, api):
    room = Classroom(world).completed(2)
    book = form(room, "scores", at=room.ended())
    sheet = book.active
    assert rows_of(book)[0] == ["报名编号", "姓名", "身份证号", "理论成绩", "实操成绩"]
    limits = {(rule.type, rule.formula1, rule.formula2) for rule in sheet.data_validations.dataValidation}
    assert limits == {("whole", "0", "100")}
    assert [sheet.cell(2, n).protection.locked for n in range(1, 6)] == [True, True, True, False, False]
    empty = put(room, "scores", saved(book), XLSX, at=room.ended())
    assert (empty.status, empty.json["code"]) == (422, "scores_incomplete")
    for row in (2, 3):
        sheet.cell(row, 4).value, sheet.cell(row, 5).value = 60 + row, 70
    answer = put(room, "scores", saved(book), XLSX, at=room.ended())
    assert (answer.status, answer.json["passed"]) == (200, 2), answer.text
    room.refresh()
    filled = form(room, "scores", at=room.ended())
    assert sorted(line[3] for line in rows_of(filled)[1:]) == [62, 63]
    swapped = filled.active
    swapped.cell(2, 2).value = "张冒名"
    belied = put(room, "scores", saved(filled), XLSX, at=room.ended(), reason="x")
    assert [(e["row"], e["column"]) for e in belied.json["errors"] if "row" in e] == [(2, "姓名")]


def test_an_error_sheet_is_corrected_and_uploaded_again(world, api):
    room = Classroom(world).approved()
    room.enrol(2)
    first, second = room.people
    sheet = xlsx(["姓名", "身份证号"], [first.name, first.id_number], [], ["@张冒名", second.id_number])
    answer = put(room, "roster", sheet, XLSX)
    assert answer.status == 422
    book = load_workbook(io.BytesIO(fetch(answer.json["error_sheet"])))
    assert [cell.value for cell in book.active[4]][:2] == ["@张冒名", second.id_number]
    assert book.active.cell(4, 3).value.startswith("姓名：")
    book.active.cell(4, 1).value = second.name
    right = put(room, "roster", saved(book), XLSX)
    assert (right.status, right.json["accepted"]) == (200, 2), right.text


def test_a_dry_run_gives_the_error_sheet_and_applies_nothing(world):
    room = Classroom(world).approved()
    room.enrol(1)
    sheet = csv(["姓名", "身份证号"], [room.people[0].name, room.people[0].id_number], ["无名", "1"])
    answer = put(room, "roster", sheet, CSV, dry_run="true")
    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert "错误原因" in fetch(answer.json["error_sheet"]).decode("utf-8-sig")
    assert room.read()["version"] == room.version


def test_forms_are_refused_where_nothing_can_be_uploaded(world, api):
    room = Classroom(world)
    path = f"/v1/classes/{room.id}"
    assert api("institution").get(f"{path}/roster/template").json["code"] == "class_not_approved"
    assert api("institution").get(f"{path}/scores/template").json["code"] == "wrong_state"
    assert api("clerk").get(f"{path}/scores/template").status == 403
    assert api("institution_two").get(f"{path}/roster/template").status == 404
