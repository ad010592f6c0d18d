"""The seed catalogue and the synthetic people obey the rules the service will hold them to."""

import datetime as dt
import io
import re
from collections import Counter

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from chalicelib.catalogue.institutions.model import ROOMS_USUAL
from chalicelib.kernel.calendar import add_months
from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, is_known, plausible
from chalicelib.kernel.geo import CoordSystem, Point
from chalicelib.kernel.identity import (
    InvalidIdNumber,
    parse_account_number,
    parse_contact_phone,
    parse_id_number,
    parse_phone,
    parse_uscc,
)
from chalicelib.kernel.ids import is_id
from infra.local.catalogue import INSTITUTIONS, PROGRAM, PROJECTS
from infra.local.people import (
    GRADUATE_HEADERS,
    PEOPLE_MAX,
    demo_list,
    graduate_rows,
    graduate_workbook,
    make_person,
    roster_workbook,
    score_workbook,
)

TODAY = dt.date(2026, 11, 23)
DAYS = [dt.date(2021, 7, 9), dt.date(2021, 9, 1), dt.date(2022, 2, 28), TODAY, dt.date(2028, 2, 29)]
BODY_KEYS = {
    "uscc",
    "name",
    "division",
    "address",
    "phone",
    "location",
    "programs",
    "projects",
    "bank_account",
    "rooms",
}

each_institution = pytest.mark.parametrize("institution", INSTITUTIONS, ids=lambda body: body["uscc"])
each_project = pytest.mark.parametrize("project", PROJECTS, ids=lambda body: body["id"])


@each_institution
def test_an_institution_is_a_body_the_api_takes(institution):
    assert set(institution) == BODY_KEYS
    assert set(institution["location"]) == {"lng", "lat", "coord_system"}
    assert set(institution["bank_account"]) == {"holder", "bank", "number"}
    assert 1 <= institution["rooms"] <= ROOMS_USUAL
    assert parse_uscc(institution["uscc"]) == institution["uscc"]
    assert parse_contact_phone(institution["phone"]) == institution["phone"]
    number = institution["bank_account"]["number"]
    assert parse_account_number(number) == number
    assert luhn.is_valid(number)
    assert institution["uscc"][2:8] == institution["division"]


@each_institution
def test_an_institution_lies_where_it_says(institution):
    place = institution["location"]
    point = Point(place["lng"], place["lat"], CoordSystem(place["coord_system"]))
    assert is_known(institution["division"])
    assert plausible(institution["division"], point) is True


@each_institution
def test_an_institution_teaches_projects_that_exist(institution):
    known = {project["id"] for project in PROJECTS}
    assert institution["projects"]
    assert set(institution["projects"]) <= known


def test_every_project_is_taught_somewhere():
    taught = {project for institution in INSTITUTIONS for project in institution["projects"]}
    assert taught == {project["id"] for project in PROJECTS}


def test_institutions_are_everywhere_and_distinct():
    cities = Counter(institution["division"][:4] for institution in INSTITUTIONS)
    assert len(cities) == 16
    assert cities["3401"] >= 4
    assert cities["3402"] >= 3
    assert {institution["division"] for institution in INSTITUTIONS} >= DIRECTLY_ADMINISTERED
    for key in ("uscc", "name", "address", "phone"):
        assert len({institution[key] for institution in INSTITUTIONS}) == len(INSTITUTIONS)
    systems = Counter(institution["location"]["coord_system"] for institution in INSTITUTIONS)
    assert set(systems) == set(CoordSystem)
    assert systems["gcj02"] > len(INSTITUTIONS) / 2


@each_project
def test_a_project_names_its_occupation_level_hours_and_fee(project):
    assert is_id(project["id"], "prj")
    assert re.fullmatch(r"[1-8]-\d{2}-\d{2}-\d{2}", project["occupation_code"])
    assert project["edition"] == "2022"
    assert 1 <= project["level"] <= 5
    assert project["id"].endswith(str(project["level"]))
    assert project["hours"] >= PROGRAM["policy"]["class_hours_min"]
    assert project["fee_fen"] > 0


def test_fees_lie_on_both_sides_of_the_face_value_and_one_class_fits_eight_lessons():
    face = PROGRAM["policy"]["face_value_fen"]
    fees = [project["fee_fen"] for project in PROJECTS]
    assert min(fees) < face < max(fees)
    assert 8 * 5 in {project["hours"] for project in PROJECTS}
    assert len({project["id"] for project in PROJECTS}) == len(PROJECTS)


