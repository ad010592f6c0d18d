"""What phones tell of a place: how far off they are, and how far off they say they are.

After what was measured of phones (Zandbergen 2009, Merry & Bettinger 2019): satellites give some metres in
the open and 8-30 m at and in buildings, with a long tail; networks' positions are those of access points,
20-70 m off for everybody in the building alike, and given from a cache they are the same to the last digit;
a cell's are some hundred metres off. The accuracy a phone tells is a radius of about two in three fixes.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from chalicelib.supervision.records.model import Position
from infra.province.ground import METRES_A_DEGREE, City, Site, key

_RAYLEIGH_68 = 1.51  # the 68th percentile of a Rayleigh distribution, in units of its sigma
_SAME_FIX_FOR = timedelta(hours=3)
_RADIUS_M, _ALLOWANCE_M, _ACCURACY_MAX_M = 200.0, 100.0, 1000.0


@dataclass
class Phone:
    """A device: how it finds where it is, how many digits it tells, over which network it speaks."""

    key: str
    coord_system: str
    digits: int
    provider: str
    habit_m: float
    on_campus_network: bool
    carrier: str
    clock_off: timedelta = timedelta()
    last: tuple[str, datetime, Position] | None = None


def make_phone(rng: Random, gateways: list[str]) -> Phone:
    """Make a phone as people have them."""
    provider = rng.choices(("gps", "wifi", "cached"), (72, 18, 10))[0]
    return Phone(
        key=key(rng, "d"),
        coord_system="gcj02" if rng.random() < 0.25 else "wgs84",
        digits=rng.choices((5, 6, 9), (8, 62, 30))[0],
        provider=provider,
        habit_m=rng.lognormvariate(math.log(14), 0.5)
        if provider == "gps"
        else rng.choice((20, 30, 35, 40, 65)),
        on_campus_network=rng.random() < 0.6,
        carrier=rng.choice(gateways),
        clock_off=timedelta(seconds=rng.gauss(0, 2) if rng.random() < 0.96 else rng.gauss(0, 900)),
    )


class Air:
    """What the air of one site is like: where its access points are taken to be, and what caches answer."""

    def __init__(self, rng: Random, site: Site) -> None:
        east, north = site.building_m
        self.site = site
        self.points_m = [
            (east + rng.gauss(0, 18), north + rng.gauss(0, 18)) for _ in range(rng.randint(1, 3))
        ]
        self._rng = rng
        self._cached: dict[int, tuple[float, float]] = {}

    def cached(self, at: datetime) -> tuple[float, float]:
        """Give what a provider answers from its cache that week, to everybody in the building."""
        week = at.toordinal() // 7
        if week not in self._cached:
            east, north = self._rng.choice(self.points_m)
            self._cached[week] = (east + self._rng.gauss(0, 3), north + self._rng.gauss(0, 3))
        return self._cached[week]


def _placed(phone: Phone, site: Site, east_m: float, north_m: float, accuracy_m: float) -> Position:
    lng, lat = site.around(east_m, north_m, phone.coord_system)
    return Position(
        lng=round(lng, phone.digits),
        lat=round(lat, phone.digits),
        accuracy_m=accuracy_m,
        coord_system=phone.coord_system,
        mocked=False,
    )


def fix(rng: Random, phone: Phone, air: Air, at: datetime, *, away_m: float = 0.0) -> Position:
    """Find where the phone is, as it would tell; `away_m` is how far its holder really is from the room."""
    site = air.site
    if (
        phone.last
        and phone.last[0] == site.name
        and at - phone.last[1] < _SAME_FIX_FOR
        and rng.random() < 0.12
    ):
        return phone.last[2]
    east, north = site.building_m
    if away_m:
        turn = rng.uniform(0, 2 * math.pi)
        east, north = east + away_m * math.cos(turn), north + away_m * math.sin(turn)
    chance = rng.random()
    if chance < 0.012:
        accuracy = round(rng.lognormvariate(math.log(350), 0.6), 1)
        spread = accuracy / _RAYLEIGH_68 * 0.7
        place = _placed(phone, site, east + rng.gauss(0, spread), north + rng.gauss(0, spread), accuracy)
    elif phone.provider == "cached" and not away_m and chance < 0.8:
        place = _placed(phone, site, *air.cached(at), phone.habit_m)
    elif phone.provider == "wifi" and not away_m:
        off_east, off_north = air.points_m[hash_of(phone.key) % len(air.points_m)]
        spread = phone.habit_m / 5
        place = _placed(
            phone, site, off_east + rng.gauss(0, spread), off_north + rng.gauss(0, spread), phone.habit_m
        )
    else:
        habit = phone.habit_m if phone.provider == "gps" else 16.0
        accuracy = max(3.0, round(rng.lognormvariate(math.log(habit), 0.35), 1))
        spread = accuracy / _RAYLEIGH_68 * (1.0 if chance < 0.97 else rng.uniform(2, 6))
        place = _placed(phone, site, east + rng.gauss(0, spread), north + rng.gauss(0, spread), accuracy)
    phone.last = (site.name, at, place)
    return place


def hash_of(text: str) -> int:
    """Give a number that follows from a key and is the same in each run."""
    return int(text[-6:], 16)


def elsewhere(rng: Random, phone: Phone, city: City, *, spread_km: float = 5) -> Position:
    """Give a stale position: where the phone was before it came here."""
    return Position(
        lng=round(city.lng + rng.gauss(0, spread_km / 95), phone.digits),
        lat=round(city.lat + rng.gauss(0, spread_km / 111), phone.digits),
        accuracy_m=round(rng.uniform(20, 80), 1),
        coord_system=phone.coord_system,
        mocked=False,
    )


class Verdict(NamedTuple):
    """What the service says of a place."""

    outcome: str
    reason: str | None


def judged(place: Position, site: Site) -> Verdict:
    """Judge as the design's geofence does: radius and told accuracy, which counts up to 100 m."""
    lng, lat = site.gcj02 if place.coord_system == "gcj02" else site.wgs84
    away_m = math.hypot(
        (place.lng - lng) * METRES_A_DEGREE * math.cos(math.radians(lat)), (place.lat - lat) * METRES_A_DEGREE
    )
    accuracy_m = place.accuracy_m or 0.0
    if away_m > (site.radius_m or _RADIUS_M) + min(accuracy_m, _ALLOWANCE_M):
        return Verdict("refused", "outside_site")
    if accuracy_m > _ACCURACY_MAX_M:
        return Verdict("refused", "accuracy_too_low")
    return Verdict("needs_review" if accuracy_m > _ALLOWANCE_M else "accepted", None)


@dataclass
class Person:
    """A graduate: keys only, a phone, habits."""

    key: str
    phone_key: str
    account_key: str
    birth_year: int
    city: City
    division: str
    phone: Phone
    early_min: float
    attendance: float
    skill: float
    programs: set[str] = field(default_factory=set)
    learnt: set[tuple[str, int]] = field(default_factory=set)
    has_standing: bool = False


def make_person(rng: Random, city: City, gateways: list[str]) -> Person:
    """Make somebody: most come ten minutes early and miss little, some come when they like."""
    lax = rng.random() < 0.07
    return Person(
        key=key(rng, "p"),
        phone_key=key(rng, "h"),
        account_key=key(rng, "b"),
        birth_year=rng.choices(range(1996, 2006), (1, 1, 2, 3, 5, 9, 12, 12, 8, 3))[0],
        city=city,
        division=rng.choice(city.counties),
        phone=make_phone(rng, gateways),
        early_min=max(-6.0, rng.gauss(11, 7)),
        attendance=rng.uniform(0.45, 0.8) if lax else min(1.0, rng.betavariate(30, 1.6)),
        skill=rng.gauss(-1.2 if lax else 0, 1),
    )
