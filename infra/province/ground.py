"""Where the synthetic province lies: its cities, its schools with their sites and rooms, what they teach.

Everything is made up but the cities: their centres are where maps put them (GCJ-02). A school's registered
point is in GCJ-02, as a clerk picks it on a map; phones tell WGS-84 or, through a map's library, GCJ-02. The
shift between the two changes by centimetres within a site, so that each site knows both of its points and
what phones say is laid out in metres around them.
"""

import math
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from chalicelib.kernel.geo import CoordSystem, Point, convert, distance_m
from chalicelib.supervision.records.model import ProjectRecord, RoomsRecord, SiteRecord

METRES_A_DEGREE = 111_320.0


class City(NamedTuple):
    """A city by its division code, with its centre in GCJ-02 and counties that really exist."""

    division: str
    name: str
    lng: float
    lat: float
    counties: tuple[str, ...]


CITIES = (
    City("3401", "合肥", 117.227, 31.821, ("340102", "340103", "340104", "340111", "340121", "340123")),
    City("3402", "芜湖", 118.433, 31.353, ("340202", "340207", "340223")),
    City("3403", "蚌埠", 117.389, 32.916, ("340302", "340303", "340304", "340321")),
    City("3404", "淮南", 117.000, 32.626, ("340402", "340403", "340421")),
    City("3405", "马鞍山", 118.507, 31.670, ("340503", "340504", "340521")),
    City("3406", "淮北", 116.798, 33.956, ("340602", "340603", "340621")),
    City("3407", "铜陵", 117.812, 30.945, ("340705", "340711")),
    City("3408", "安庆", 117.064, 30.543, ("340802", "340803", "340811", "340881")),
    City("3410", "黄山", 118.338, 29.715, ("341002", "341021")),
    City("3411", "滁州", 118.317, 32.302, ("341102", "341103", "341181", "341182")),
    City("3412", "阜阳", 115.814, 32.890, ("341202", "341203", "341221", "341282")),
    City("3413", "宿州", 116.964, 33.647, ("341302", "341321", "341322")),
    City("3415", "六安", 116.523, 31.735, ("341502", "341503", "341522")),
    City("3416", "亳州", 115.779, 33.844, ("341602", "341621", "341622")),
    City("3417", "池州", 117.491, 30.665, ("341702", "341723")),
    City("3418", "宣城", 118.759, 30.941, ("341802", "341881", "341882")),
)
# Where people are trained: by how many live there, roughly.
_WEIGHTS = (19, 8, 7, 6, 5, 4, 3, 9, 3, 8, 16, 10, 9, 10, 3, 5)

_OCCUPATIONS = (
    ("4-03-02-01", "中式烹调师"),
    ("4-03-02-05", "西式面点师"),
    ("4-10-01-02", "保育师"),
    ("4-10-01-03", "育婴员"),
    ("4-10-01-05", "养老护理员"),
    ("4-10-03-01", "美容师"),
    ("4-10-03-02", "美发师"),
    ("4-01-06-01", "电子商务师"),
    ("4-07-16-01", "客户服务管理员"),
    ("6-18-02-04", "焊工"),
    ("6-18-01-01", "车工"),
    ("6-31-01-03", "电工"),
    ("6-20-05-02", "汽车维修工"),
    ("6-29-01-01", "砌筑工"),
    ("6-05-01-02", "茶叶加工工"),
    ("4-13-05-03", "互联网营销师"),
)
_HOURS = {5: (40, 40, 48), 4: (40, 48, 56), 3: (48, 56, 64)}
_FEES_YUAN = {5: (1200, 1500, 1800, 2400), 4: (2000, 2600, 3000), 3: (3200, 4000, 5000, 6000, 6800)}

_USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def key(rng: Random, prefix: str) -> str:
    """Give an opaque key; it tells nothing of what it is for, least of all whether somebody cheats."""
    return f"{prefix}{rng.getrandbits(60):015x}"


def uscc(rng: Random, division: str) -> str:
    """Give a social credit code of GB 32100 whose check character is right."""
    body = "91" + division + "MA" + "".join(rng.choices("0123456789ABCDEFGH", k=7))
    total = sum(_USCC_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(body))
    return body + _USCC_LETTERS[-total % 31]


@dataclass(frozen=True)
class Site:
    """A place of teaching. `building_m` is where people really sit, east and north of its point."""

    name: str
    gcj02: tuple[float, float]
    wgs84: tuple[float, float]
    building_m: tuple[float, float]
    campus_network: str | None
    radius_m: float | None = 200.0

    def record(self) -> SiteRecord:
        """Give the site as it stands in the catalogue."""
        lng, lat = self.gcj02
        return SiteRecord(lng=round(lng, 6), lat=round(lat, 6), coord_system="gcj02", radius_m=self.radius_m)

    def around(self, east_m: float, north_m: float, coord_system: str) -> tuple[float, float]:
        """Give longitude and latitude of what lies so many metres east and north of the site's point."""
        lng, lat = self.gcj02 if coord_system == "gcj02" else self.wgs84
        return (
            lng + east_m / (METRES_A_DEGREE * math.cos(math.radians(lat))),
            lat + north_m / METRES_A_DEGREE,
        )


