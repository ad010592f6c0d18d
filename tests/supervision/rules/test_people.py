"""`ineligible_at_date`, `repeat_subsidy`, `shared_phone_or_account` and `idle_voucher`: rules about people."""

from datetime import timedelta

import msgspec
import pytest

from chalicelib.programs.model import Employment
from tests.supervision.rules.exports import AS_OF, MONDAY, Course, Export

LISTED, REPEATED, CONTACT, IDLE = (
    "ineligible_at_date",
    "repeat_subsidy",
    "shared_phone_or_account",
    "idle_voucher",
)


@pytest.fixture
def export() -> Export:
    return Export()


# ---------------------------------------------------------------------------- ineligible_at_date


def listed(course: Course, **told: object) -> None:
    person = course.person_of(course.enrolments[0])
    course.export.rows["standings"].append({"person": person, "list": "employed"} | told)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-01", None),
        (None, "2026-12-31"),
        ("2026-09-07", "2026-09-07"),
        (None, "2026-09-07"),
        ("2026-03-01T00:00:00Z", "2026-09-07T00:00:01+08:00"),
        ("2026-09-07T23:59:59+08:00", None),
    ],
)
def test_who_is_listed_on_the_first_day_is_held(export: Export, since: str | None, until: str | None) -> None:
    course = export.course()
    listed(course, **{"from": since, "until": until})

    [finding] = course.found(LISTED)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == (
        "hold",
        "enrolment",
        course.enrolments[0],
    )
    assert (finding.lines, finding.evidence["lists"]) == (course.enrolments[:1], ["employed"])


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-01", "2026-09-06"),
        ("2026-03-01", "2026-09-07T00:00:00+08:00"),
        ("2026-03-01", "2026-09-06T16:00:00Z"),
        ("2026-09-08", None),
        ("2026-09-08T00:00:00+08:00", None),
    ],
)
def test_who_is_listed_before_or_after_is_spared(export: Export, since: str, until: str | None) -> None:
    course = export.course()
    listed(course, **{"from": since, "until": until})

    assert course.found(LISTED) == []


def test_people_in_work_are_spared_where_the_program_takes_them(export: Export) -> None:
    course = export.course()
    listed(course)
    export.policy = msgspec.structs.replace(export.policy, employment=Employment.ANY)
    assert course.found(LISTED) == []

    listed(course, list="deceased")
    assert course.severity(LISTED) == "hold"


def test_who_withdrew_and_is_not_claimed_for_is_spared(export: Export) -> None:
    course = export.course(attended=False)
    listed(course)
    export.rows["rosters"][0]["withdrawn_at"] = "2026-09-07T12:00:00+08:00"
    assert course.found(LISTED) == []

    course.claim()
    assert course.severity(LISTED) == "hold"


# -------------------------------------------------------------------------------- repeat_subsidy


def claimed_again(export: Export, **told: object) -> tuple[Course, Course]:
    first = export.course()
    second = export.course(people=0, attended=False, begins=MONDAY + timedelta(days=30), **told)
    second.enrol([first.person_of(first.enrolments[0]), *export.people(9)])
    second.claim()
    return first, second


def test_the_second_claim_for_one_occupation_and_level_is_held(export: Export) -> None:
    first, second = claimed_again(export)

    assert first.found(REPEATED) == []
    [finding] = second.found(REPEATED)
    assert (finding.severity, finding.lines) == ("hold", second.enrolments[:1])
    assert finding.evidence == {"occupation_and_level": "4-07-05-01/4", "lines": ["lin_1-00"]}


@pytest.mark.parametrize("level", ["4", " 4 ", "四级", "四级/中级工", "中级工"])
def test_a_level_in_words_is_the_same_level(export: Export, level: str) -> None:
    export.rows["projects"].append({"id": "prj_2", "occupation": "4-07-05-01", "level": level})
    _, second = claimed_again(export, project="prj_2")

    assert second.severity(REPEATED) == "hold"


