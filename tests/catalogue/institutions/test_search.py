"""Searching institutions: by program, division and project, nearest first, page by page."""

import msgspec
import pytest
from stdnum.cn.uscc import calc_check_digit

from chalicelib.catalogue.institutions import store
from chalicelib.kernel.geo import CoordSystem, Point, convert
from infra.local.catalogue import INSTITUTIONS
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL

SEEDED = (HEFEI_SCHOOL, HEFEI_OTHER, WUHU_SCHOOL)
HEFEI = Point(117.28, 31.86, CoordSystem.WGS84)


def near(point=HEFEI, system=CoordSystem.WGS84):
    there = convert(point, system)
    return f"{there.lng},{there.lat},{system}"


@pytest.fixture
def many(world):
    """Forty institutions north of Hefei, some hundred metres apart, every other one in Feidong."""
    from chalicelib.catalogue.institutions import reading
    from chalicelib.catalogue.institutions.model import Location

    school = store.find_institution(HEFEI_SCHOOL)
    for number in range(40):
        made = msgspec.structs.replace(
            school,
            uscc=f"9134MANY{number:04d}",
            division="340122" if number % 2 else "340111",
            location=Location(lng=117.28, lat=31.9 + number / 300, coord_system=CoordSystem.WGS84),
            last_change=None,
        )
        store.save_institution(made, version=None, change=world.change)
    reading.forget_institutions()


def walk(api, query):
    hits, cursor, pages = [], None, 0
    while True:
        page = api().get("/v1/institutions", query | ({"cursor": cursor} if cursor else {}))
        assert page.status == 200, page.text
        hits += page.json["items"]
        pages, cursor = pages + 1, page.json["next"]
        assert page.json["items"] or cursor is None, "no page is empty but the last"
        if cursor is None:
            return hits, pages


@pytest.mark.parametrize("system", CoordSystem)
def test_nearest_first_holds_over_all_pages_whatever_the_system(many, world, api, system):
    hits, pages = walk(api, {"near": near(system=system), "program": world.program_id, "limit": 7})
    assert pages == 7
    distances = [hit["distance_m"] for hit in hits]
    assert distances == sorted(distances)
    assert len({hit["uscc"] for hit in hits}) == len(hits) == 43
    assert all(hit["location"]["coord_system"] for hit in hits)


def test_pages_without_a_place_are_full_and_hold_each_once(many, api):
    hits, pages = walk(api, {"division": "340122", "limit": 6})
    assert [hit["division"] for hit in hits] == ["340122"] * 20
    assert (pages, len({hit["uscc"] for hit in hits})) == (4, 20)


COUNTIES = (
    "341882",
    "340111",
    "340826",
    "340122",
    "341881",
    "340803",
    "340111",
    "341882",
    "340826",
    "340202",
)
"""In no order: districts of cities, and counties that answer to the province."""


def entry_in(world, api, division, number, **known):
    """Enter an institution over HTTP, or change its entry; gives its code."""
    body = f"91340000MY{number:07d}"
    code = body + calc_check_digit(body)
    entry = {name: value for name, value in INSTITUTIONS[2].items() if name not in ("uscc", "bank_account")}
    entry |= {"division": division, "name": f"第{number}培训学校", "programs": [world.program_id], **known}
    answer = api("province").put(f"/v1/institutions/{code}", entry)
    assert answer.status == (200 if known else 201), answer.text
    return code


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_institutions_entered_in_many_counties_come_each_once_whatever_the_page(world, api, limit):
    made = [entry_in(world, api, division, number) for number, division in enumerate(COUNTIES)]
    entry_in(world, api, "341022", 3, version=1)  # it moves: the list has it there, and there alone
    stopped = {"version": 1, "reason": "核查中"}
    assert api("province").post(f"/v1/institutions/{made[5]}/suspend", stopped).status == 200
    hits, pages = walk(api, {"limit": limit})
    places = [(hit["division"], hit["uscc"]) for hit in hits]
    assert places == sorted(set(places)), "in the order of their divisions, each once"
    assert {uscc for _, uscc in places} == {*made, *SEEDED} - {made[5]}
    assert ("341022", made[3]) in places
    assert pages == -(-len(places) // limit)


@pytest.mark.parametrize("limit", [7, 100])
def test_more_institutions_than_one_read_gives_come_each_once(world, api, limit):
    school = store.find_institution(HEFEI_SCHOOL)
    made = {f"9134MANY{number:04d}": COUNTIES[number % len(COUNTIES)] for number in range(230)}
    for uscc, division in made.items():
        one = msgspec.structs.replace(school, uscc=uscc, division=division, last_change=None)
        store.save_institution(one, version=None, change=world.change)
    places = [(hit["division"], hit["uscc"]) for hit in walk(api, {"limit": limit})[0]]
    assert places == sorted(set(places))
    assert {uscc for _, uscc in places} == {*made, *SEEDED}


def test_a_radius_leaves_out_what_is_farther(many, api):
    hits, _ = walk(api, {"near": near(), "radius_m": 6000})
    assert hits
    assert max(hit["distance_m"] for hit in hits) <= 6000
    everywhere, _ = walk(api, {"near": near()})
    assert sum(hit["distance_m"] <= 6000 for hit in everywhere) == len(hits)
    bare = api().get("/v1/institutions", {"radius_m": 6000})
    assert (bare.status, bare.json["errors"][0]["code"]) == (400, "near_missing")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"program": "prg_nothing"}, "program", "unknown_program"),
        ({"project": "prj_nothing"}, "project", "unknown_project"),
        ({"division": "999999"}, "division", "unknown_division"),
        ({"near": "117.2,31.8,mars"}, "near", "wrong_type"),
        ({"near": "nan,31.8,wgs84"}, "near", "wrong_type"),
        ({"near": "117.2,31.8,wgs84", "radius_m": 0}, "radius_m", "wrong_type"),
        ({"town": "合肥"}, "town", "unknown_parameter"),
    ],
)
def test_filters_that_mean_nothing_are_refused(world, api, query, field, code):
    answer = api().get("/v1/institutions", query)
    assert answer.status == 400
    assert (field, code) in {(fault["field"], fault["code"]) for fault in answer.json["errors"]}


def test_projects_of_a_program_come_in_full_pages(world, api):
    every = api().get("/v1/projects", {"program": world.program_id}).json["items"]
    first = api().get("/v1/projects", {"program": world.program_id, "limit": 3}).json
    rest = (
        api().get("/v1/projects", {"program": world.program_id, "limit": 100, "cursor": first["next"]}).json
    )
    assert [*first["items"], *rest["items"]] == every
    assert api().get("/v1/projects", {"program": "prg_nothing"}).status == 400


def test_asking_for_the_nearest_again_reads_no_institution(many, api, monkeypatch):
    from chalicelib.catalogue.institutions import snapshot
    from chalicelib.catalogue.institutions.store import InstitutionRow

    monkeypatch.setattr(snapshot.time, "monotonic", lambda: 1000.0)
    assert walk(api, {"near": near()})[0]
    reads = []
    query = InstitutionRow.by_area.query
    monkeypatch.setattr(InstitutionRow.by_area, "query", lambda *a, **k: reads.append(a) or query(*a, **k))
    assert walk(api, {"near": near(), "limit": 5})[0]
    assert not reads
    monkeypatch.setattr(snapshot.time, "monotonic", lambda: 1000.0 + snapshot.KEPT_SECONDS)
    walk(api, {"near": near()})
    assert len(reads) == 1, "one read a few seconds, however many ask"