def make_site(rng: Random, city: City, name: str, *, campus: float = 0.3, spread_km: float = 7) -> Site:
    """Make a site some kilometres around the centre of a city."""
    lng = city.lng + rng.gauss(0, spread_km / 95)
    lat = city.lat + rng.gauss(0, spread_km / 111)
    phones = convert(Point(lng, lat, CoordSystem.GCJ02), CoordSystem.WGS84)
    return Site(
        name=name,
        gcj02=(lng, lat),
        wgs84=(phones.lng, phones.lat),
        building_m=(rng.gauss(0, 25), rng.gauss(0, 25)),
        campus_network=key(rng, "n") if rng.random() < campus else None,
        radius_m=rng.choice((200.0, 200.0, 200.0, 300.0, 500.0, None)),
    )


def kilometres(one: Site, other: Site) -> float:
    """Measure how far two sites are apart."""
    return (
        distance_m(
            Point(*one.wgs84, CoordSystem.WGS84),
            Point(*other.wgs84, CoordSystem.WGS84),
        )
        / 1000
    )


@dataclass
class School:
    """An institution, with how it works: cameras, who prepares its marks, whether it fills in rooms."""

    uscc: str
    name: str
    city: City
    division: str
    sites: list[Site]
    rooms: dict[str, list[str]]
    trainers: list[str]
    scanners: list[str]
    clerk: str
    office_network: str
    cameras: int
    external_footage: bool
    digests: bool
    coarse_marks: bool
    tells_rooms: bool
    suspended: bool = False
    weight: float = 1.0
    rooms_entered: int | None = None
    rooms_before: list[RoomsRecord] = field(default_factory=list)
    projects: list[ProjectRecord] = field(default_factory=list)

    @property
    def room_count(self) -> int:
        """How many rooms it has, over all its sites."""
        return sum(len(rooms) for rooms in self.rooms.values())


def make_projects(rng: Random) -> list[ProjectRecord]:
    """Make what is taught: occupations at one to three levels, each in two projects."""
    taught = [
        (occupation, level)
        for occupation, _ in _OCCUPATIONS
        for level in rng.choice(((5,), (5, 4), (5, 4, 3), (4, 3)))
        for _ in range(2)
    ]
    return [
        ProjectRecord(
            id=key(rng, "j"),
            occupation=occupation,
            level=level,
            hours=float(rng.choice(_HOURS[level])),
            fee_fen=rng.choice(_FEES_YUAN[level]) * 100,
        )
        for occupation, level in taught
    ]


def make_school(
    rng: Random,
    number: int,
    projects: list[ProjectRecord],
    *,
    rooms: int | None = None,
    sites: int | None = None,
) -> School:
    """Make an institution; most have one site, many one or two rooms, some a campus."""
    city = rng.choices(CITIES, _WEIGHTS)[0]
    division = rng.choice(city.counties)
    site_count = sites or rng.choices((1, 2, 3), (75, 20, 5))[0]
    places = [make_site(rng, city, f"{chr(65 + place)}区") for place in range(site_count)]
    per_site = {
        place.name: [f"{rng.randint(1, 5)}{room:02d}" for room in range(1, 1 + (rooms or _room_count(rng)))]
        for place in places
    }
    total = sum(map(len, per_site.values()))
    return School(
        uscc=uscc(rng, division),
        name=f"{city.name}市第{number}职业培训学校",
        city=city,
        division=division,
        sites=places,
        rooms=per_site,
        trainers=[key(rng, "t") for _ in range(total * 2 + rng.randint(1, 4))],
        scanners=[key(rng, "d") for _ in range(rng.randint(1, 3))],
        clerk=key(rng, "a"),
        office_network=key(rng, "n"),
        cameras=rng.choices((1, 2), (60, 40))[0],
        external_footage=rng.random() < 0.08,
        digests=rng.random() > 0.05,
        coarse_marks=rng.random() < 0.2,
        tells_rooms=rng.random() < 0.7,
        suspended=rng.random() < 0.02,
        weight=rng.lognormvariate(0, 0.6),
        projects=rng.sample(projects, k=min(len(projects), rng.randint(4, 12))),
    )


def _room_count(rng: Random) -> int:
    return rng.choices((1, 2, 3, 4, 6, 10), (15, 30, 25, 15, 10, 5))[0]