@given(st.integers(0, PEOPLE_MAX - 1), st.sampled_from(DAYS))
def test_a_person_is_well_formed_synthetic_and_eligible(index, today):
    person = make_person(index, today=today)
    assert parse_id_number(person.id_number) == person.id_number
    assert ric.validate(person.id_number) == person.id_number  # the place existed at birth
    assert person.id_number.startswith("34")
    assert person.id_number[14:17] == "000"
    assert parse_phone(person.phone) == person.phone
    assert is_known(person.division)
    assert dt.date(2020, 6, 1) <= person.graduated_on <= person.left_school_on <= today
    assert add_months(person.left_school_on, 24) >= today
    assert person == make_person(index, today=today)


def test_four_hundred_thousand_people_have_their_own_numbers():
    assert PEOPLE_MAX >= 400_000
    some = [make_person(index) for index in range(0, PEOPLE_MAX, 31)]
    assert len({person.id_number for person in some}) == len(some)
    assert len({person.phone for person in some}) == len(some)


@pytest.mark.parametrize("index", [-1, PEOPLE_MAX])
def test_there_is_nobody_beyond_the_last(index):
    with pytest.raises(ValueError, match="people"):
        make_person(index)


def sheet(data):
    return list(openpyxl.load_workbook(io.BytesIO(data)).active.values)


def test_a_sheet_has_the_headers_of_the_api_and_numbers_as_text():
    header, *rows = sheet(graduate_workbook(graduate_rows(3, TODAY)))
    assert header == GRADUATE_HEADERS
    assert [row[1] for row in rows] == [make_person(index).id_number for index in range(3)]
    people = [make_person(index) for index in range(2)]
    assert sheet(roster_workbook(people))[0] == ("姓名", "身份证号")
    scores = sheet(score_workbook([(people[0], 81, 59.5), (people[1], 60, 60)]))
    assert scores[0] == ("姓名", "身份证号", "理论成绩", "实操成绩")
    assert scores[1][2:] == (81, 59.5)


@pytest.mark.parametrize("today", DAYS)
def test_the_demo_list_is_what_it_says(today):
    data, expected = demo_list(300, today=today)
    _, *rows = sheet(data)
    assert len(rows) == expected.total == 300
    assert expected.valid == 300 - len(expected.wrong)
    assert expected.eligible + sum(expected.ineligible.values()) == expected.valid
    assert list(expected.wrong_rows) == sorted(set(expected.wrong_rows))

    seen, wrong, refused, eligible = set(), [], Counter(), []
    for line, row in enumerate(rows, start=2):
        cells = dict(zip(GRADUATE_HEADERS, row, strict=True))
        fault = fault_in(cells, seen)
        if fault:
            wrong.append((line, fault))
            continue
        seen.add(cells["身份证号"])
        reasons = [reason for reason, holds in reasons_against(cells, today) if holds]
        assert len(reasons) <= 1
        refused.update(reasons)
        if not reasons:
            eligible.append(cells["身份证号"])
    assert wrong == [(fault.row, fault.column) for fault in expected.wrong]
    assert refused == expected.ineligible
    assert eligible == [person.id_number for person in expected.eligible_people]


def fault_in(cells, seen):
    for column, value in cells.items():
        if value is None:
            return column
    checks = {
        "毕业日期": isinstance(cells["毕业日期"], dt.datetime),
        "离校日期": isinstance(cells["离校日期"], dt.datetime),
        "身份证号": ric.is_valid(cells["身份证号"]) and cells["身份证号"] not in seen,
        "手机号": len(cells["手机号"]) == 11,
        "行政区划": is_known(cells["行政区划"]),
        "就业状态": cells["就业状态"] in {"未就业", "已就业", "升学", "参军", "创业"},
    }
    return next((column for column, right in checks.items() if not right), None)


def reasons_against(cells, today):
    yield "graduated_too_early", cells["毕业日期"].date() < dt.date(2020, 6, 1)
    yield "left_school_too_long_ago", add_months(cells["离校日期"].date(), 24) < today
    yield "not_unemployed", cells["就业状态"] != "未就业"


def test_mangled_numbers_and_wrong_check_digits_are_told_apart():
    data, expected = demo_list(today=TODAY)
    rows = sheet(data)
    codes = {}
    for fault in expected.wrong:
        if fault.kind in {"bad_check_digit", "mangled_id_number"}:
            with pytest.raises(InvalidIdNumber) as refusal:
                parse_id_number(rows[fault.row - 1][1])
            codes.setdefault(fault.kind, set()).add(refusal.value.code)
    assert codes == {"bad_check_digit": {"invalid_id_number"}, "mangled_id_number": {"id_number_mangled"}}


def test_a_list_too_short_for_every_kind_is_refused():
    with pytest.raises(ValueError, match="rows"):
        demo_list(59)