def test_another_level_is_spared(export: Export) -> None:
    export.rows["projects"].append({"id": "prj_2", "occupation": "4-07-05-01", "level": "三级"})
    _, second = claimed_again(export, project="prj_2")

    assert second.found(REPEATED) == []


@pytest.mark.parametrize("status", ["returned", "rejected"])
def test_a_claim_that_came_to_nothing_does_not_count(export: Export, status: str) -> None:
    _, second = claimed_again(export)
    export.rows["claims"][0]["status"] = status

    assert second.found(REPEATED) == []


def test_a_payment_taken_back_does_not_count(export: Export) -> None:
    _, second = claimed_again(export)
    export.rows["claims"][0]["lines"][0]["status"] = "reversed"

    assert second.found(REPEATED) == []


def test_one_person_twice_in_one_claim_is_held_once(export: Export) -> None:
    course = export.course()
    lines = export.rows["claims"][0]["lines"]
    lines[1]["person"] = lines[0]["person"]

    assert [finding.lines for finding in course.found(REPEATED)] == [[course.enrolments[1]]]


def test_a_fourth_subsidy_of_a_year_is_held(export: Export) -> None:
    for number in range(2, 6):
        export.rows["projects"].append({"id": f"prj_{number}", "occupation": f"4-0{number}", "level": 4})
    person = export.people(1)
    courses = []
    for number in range(1, 6):
        begins = MONDAY + timedelta(days=25 * number)
        course = export.course(people=0, attended=False, project=f"prj_{number}", begins=begins)
        course.enrol(person)
        course.claim()
        courses.append(course)

    assert [course.severity(REPEATED) for course in courses] == [None, None, None, "hold", None]
    assert export.rows["claims"][4]["submitted_at"].startswith("2027")


# ------------------------------------------------------------------------ shared_phone_or_account


def share(export: Export, count: int, field: str = "phone_key", key: str = "agent") -> None:
    for row in export.rows["people"][:count]:
        row[field] = key


@pytest.mark.parametrize("field", ["phone_key", "account_key"])
def test_one_phone_or_account_for_four_is_held(export: Export, field: str) -> None:
    course = export.course()
    share(export, 4, field)

    [finding] = course.found(CONTACT)
    assert (finding.severity, finding.subject.id, finding.lines) == ("hold", course.id, course.enrolments[:4])


def test_one_phone_for_three_is_told(export: Export) -> None:
    course = export.course()
    share(export, 3)

    assert course.severity(CONTACT) == "warn"


def test_one_phone_spread_over_six_classes_is_held_in_each(export: Export) -> None:
    courses = [export.course() for _ in range(6)]
    for course in courses:
        person = course.person_of(course.enrolments[0])
        next(row for row in export.rows["people"] if row["person"] == person)["phone_key"] = "agent"

    assert [course.found(CONTACT)[0].lines for course in courses] == [
        course.enrolments[:1] for course in courses
    ]


def test_siblings_with_one_phone_are_spared(export: Export) -> None:
    course = export.course()
    share(export, 2)

    assert course.found(CONTACT) == []


def test_pairs_all_over_a_class_are_told(export: Export) -> None:
    course = export.course()
    for pair in range(6):
        for row in export.rows["people"][2 * pair : 2 * pair + 2]:
            row["phone_key"] = f"agent {pair}"

    assert course.severity(CONTACT) == "warn"


def test_unknown_phones_are_nobody_s(export: Export) -> None:
    course = export.course()
    share(export, 12, key="")
    share(export, 12, field="account_key", key="")

    assert course.found(CONTACT) == []


# ----------------------------------------------------------------------------------- idle_voucher


