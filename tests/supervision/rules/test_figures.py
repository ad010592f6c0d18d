"""What rules about people, devices and ways tell, to the figure, and the last case that each of them spares."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from tests.supervision.rules.exports import AS_OF, HEFEI, MONDAY, SCHOOL, WUHU, Course, Export, Row, text

MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


def told(course: Course, rule: str) -> tuple[str, str, str, list[str]]:
    [finding] = course.found(rule)
    assert (finding.rule, finding.class_id, finding.institution) == (rule, course.id, SCHOOL)
    return finding.severity.value, finding.subject.kind.value, finding.subject.id, list(finding.lines)


def under(export: Export, **thresholds: object) -> None:
    limits = msgspec.structs.replace(export.policy.supervision, **thresholds)
    export.policy = msgspec.structs.replace(export.policy, supervision=limits)


def come(row: Row, at: datetime, spot: tuple[float, float] = HEFEI, accuracy_m: float | None = 12.0) -> None:
    """Let somebody check in at a moment and a place."""
    row["received_at"] = row["happened_at"] = text(at)
    row["location"] |= {"lng": spot[0], "lat": spot[1], "accuracy_m": accuracy_m}


def of(course: Course, place: int, day: int | None = None) -> list[Row]:
    return [row for row in course.check_ins(day) if row["enrolment"] == course.enrolments[place]]


# ------------------------------------------------------------------------------- impossible_travel


class Ways:
    """One person in a class in Hefei and one in Wuhu, on as many days as there are spans."""

    def __init__(
        self, *spans: timedelta, accuracies: tuple[float | None, float | None] = (500.0, 500.0)
    ) -> None:
        export = Export()
        self.here = export.course(people=2)
        self.there = export.course(people=0, place=WUHU, from_hour=14)
        [again] = self.there.enrol([self.here.person_of(self.here.enrolments[0])])
        for day, span in enumerate(spans, start=1):
            leaves = self.here.starts(day)
            [row] = of(self.here, 0, day)
            come(row, leaves, HEFEI, accuracies[0])
            come(self.there.check_in(day, again, leaves), leaves + span, WUHU, accuracies[1])


def test_a_way_is_told_with_its_fastest_and_how_often() -> None:
    ways = Ways(20 * MINUTE, 15 * MINUTE)
    for course, line in ((ways.here, "enr_1-00"), (ways.there, "enr_2-00")):
        assert told(course, "impossible_travel") == ("hold", "enrolment", line, [line])
        [finding] = course.found("impossible_travel")
        assert dict(finding.evidence) == {
            "times": 4,
            "km": 124.5,
            "minutes": 15.0,
            "km_per_hour": 498,
            "of": ["device", "person"],
            "road_km_per_hour": 150.0,
            "train_km_per_hour": 350.0,
            "check_ins": ["chk_000002", "chk_000004", "chk_000010", "chk_000011"],
        }
        assert finding.at == ways.here.starts(2) + 15 * MINUTE


def test_a_way_that_took_no_time_has_no_speed_and_one_of_hours_has() -> None:
    [at_once] = Ways(timedelta()).here.found("impossible_travel")
    assert (at_once.evidence["km_per_hour"], at_once.evidence["minutes"]) == (None, 0.0)
    ways = Ways(30 * MINUTE)
    [by_train] = ways.here.found("impossible_travel")
    assert (by_train.severity.value, by_train.evidence["km_per_hour"]) == ("warn", 249)


def test_held_ways_are_told_without_those_that_a_train_may_have_made() -> None:
    [finding] = Ways(20 * MINUTE, 30 * MINUTE).here.found("impossible_travel")
    assert (finding.severity.value, finding.evidence["times"], finding.evidence["minutes"]) == (
        "hold",
        2,
        20.0,
    )


@pytest.mark.parametrize(
    ("accuracies", "km"),
    [((2_000.0, 1_000.0), 122.5), ((None, 1_000.0), 124.5), ((2_000.0, None), 123.5), ((0.0, None), 125.5)],
)
def test_what_the_devices_may_be_off_is_taken_away(
    accuracies: tuple[float | None, float | None], km: float
) -> None:
    [finding] = Ways(MINUTE, accuracies=accuracies).here.found("impossible_travel")
    assert finding.evidence["km"] == km


def test_two_people_in_two_places_are_no_way() -> None:
    course = Export().course(people=2)
    for day in range(course.days):
        for place, spot in enumerate((HEFEI, WUHU)):
            come(of(course, place, day)[0], course.starts(day) + place * MINUTE, spot)
    assert course.found("impossible_travel") == []


# ------------------------------------------------------------------------------------ mock_location


def mock(course: Course, place: int, *outcomes: str) -> None:
    for row, outcome in zip(of(course, place), outcomes, strict=False):
        row["location"]["mocked"], row["outcome"] = True, outcome


def test_simulated_places_are_told_by_trainee_with_those_that_were_refused() -> None:
    course = Export().course(people=3)
    mock(course, 0, "accepted", "refused", "needs_review")
    assert told(course, "mock_location") == ("hold", "enrolment", "enr_1-00", ["enr_1-00"])
    [finding] = course.found("mock_location")
    assert dict(finding.evidence) == {
        "times_counted": 2,
        "times_refused": 1,
        "trainees_of_the_class": 1,
        "mocked_times": 2,
        "mocked_people": 3,
        "check_ins": ["chk_000000", "chk_000003", "chk_000006"],
    }
    assert text(finding.at) == of(course, 0, 2)[0]["received_at"]


@pytest.mark.parametrize(
    ("outcomes", "severities"),
    [
        ([["accepted"]], ["warn"]),
        ([["accepted"], ["accepted"]], ["warn", "warn"]),
        ([["accepted"], ["accepted"], ["needs_review"]], ["hold", "hold", "hold"]),
        ([["accepted"], ["accepted"], ["refused"] * 3], ["warn", "warn", "warn"]),
        ([["accepted"], ["accepted"], ["accepted"], ["refused"] * 3], ["hold", "hold", "hold", "warn"]),
        ([["refused"] * 2], []),
        ([["refused"] * 3], ["warn"]),
        ([["refused"] * 4, ["accepted"] * 2], ["warn", "hold"]),
    ],
)
def test_one_simulated_place_is_told_and_two_or_three_people_are_grave(
    outcomes: Sequence[Sequence[str]], severities: list[str]
) -> None:
    course = Export().course(people=5)
    for place, words in enumerate(outcomes):
        mock(course, place, *words)
    assert [finding.severity.value for finding in course.found("mock_location")] == severities


def test_who_is_nobody_and_has_no_place_simulates_none() -> None:
    course = Export().course(people=1)
    mock(course, 0, *["accepted"] * 5)
    for row in course.check_ins()[:3]:
        row["enrolment"] = None
    for row in course.check_ins()[3:]:
        row["location"] = None
    assert course.found("mock_location") == []


# -------------------------------------------------------------------------- shared_phone_or_account


def share(export: Export, field: str, *groups: Sequence[int]) -> None:
    for number, group in enumerate(groups):
        for place in group:
            export.rows["people"][place][field] = f"one {number}"


def test_an_agents_number_is_told_with_whom_it_stands_for() -> None:
    export = Export()
    course = export.course(people=6)
    share(export, "phone_key", [0, 1, 2, 3])
    export.rows["rosters"][5]["added_at"] = text(MONDAY)
    lines = course.enrolments[:4]
    assert told(course, "shared_phone_or_account") == ("hold", "class", course.id, lines)
    [finding] = course.found("shared_phone_or_account")
    assert dict(finding.evidence) == {
        "what": "phone",
        "shared": 1,
        "people_at_most": 4,
        "people_of_this_class": 4,
        "phone_people": 3,
        "phone_people_held": 4,
        "phone_pairs": 3,
        "enrolments": lines,
    }
    assert finding.at == MONDAY - timedelta(days=16)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ([[0, 1]], []),
        ([[0, 1, 2]], [("warn", 1)]),
        ([[0, 1], [2, 3]], []),
        ([[0, 1], [2, 3], [4, 5]], [("warn", 3)]),
        ([[0, 1, 2], [3, 4]], [("warn", 1)]),
        ([[0, 1, 2, 3], [4, 5, 6]], [("hold", 1), ("warn", 1)]),
        ([[0, 1, 2, 3], [4, 5], [6, 7], [8, 9]], [("hold", 1), ("warn", 3)]),
        ([[0, 1, 2, 3, 4], [5, 6, 7, 8]], [("hold", 2)]),
    ],
)
def test_siblings_are_spared_three_are_told_and_four_are_grave(
    groups: Sequence[Sequence[int]], found: list[tuple[str, int]]
) -> None:
    for field in ("phone_key", "account_key"):
        export = Export()
        course = export.course(people=10)
        share(export, field, *groups)
        findings = course.found("shared_phone_or_account")
        assert [(one.severity.value, one.evidence["shared"]) for one in findings] == found
        assert {one.evidence["what"] for one in findings} <= {field.removesuffix("_key")}


def test_one_of_this_class_with_others_elsewhere_is_named_alone() -> None:
    export = Export()
    course = export.course(people=1)
    export.course(people=2, begins=MONDAY + timedelta(days=40))
    share(export, "phone_key", [0, 1, 2])
    export.rows["rosters"][0]["added_at"] = None
    assert told(course, "shared_phone_or_account") == ("warn", "enrolment", "enr_1-00", ["enr_1-00"])
    [finding] = course.found("shared_phone_or_account")
    assert (finding.evidence["people_at_most"], finding.evidence["people_of_this_class"]) == (3, 1)
    assert finding.at == course.starts(0)


def test_two_of_this_class_are_of_the_class() -> None:
    export = Export()
    course = export.course(people=2)
    export.course(people=1, begins=MONDAY + timedelta(days=40))
    share(export, "phone_key", [0, 1, 2])
    assert told(course, "shared_phone_or_account") == ("warn", "class", course.id, course.enrolments)


def test_what_others_share_among_themselves_is_no_matter_of_this_class() -> None:
    export = Export()
    course = export.course(people=1)
    export.course(people=3, begins=MONDAY + timedelta(days=40))
    share(export, "account_key", [0, 1, 2, 3])
    share(export, "phone_key", [1, 2, 3])
    [finding] = course.found("shared_phone_or_account")
    assert finding.evidence["what"] == "account"
    course.head["lessons"] = []
    export.rows["rosters"][0]["added_at"] = None
    [finding] = course.found("shared_phone_or_account")
    assert finding.at == AS_OF


# ------------------------------------------------------------------------------------ shared_device


def lend(course: Course, device: str, *uses: tuple[int, int]) -> None:
    """Let people check in with one device: each of so many by place and day."""
    for place, day in uses:
        for row in of(course, place, day):
            row["device"] = device


def test_a_drawers_phone_is_told_with_all_whom_it_served() -> None:
    course = Export().course(people=5, days=2)
    lend(course, "drawer", *[(place, day) for place in range(4) for day in range(2)])
    lines = course.enrolments[:4]
    assert told(course, "shared_device") == ("hold", "class", course.id, lines)
    [finding] = course.found("shared_device")
    check_ins = [row for row in course.check_ins() if row["device"] == "drawer"]
    assert dict(finding.evidence) == {
        "devices": 1,
        "people": 4,
        "people_on_one_day": 4,
        "uses_by_others": 6,
        "device_people": 3,
        "device_pairs": 3,
        "check_ins": [row["id"] for row in check_ins],
    }
    assert text(finding.at) == max(row["received_at"] for row in check_ins)


@pytest.mark.parametrize(
    ("uses", "severity"),
    [
        ([(0, 0), (1, 0), (2, 0)], None),
        ([(0, 0), (1, 0), (2, 0), (3, 0)], "hold"),
        ([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)], "hold"),
        ([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)], None),
        # three people, on days of their own: four uses by others, on two days, and back and forth
        ([(0, 0), (1, 1), (2, 2), (1, 3), (2, 4), (0, 5), (0, 6)], "hold"),
        ([(0, 0), (1, 1), (2, 2), (1, 3), (0, 5), (0, 6), (0, 7)], None),
        # as many uses by others, and it changed hands three times; twice
        ([(1, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (2, 6), (2, 7)], "hold"),
        ([(1, 0), (1, 1), (0, 2), (0, 3), (0, 4), (0, 5), (2, 6), (2, 7)], None),
    ],
)
def test_a_device_goes_round_from_so_many_people_uses_and_days_on(
    uses: Sequence[tuple[int, int]], severity: str | None
) -> None:
    course = Export().course(people=5, days=8)
    lend(course, "drawer", *uses)
    assert course.severity("shared_device") == severity


@pytest.mark.parametrize(("pairs", "severity"), [(1, None), (2, "warn"), (3, "hold")])
def test_pairs_are_told_from_two_and_grave_from_three_on(pairs: int, severity: str | None) -> None:
    course = Export().course(people=8, days=4)
    for pair in range(pairs):
        lend(course, f"pair {pair}", *[(2 * pair + day % 2, day) for day in range(4)])
    assert course.severity("shared_device") == severity


@pytest.mark.parametrize(
    ("uses", "is_pair"),
    [
        ([(0, 0), (1, 1), (0, 2), (1, 3)], True),
        ([(0, 0), (0, 1), (1, 2), (1, 3)], False),
        ([(0, 0), (1, 1), (0, 2), (0, 3)], False),
    ],
)
def test_a_pair_shares_a_phone_back_and_forth_on_two_days(
    uses: Sequence[tuple[int, int]], is_pair: bool
) -> None:
    course = Export().course(people=4, days=4)
    lend(course, "first", *[(place, day) for place, day in ((0, 0), (1, 1), (0, 2), (1, 3))])
    lend(course, "second", *[(place + 2, day) for place, day in uses])
    assert course.severity("shared_device") == ("warn" if is_pair else None)


def test_a_phone_lent_back_and_forth_on_one_day_of_several_lessons_is_lent() -> None:
    """Who owns it uses it on three days, the other at two lessons of one."""
    course = Export().course(people=4, days=5)
    for day, hours in ((1, 0), (2, -21), (3, -42)):
        lesson = course.head["lessons"][day]
        for name in ("starts_at", "ends_at"):
            lesson[name] = text(datetime.fromisoformat(lesson[name]) + timedelta(hours=hours))
        for row in course.check_ins(day):
            row["received_at"] = text(datetime.fromisoformat(row["received_at"]) + timedelta(hours=hours))
    for pair in range(2):
        lend(course, f"pair {pair}", *[(2 * pair + (day in (1, 3)), day) for day in range(5)])
    assert course.found("shared_device") == []


@pytest.mark.parametrize("field", ["phone_key", "account_key"])
def test_a_household_is_known_by_a_number_or_an_account_of_both(field: str) -> None:
    export = Export()
    course = export.course(people=6, days=4)
    for pair in range(2):
        lend(course, f"pair {pair}", *[(2 * pair + place, day) for place in range(2) for day in range(4)])
    export.rows["people"][0][field] = "family"
    assert course.severity("shared_device") == "warn"
    export.rows["people"][1][field] = "family"
    assert course.severity("shared_device") is None


def test_one_of_this_class_and_others_elsewhere_on_one_phone_is_named_alone() -> None:
    export = Export()
    here, there = export.course(people=1), export.course(people=3)
    for course in (here, there):
        lend(
            course,
            "drawer",
            *[(place, day) for place in range(3) for day in range(5) if place < len(course.enrolments)],
        )
    assert told(here, "shared_device") == ("hold", "enrolment", "enr_1-00", ["enr_1-00"])
    [finding] = here.found("shared_device")
    assert (finding.evidence["people"], finding.evidence["people_on_one_day"]) == (4, 4)


# ---------------------------------------------------------------------------------- repeat_subsidy


def again(export: Export, *projects: str, days: int = 30) -> list[Course]:
    """Let one person be claimed for again and again, each time in another class."""
    first = export.course(people=1)
    courses = [first]
    for number, project in enumerate(projects, start=1):
        course = export.course(
            people=0, attended=False, begins=MONDAY + timedelta(days=days * number), project=project
        )
        course.enrol([first.person_of(first.enrolments[0])])
        course.claim()
        courses.append(course)
    return courses


def test_the_second_claim_is_told_with_the_line_before_it() -> None:
    export = Export()
    first, second = again(export, "prj_1")
    assert first.found("repeat_subsidy") == []
    assert told(second, "repeat_subsidy") == ("hold", "enrolment", "enr_2-00", ["enr_2-00"])
    [finding] = second.found("repeat_subsidy")
    assert dict(finding.evidence) == {"occupation_and_level": "4-07-05-01/4", "lines": ["lin_1-00"]}
    assert text(finding.at) == export.rows["claims"][1]["submitted_at"]


def test_the_yearly_cap_is_reached_by_the_fourth_of_a_year_and_told_with_the_others() -> None:
    export = Export()
    projects = ["prj_2", "prj_3", "prj_4"]
    for number, project in enumerate(projects):
        export.rows["projects"].append({"id": project, "occupation": f"5-0{number}", "level": 4})
    courses = again(export, *projects, days=20)
    assert [course.found("repeat_subsidy") for course in courses[:3]] == [[], [], []]
    [finding] = courses[3].found("repeat_subsidy")
    assert dict(finding.evidence) == {
        "year": 2026,
        "before": 3,
        "subsidies_per_person_per_year": 3,
        "lines": ["lin_1-00", "lin_2-00", "lin_3-00"],
    }
    export.rows["claims"][3]["submitted_at"] = "2027-01-01T00:00:00+08:00"
    assert courses[3].found("repeat_subsidy") == []
    export.rows["claims"][3]["submitted_at"] = "2026-12-31T23:59:59+08:00"
    assert courses[3].severity("repeat_subsidy") == "hold"


def test_without_an_occupation_nothing_is_the_same() -> None:
    export = Export()
    export.rows["projects"].append({"id": "prj_x", "occupation": None, "level": None})
    first, second, third = again(export, "prj_x", "prj_x")
    assert [course.found("repeat_subsidy") for course in (first, second, third)] == [[], [], []]


# ------------------------------------------------------------------------------------ idle_voucher


def test_a_class_that_never_met_is_told_with_its_vouchers() -> None:
    export = Export()
    course = export.course(people=2, attended=False)
    redeemed = MONDAY - timedelta(days=16)
    assert told(course, "idle_voucher") == ("hold", "class", course.id, course.enrolments)
    [finding] = course.found("idle_voucher")
    assert dict(finding.evidence) == {
        "sign": "nobody_came",
        "vouchers": 2,
        "redeemed_first_at": text(redeemed),
        "lessons": 5,
        "first_lesson_at": text(course.starts(0)),
        "idle_days": 60,
        "unmet_days": 14,
        "parked_days": 120,
        "enrolments": course.enrolments,
    }
    assert finding.at == redeemed


@pytest.mark.parametrize(
    ("as_of_days", "begins_days", "sign"),
    [
        (14, 0, None),
        (15, 0, "nobody_came"),
        # redeemed 16 days before the Monday that everything counts from; approved with it
        (44, 500, None),
        (45, 500, "begins_too_late"),
        (44, 104, None),
        (45, 104, None),
        (45, 105, "begins_too_late"),
    ],
)
def test_a_class_may_begin_within_four_months_and_meet_within_two_weeks(
    as_of_days: int, begins_days: int, sign: str | None
) -> None:
    export = Export()
    course = export.course(people=1, attended=False, begins=MONDAY + timedelta(days=begins_days), from_hour=0)
    redeemed = text(MONDAY - timedelta(days=16))
    course.head["approved_at"] = export.rows["vouchers"][0]["redeemed_at"] = redeemed
    export.as_of = MONDAY + timedelta(days=as_of_days)
    if sign == "nobody_came":
        export.as_of = course.ends(0) + timedelta(days=14) + MOMENT
    elif begins_days == 0:
        export.as_of = course.ends(0) + timedelta(days=14)
    elif sign is not None:
        export.as_of = MONDAY + timedelta(days=44) + MOMENT
    found = course.found("idle_voucher")
    assert [finding.evidence["sign"] for finding in found] == ([sign] if sign else [])


def test_a_class_without_a_lesson_is_told_after_the_idle_days() -> None:
    export = Export()
    course = export.course(people=1, attended=False)
    course.head["lessons"] = []
    redeemed = datetime.fromisoformat(export.rows["vouchers"][0]["redeemed_at"])
    export.as_of = redeemed + timedelta(days=60)
    assert course.found("idle_voucher") == []
    export.as_of += MOMENT
    [finding] = course.found("idle_voucher")
    assert (finding.evidence["sign"], finding.evidence["first_lesson_at"]) == ("no_lessons", None)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (timedelta(60), None),
        (timedelta(60) + MOMENT, "warn"),
        (timedelta(90), "warn"),
        (timedelta(90) + MOMENT, "hold"),
    ],
)
def test_a_voucher_in_no_approved_class_is_told_after_sixty_days_and_grave_after_ninety(
    days: timedelta, severity: str | None
) -> None:
    export = Export()
    course = export.course(people=1, attended=False)
    course.head["status"] = "cancelled"
    redeemed = datetime.fromisoformat(export.rows["vouchers"][0]["redeemed_at"])
    export.as_of = redeemed + days
    found = export.findings("idle_voucher")
    assert [finding.severity.value for finding in found] == ([severity] if severity else [])
    for finding in found:
        assert (finding.subject.kind.value, finding.subject.id) == ("voucher", "vch_1-00")
        assert (finding.class_id, finding.institution, finding.lines) == (course.id, SCHOOL, ["enr_1-00"])
        assert finding.at == redeemed
        assert dict(finding.evidence) == {
            "redeemed_at": text(redeemed),
            "class_status": "cancelled",
            "idle_days": 60,
            "idle_days_held": 90,
        }


def test_a_voucher_that_names_an_enrolment_of_which_nothing_is_known_idles_too() -> None:
    export = Export()
    export.course(people=1, attended=False)
    export.rows["enrolments"].clear()
    export.rows["rosters"].clear()
    export.rows["classes"].clear()
    [finding] = export.findings("idle_voucher")
    assert (finding.lines, finding.institution, finding.class_id) == (["enr_1-00"], SCHOOL, None)
    assert finding.evidence["class_status"] is None


def test_vouchers_that_were_settled_are_not_parked() -> None:
    export = Export()
    course = export.course(people=2, attended=False)
    export.rows["vouchers"][0]["status"] = "settled"
    [finding] = course.found("idle_voucher")
    assert (finding.lines, finding.evidence["vouchers"]) == (["enr_1-01"], 1)


@pytest.mark.parametrize("status", ["released", "withdrawn", "passed", "failed"])
def test_a_voucher_whose_enrolment_is_over_does_not_idle(status: str) -> None:
    export = Export()
    course = export.course(people=1, attended=False)
    course.head["status"] = "cancelled"
    export.rows["enrolments"][0]["status"] = status
    export.as_of = AS_OF + timedelta(days=365)
    assert export.findings("idle_voucher") == []


def test_a_claim_without_its_moment_comes_before_all_and_is_told_as_of_now() -> None:
    export = Export()
    first, second = again(export, "prj_1")
    export.rows["claims"][1]["submitted_at"] = None
    assert second.found("repeat_subsidy") == []
    [finding] = first.found("repeat_subsidy")
    assert (finding.evidence["lines"], finding.lines) == (["lin_2-00"], ["enr_1-00"])
    export.rows["claims"][0]["submitted_at"] = None
    [finding] = second.found("repeat_subsidy")
    assert (finding.lines, finding.at) == (["enr_2-00"], AS_OF)
