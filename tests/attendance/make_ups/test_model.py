"""Make-ups by themselves, without any table: how they are named, how much may be, who decides."""

from decimal import Decimal

import msgspec
import pytest

from chalicelib.attendance.make_ups.model import MakeUpKind, MakeUpStatus, hours_max, make_up_key, why_not
from chalicelib.classes.model import ClassStatus
from tests.attendance.plain import WANG, asked, class_of, lesson

LESSON = lesson(1, hours=8)
ROOM = class_of(LESSON)
WAITING = asked(LESSON, WANG, status=MakeUpStatus.REQUESTED)


def told(action="approve", make_up=WAITING, *, room=ROOM, who="acc_clerk_two", version=None):
    refusal = why_not(action, make_up, room, hands={who}, version=version)
    return None if refusal is None else refusal.code


def test_a_request_is_named_by_its_class_lesson_and_person():
    assert WAITING.id == "mkp_plain-001wang"
    assert (WAITING.lesson_id, WAITING.person_key) == (LESSON.id, WANG)
    assert make_up_key(WAITING.id) == ("cls_plain", "01#prs_wang")
    assert make_up_key("mkp_plain-123wang") == ("cls_plain", "123#prs_wang")


@pytest.mark.parametrize(
    "make_up_id",
    [
        "chk_plain-001wang",
        "mkp_plain-0x1wang",
        "mkp_plain-001",
        "mkp_plain-01",
        "mkp_plain",
        "",
        "mkp_plain-٠٠١wang",
    ],
)
def test_an_id_of_another_form_names_no_request(make_up_id):
    assert make_up_key(make_up_id) is None


def test_a_share_of_the_hours_may_be_made_up_in_whole_hours():
    assert hours_max(class_of(lesson(1, hours=40))) == 8
    assert hours_max(class_of(lesson(1, hours=39))) == 7
    assert hours_max(class_of(lesson(1, hours=40), make_up_share_max=Decimal(0))) == 0


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_request_is_decided_once_by_who_had_no_hand_in_it_while_the_class_runs(action):
    assert told(action) is None
    assert told(action, who="acc_school") == "self_approval", "who asked"
    filed = msgspec.structs.replace(ROOM, submitted_by="acc_filed")
    assert told(action, room=filed, who="acc_filed") == "self_approval", "who prepared the class"
    for status in (MakeUpStatus.APPROVED, MakeUpStatus.REJECTED):
        assert told(action, asked(LESSON, WANG, MakeUpKind.EXCUSE, status)) == "wrong_state"
    assert told(action, version=2) == "version_conflict"
    assert told(action, version=1) is None
    over = class_of(LESSON, status=ClassStatus.SCORED)
    assert told(action, room=over) == "wrong_state"
    assert told(action, room=over, who="acc_school") == "wrong_state", "the class is told first"
    assert WAITING.version == 1


def test_what_would_count_as_attended_is_not_granted_without_a_proof_and_an_excuse_is():
    bare = msgspec.structs.replace(WAITING, evidence=None)
    assert told(make_up=bare) == "make_up_unproved"
    assert told(make_up=msgspec.structs.replace(WAITING, evidence="  ")) == "make_up_unproved"
    assert told("reject", make_up=bare) is None
    assert told(make_up=bare, who="acc_school") == "self_approval"
    excuse = asked(LESSON, WANG, MakeUpKind.EXCUSE, MakeUpStatus.REQUESTED)
    assert told(make_up=msgspec.structs.replace(excuse, evidence=None)) is None
