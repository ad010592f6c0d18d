"""Thresholds of supervision: from where on a pattern is told, or grave. Part of a program's policy.

No source fixes these numbers. Each is set beyond what honest classes show, and a city that knows better sets
its own; `chalicelib/supervision/rules/README.md` tells which rule reads which, and whom it spares.
"""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

People = Annotated[int, Meta(ge=2, le=1_000)]
Times = Annotated[int, Meta(ge=1, le=1_000)]
Days = Annotated[int, Meta(ge=1, le=3_650)]
Minutes = Annotated[int, Meta(ge=0, le=1_440)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]
Metres = Annotated[float, Meta(ge=0, le=100_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Marks = Annotated[float, Meta(ge=0, le=100)]
Deviations = Annotated[float, Meta(ge=0, le=20)]
KmPerHour = Annotated[float, Meta(ge=1, le=2_000)]
Factor = Annotated[float, Meta(ge=1, le=100)]
ListName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z]+(_[a-z]+)*$(?!\n)")]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers of all rules, in the order of the register. Shares lie between 0 and 1.

    The API's document does not tell what they are by default: it is public, and who knows stays below.
    """

    defaults_told: ClassVar[bool] = False

    lists_that_bar_nobody: Annotated[list[ListName], Meta(max_length=50)] = []
    """Cross-match lists that say nothing against a trainee."""

    overlap_minutes: Minutes = 5
    """Two lessons that overlap by no more than this touch: a bell rung late."""
    same_site_m: Metres = 150.0
    """Two sites nearer than this are one: an address is taken on two maps with so much difference."""

    device_people: People = 3
    """So many people on one device, on two days: a pair may be siblings, and one more borrow it once."""
    device_people_at_once: People = 4
    """So many on one day need no second one."""
    device_foreign_uses: Times = 4
    """So often a device checks in others than its owner before it counts as going round."""
    device_foreign_days: Days = 2
    """On fewer days a phone may be lent."""
    device_switches: Times = 3
    """A phone handed on changes hands once, one that goes round does it again and again."""
    device_pairs_told: Times = 2
    """So many pairs on one device each in one class are told …"""
    device_pairs: Times = 3
    """… and so many are no siblings."""

    position_people: People = 5
    """Positions of fewer people in a lesson are not compared."""
    scatter_people: People = 8
    """How people scatter is judged from so many on."""
    identical_share: Share = 0.5
    """So much of a lesson at one point; a provider that hands out a stored place does it to some."""
    identical_lessons_share: Share = 0.2
    """In so many of the lessons, and in two at least, it is grave."""
    stored_accuracy_m: Metres = 20.0
    """One point told with few accuracies, all so coarse, may be a provider's stored place …"""
    stored_share: Share = 0.9
    """… unless nearly everybody is there, twice …"""
    stored_days: Days = 8
    """… or half of a lesson is there still after so many days: providers renew what they store …"""
    stored_lessons: Times = 5
    """… or people who came so often …"""
    stored_people_share: Share = 0.35
    """… and are so many of the class …"""
    stored_times_share: Share = 0.86
    """… have it so often that it is told: phones with a stored place find their own one time in five …"""
    stored_times_share_held: Share = 0.95
    """… or hardly ever another one, which is grave."""
    scatter_m: Metres = 2.0
    """Receivers of independent phones differ by more metres than this."""
    scatter_of_accuracy: Share = 0.15
    """… and by more than this share of the accuracy that they report."""
    scatter_lessons_share: Share = 0.4
    """So many lessons with made-up scatter are grave."""

    road_km_per_hour: KmPerHour = 150.0
    """Faster than anybody drives: the design's domain page."""
    train_km_per_hour: KmPerHour = 350.0
    """Faster than any train."""
    train_boarding_minutes: Minutes = 15
    """To and from a train; with it, a journey that a train makes at `train_usual_km_per_hour` is nothing."""
    train_usual_km_per_hour: KmPerHour = 300.0
    """As fast as trains run between cities."""
    train_from_km: Annotated[float, Meta(ge=0, le=5_000)] = 50.0
    """Nearer than this nobody gains by a train."""
    travel_from_km: Annotated[float, Meta(ge=0, le=5_000)] = 5.0
    """Jumps within this are faults of a receiver."""

    small_people: People = 4
    """A class with fewer than a crowd (`scatter_people`) is judged over all its lessons, from so many on …"""
    small_check_ins: Times = 16
    """… and from so many check-ins on that show it, in half of its lessons: as many as two of a crowd."""

    mocked_times: Times = 2
    """So many simulated places of one trainee are grave; one is told."""
    mocked_people: People = 3
    """So many trainees of a class with one each are grave too."""

    burst_people: People = 8
    """Fewer arrive together by chance."""
    burst_share: Share = 0.8
    """So much of a lesson's arrivals …"""
    burst_seconds: Seconds = 30
    """… within this are told: a bus, or a script."""
    burst_people_once: People = 15
    """Fewer in one lesson were called by their teacher; they are told when it is so in …"""
    burst_lessons_share: Share = 0.5
    """… so many of the lessons, and three at least."""
    burst_seconds_scripted: Seconds = 150
    """Within this it is looked whether a script did it."""
    burst_seconds_inhuman: Seconds = 10
    """… within this, twice: no bus is left so fast."""

    footage_due_days: Days = 7
    """So long after a lesson its footage may be on its way."""
    footage_changeover_minutes: Minutes = 5
    """Gaps of no more than this are a camera's changeover, or a camera switched on late …"""
    footage_changeover_minutes_long: Minutes = 10
    """… and in long lessons of a tenth of them, up to this."""
    footage_coverage: Share = 0.9
    """A lesson is covered when so much of it is shown."""
    footage_missing_share_told: Share = 0.1
    """So much of the time of all lessons not shown is told …"""
    footage_missing_share: Share = 0.15
    """… and so much is grave; both when it is of two lessons at least: one recording may be lost."""

    early_minutes: Minutes = 10
    """Completion filed so shortly before the last lesson ends is not early."""

    marks_people: People = 8
    """Marks of fewer people may be alike by chance."""
    marks_range: Marks = 2.0
    """Marks within this range are the same: by one up and down around one figure."""
    marks_share: Share = 0.8
    """So many trainees within the range in theory and in practice are grave, in one of them are told."""
    marks_equal_share: Share = 0.6
    """So many with exactly the same two marks are grave too."""
    marks_spread: Marks = 1.5
    """A smaller standard deviation in both is told: good classes spread by more."""
    marks_drawn_people: People = 12
    """From so many on theory and practice tell of each other by more than chance."""
    marks_drawn_spread: Marks = 4.0
    """Marks that lie so close around a figure in both halves (standard deviation) …"""
    marks_drawn_agreement: Share = 0.3
    """… and agree no better than this …"""
    marks_drawn_spread_alone: Marks = 3.0
    """… or lie so close, whether they agree or not, with nobody failed, were drawn around it: told …"""
    marks_drawn_high: Marks = 88.0
    """… below this average: good classes lie close, and their marks end at a hundred."""
    marks_classes_elsewhere: Times = 8
    """Marks are compared with those of so many classes of the project, marked in the year before …"""
    marks_institutions_elsewhere: Times = 3
    """… by so many other institutions, so that nobody is measured by themselves."""
    marks_narrow_share: Share = 0.6
    """Marks that spread by no more than this share of what is usual elsewhere …"""
    marks_narrow_deviations: Deviations = 2.5
    """… and so many deviations below it are narrow."""
    marks_unrelated_deviations: Deviations = 2.0
    """Theory and practice that agree by so many standard errors less than elsewhere are unrelated."""
    marks_nobody_failed_chance: Share = 0.05
    """Nobody failed, though elsewhere so many do that this had no greater chance."""
    marks_absent_share: Share = 0.5
    """Who came to fewer hours than this was hardly there …"""
    marks_absent_people: Times = 3
    """… and so many of them with marks in the better half were marked without having learnt."""

    idle_days: Days = 60
    """A voucher that was redeemed, and then nothing: the design's domain page."""
    idle_days_held: Days = 90
    """By then it should have been given back."""
    unmet_days: Days = 14
    """So long after its first lesson an approved class to which nobody came is none."""
    parked_days: Days = 120
    """A first lesson so long after approval is none."""

    phone_people: People = 3
    """So many people of one phone or account are told: a pair may be siblings."""
    phone_people_held: People = 4
    """… and so many are grave."""
    phone_pairs: Times = 3
    """So many pairs of one phone in one class are told."""

    offline_outage_share: Share = 0.5
    """So much of a lesson recorded without a network, and the network failed; else it was single phones."""
    offline_days_alone: Days = 3
    """Who was offline on so many days on which the others got through …"""
    offline_share_alone: Share = 0.3
    """… and on so much of the days they came, leans on it: a phone has its network again the next day."""
    offline_people_told: Times = 3
    """So many who do are told: one or two may have no data …"""
    offline_people: Times = 5
    """… and so many are grave …"""
    offline_people_share: Share = 0.1
    """… if they are so much of the class."""
    offline_days: Days = 4
    """A network that failed on so many days …"""
    offline_days_share: Share = 0.25
    """… and on so much of a class's days is told …"""
    offline_days_held: Days = 6
    """… and on so many …"""
    offline_days_share_held: Share = 0.5
    """… and so much of them is grave: a school whose network stays broken calls somebody."""

    offline_arrivals: Times = 40
    """Of so many arrivals and more …"""
    offline_share: Share = 0.35
    """… so much offline is told, whoever and whenever it was: a few days without network are less …"""
    offline_share_held: Share = 0.5
    """… and so much is grave."""

    made_up_outage_share: Share = 0.5
    """So much of a day made up, and it had no network …"""
    made_up_outage_days: Days = 1
    """… and on so many days that is left aside."""
    made_up_lessons: Times = 2
    """Who made up so many lessons …"""
    made_up_lessons_share: Share = 0.1
    """… and so much of what they came to leans on it."""
    made_up_people_told: People = 3
    """So many of them are told …"""
    made_up_people: Times = 5
    """… and so many are grave …"""
    made_up_people_share: Share = 0.15
    """… if they are so much of the class."""
    made_up_arrivals: Times = 40
    """Of so many arrivals and more …"""
    made_up_share: Share = 0.05
    """… so much made up is told: honest classes have one in a hundred …"""
    made_up_share_held: Share = 0.1
    """… and so much is grave."""

    burst_capacity: Factor = 1.5
    """So many times as many lessons at once as rooms are grave; any more than rooms are told."""
    rooms_grown: Factor = 3.0
    """So many times as many lessons at once as the fewest rooms of the year before are grave, whatever rooms
    were entered since; above `burst_capacity` times they are told."""
    rooms_believed: Annotated[int, Meta(ge=1, le=1_000)] = 40
    """More lessons at once than this are told however many rooms are on record: one clerk enters them."""
    room_hours_per_day: Annotated[float, Meta(ge=1, le=24)] = 16.0
    """More hours of lessons a room and day are told: 7 to 23 o'clock without a break."""


_TOLD_BEFORE_HELD = (
    ("device_people", "device_people_at_once"),
    ("device_pairs_told", "device_pairs"),
    ("stored_times_share", "stored_times_share_held"),
    ("road_km_per_hour", "train_km_per_hour"),
    ("train_usual_km_per_hour", "train_km_per_hour"),
    ("burst_seconds_inhuman", "burst_seconds"),
    ("burst_seconds", "burst_seconds_scripted"),
    ("footage_missing_share_told", "footage_missing_share"),
    ("footage_changeover_minutes", "footage_changeover_minutes_long"),
    ("idle_days", "idle_days_held"),
    ("small_people", "scatter_people"),
    ("burst_capacity", "rooms_grown"),
    ("phone_people", "phone_people_held"),
    ("marks_drawn_spread_alone", "marks_drawn_spread"),
    ("offline_people_told", "offline_people"),
    ("offline_days", "offline_days_held"),
    ("offline_share", "offline_share_held"),
    ("offline_days_share", "offline_days_share_held"),
    ("made_up_people_told", "made_up_people"),
    ("made_up_share", "made_up_share_held"),
)
"""Of each two the first is never above the second: what is grave was told before."""


def contradictions(thresholds: Thresholds) -> list[str]:
    """Name the thresholds that lie below one that they have to reach."""
    return [
        higher
        for lower, higher in _TOLD_BEFORE_HELD
        if getattr(thresholds, lower) > getattr(thresholds, higher)
    ]
