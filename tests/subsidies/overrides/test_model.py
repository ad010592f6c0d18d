"""Overrides by themselves, without any table: who decides, until when they count."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.overrides.model import (
    Override,
    OverrideStatus,
    class_of_override,
    counts_on,
    override_id_of,
    why_not,
)

LAST_DAY = date(2026, 9, 10)
ASKED = Override(
    id=override_id_of("cls_a", "enr_a", "attendance"),
    class_id="cls_a",
    division="340111",
    enrolment_id="enr_a",
    check=OverridableCheck.ATTENDANCE,
    status=OverrideStatus.ASKED,
    reason="病假",
    expires_on=LAST_DAY,
    asked_by="acc_clerk",
    asked_at=datetime(2026, 9, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("action", "facts", "who", "today", "code"),
    [
        ("confirm", {}, "acc_reviewer", LAST_DAY, None),
        ("confirm", {}, "acc_reviewer", date(2026, 9, 11), "override_expired"),
        ("refuse", {}, "acc_reviewer", date(2026, 9, 11), None),
        ("confirm", {}, "acc_clerk", LAST_DAY, "self_approval"),
        ("refuse", {}, "acc_school", LAST_DAY, "self_approval"),
        ("confirm", {"status": OverrideStatus.CONFIRMED}, "acc_reviewer", LAST_DAY, "wrong_state"),
        ("refuse", {"version": 2}, "acc_reviewer", LAST_DAY, "version_conflict"),
    ],
)
def test_a_second_person_without_a_hand_in_the_class_decides_in_time(action, facts, who, today, code):
    override = msgspec.structs.replace(ASKED, **facts)
    refusal = why_not(action, override, {who}, prepared_by=["acc_school"], today=today, version=1)
    assert (None if refusal is None else refusal.code) == code


def test_it_counts_once_confirmed_through_its_last_day():
    confirmed = msgspec.structs.replace(ASKED, status=OverrideStatus.CONFIRMED)
    assert [counts_on(confirmed, day) for day in (LAST_DAY, date(2026, 9, 11))] == [True, False]
    for status in (OverrideStatus.ASKED, OverrideStatus.REFUSED):
        assert counts_on(msgspec.structs.replace(ASKED, status=status), LAST_DAY) is False


def test_a_trainees_check_has_one_override_in_a_class():
    assert class_of_override(ASKED.id) == "cls_a"
    assert ASKED.id == override_id_of("cls_a", "enr_a", "attendance")
    assert len(ASKED.id) == len("ovr_a-") + 12
    others = {
        override_id_of("cls_a", who, what)
        for who in ("enr_a", "enr_b")
        for what in ("attendance", "yearly_cap")
    }
    assert len(others) == 4
    assert ASKED.version == 1
