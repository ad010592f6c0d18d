"""Searching institutions: by program, division and project, nearest first, page by page."""

import msgspec
import pytest

from chalicelib.kernel.geo import CoordSystem, Point, convert
from tests.support.people import HEFEI_SCHOOL

HEFEI = Point(117.28, 31.86, CoordSystem.WGS84)


def near(point=HEFEI, system=CoordSystem.WGS84):
    there = convert(point, system)
    return f"{there.lng},{there.lat},{system}"


@pytest.fixture
def many(world):
    """Forty institutions north of Hefei, some hundred metres apart, every other one in Feidong."""
    from chalicelib.catalogue.institutions import reading, store
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