def redeemed(export: Export, days: int, **told: object) -> None:
    at = (AS_OF - timedelta(days=days)).isoformat()
    export.rows["vouchers"].append(
        {"id": "vch_x", "person": "prs_x", "status": "redeemed", "redeemed_at": at, "enrolment": "enr_x"}
        | told
    )
    export.rows["enrolments"].append(
        {"id": "enr_x", "voucher": "vch_x", "person": "prs_x", "institution": "school", "status": "confirmed"}
    )


@pytest.mark.parametrize(("days", "severity"), [(61, "warn"), (91, "hold")])
def test_a_voucher_in_no_class_is_idle(export: Export, days: int, severity: str) -> None:
    redeemed(export, days)

    [finding] = export.findings(IDLE)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == (severity, "voucher", "vch_x")
    assert (finding.class_id, finding.institution, finding.lines) == (None, "school", ["enr_x"])


@pytest.mark.parametrize("status", ["draft", "submitted", "returned", "cancelled"])
def test_a_voucher_in_a_class_that_was_not_approved_is_idle(export: Export, status: str) -> None:
    course = export.course(people=0, attended=False)
    course.head["status"] = status
    redeemed(export, 100)
    export.rows["enrolments"][0]["class"] = course.id

    [finding] = export.findings(IDLE)
    assert (finding.subject.id, finding.class_id) == ("vch_x", course.id)


def test_a_voucher_redeemed_lately_settled_or_given_back_is_spared(export: Export) -> None:
    redeemed(export, 59)
    redeemed(export, 100, id="vch_y", status="settled", enrolment="enr_y")
    redeemed(export, 100, id="vch_z", status="claimed", redeemed_at=None, enrolment=None)

    assert export.findings(IDLE) == []


def test_a_voucher_is_found_in_its_class_by_what_names_it(export: Export) -> None:
    """The voucher names no enrolment, or the enrolment no class: the other side tells it."""
    export.course()
    for row in export.rows["vouchers"][:6]:
        row["enrolment"] = None
    for row in export.rows["enrolments"][3:9]:
        row["class"] = None

    assert export.findings(IDLE) == []


def waiting_class(export: Export, **told: object) -> Course:
    course = export.course(people=0, attended=False, **told)
    course.head |= {"status": "approved", "completion_submitted_at": None, "scored_at": None}
    course.enrol(export.people(12))
    return course


def test_vouchers_parked_in_a_class_to_which_nobody_came_are_held(export: Export) -> None:
    course = waiting_class(export)

    [finding] = course.found(IDLE)
    assert (finding.severity, finding.subject.id, finding.lines) == ("hold", course.id, course.enrolments)
    assert finding.evidence["sign"] == "nobody_came"


def test_vouchers_parked_in_a_class_without_lessons_are_held(export: Export) -> None:
    course = waiting_class(export)
    course.head["lessons"] = []

    assert course.severity(IDLE) == "hold"


def test_vouchers_parked_in_a_class_far_ahead_are_held(export: Export) -> None:
    course = waiting_class(export, begins=AS_OF + timedelta(days=60))
    course.head["approved_at"] = (AS_OF - timedelta(days=90)).isoformat()
    for row in export.rows["vouchers"]:
        row["redeemed_at"] = (AS_OF - timedelta(days=95)).isoformat()

    assert course.severity(IDLE) == "hold"


def test_a_class_that_begins_soon_is_spared(export: Export) -> None:
    course = waiting_class(export, begins=AS_OF + timedelta(days=20))
    for row in export.rows["vouchers"]:
        row["redeemed_at"] = (AS_OF - timedelta(days=70)).isoformat()

    assert course.found(IDLE) == []


def test_a_first_lesson_lost_last_week_is_spared(export: Export) -> None:
    course = waiting_class(export, begins=AS_OF - timedelta(days=8), days=20)

    assert course.found(IDLE) == []


def test_a_class_that_met_is_spared(export: Export) -> None:
    course = waiting_class(export)
    row = course.check_in(0, course.enrolments[0], course.starts(0))
    row |= {"made_up": True, "location": None}

    assert course.found(IDLE) == []
