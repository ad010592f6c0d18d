"""Publicity and objections by themselves, without any table: until when, how many, who decides."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.publicity.model import (
    FROM_SOURCE,
    FROM_SOURCE_TO_CLAIM,
    OBJECTIONS_MAX,
    Objection,
    ObjectionCount,
    ObjectionStatus,
    claim_without_objection,
    folded,
    is_running,
    source_of,
    why_not_object,
    why_not_resolve,
)
from tests.subsidies.claims.test_states_shown import LAST_DAY, claim_of

CLAIM = claim_of("clm_a", ClaimStatus.PUBLICISED, was_public=True, objections=0)
DAY = timedelta(days=1)


def an_objection(status: ObjectionStatus = ObjectionStatus.OPEN, version: int = 1) -> Objection:
    return Objection(
        id="obj_a",
        claim_id=CLAIM.id,
        division="340111",
        status=status,
        sealed_reason="",
        created_at=datetime(2026, 9, 2, tzinfo=UTC),
        publicity_ends_on=LAST_DAY,
        version=version,
    )


def code(refusal: Any) -> str | None:
    return None if refusal is None else refusal.code


def test_publicity_runs_through_its_last_day() -> None:
    assert is_running(CLAIM, LAST_DAY - DAY) is True
    assert is_running(CLAIM, LAST_DAY) is True
    assert is_running(CLAIM, LAST_DAY + DAY) is False
    assert is_running(msgspec.structs.replace(CLAIM, publicity_ends_on=None), LAST_DAY) is False
    for status in set(ClaimStatus) - {ClaimStatus.PUBLICISED}:
        assert is_running(msgspec.structs.replace(CLAIM, status=status), LAST_DAY) is False


@pytest.mark.parametrize(
    ("facts", "today", "ends_on", "told"),
    [
        ({}, LAST_DAY, LAST_DAY, None),
        ({}, LAST_DAY + DAY, LAST_DAY, "publicity_over"),
        ({"status": ClaimStatus.RETURNED}, LAST_DAY, LAST_DAY, "publicity_over"),
        ({"publicity_ends_on": LAST_DAY + 9 * DAY}, LAST_DAY, LAST_DAY, "not_found"),
        ({"objections": OBJECTIONS_MAX - 1}, LAST_DAY, LAST_DAY, None),
        ({"objections": OBJECTIONS_MAX}, LAST_DAY, LAST_DAY, "too_many_objections"),
    ],
)
def test_an_objection_counts_while_the_list_that_was_read_is_in_public(
    facts: dict[str, Any], today: date, ends_on: date, told: str | None
) -> None:
    assert code(why_not_object(msgspec.structs.replace(CLAIM, **facts), today, ends_on=ends_on)) == told


def test_a_supervisor_without_a_hand_in_the_claim_decides_once() -> None:
    assert why_not_resolve(an_objection(), CLAIM, {"acc_x"}) is None
    assert code(why_not_resolve(an_objection(), CLAIM, {"acc_school"})) == "self_approval"
    assert code(why_not_resolve(an_objection(), CLAIM, {"acc_reviewer"})) == "self_approval"
    assert code(why_not_resolve(an_objection(version=2), CLAIM, {"acc_x"}, version=1)) == "version_conflict"
    for status in (ObjectionStatus.UPHELD, ObjectionStatus.DISMISSED):
        assert code(why_not_resolve(an_objection(status), CLAIM, {"acc_x"})) == "wrong_state"


def test_a_decided_objection_counts_no_more_and_lets_the_claim_go_if_it_was_about_all_of_it() -> None:
    before = msgspec.structs.replace(CLAIM, objections=3, open_objections=2)
    about_all = claim_without_objection(before, about_line=False)
    assert (about_all.objections, about_all.open_objections, about_all.version) == (2, 1, before.version + 1)
    about_one = claim_without_objection(before, about_line=True)
    assert (about_one.objections, about_one.open_objections) == (2, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("第1、2课", "第1 2课"),
        ("第１、 ２课", "第1 2课"),
        ("课1，无人", "课1无人"),
        ("无人、2课", "无人2课"),
        ("12、34", "12 34"),
        ("1、2", "1 2"),
        ("第1课2、3", "第1课2 3"),
        ("1、", "1"),
        ("、1", "1"),
        (" ！ ", "！"),
        ("Straße", "strasse"),
    ],
)
def test_words_meet_however_they_are_typed(text: str, words: str) -> None:
    assert folded(text) == words


def test_a_source_is_an_address_or_an_ipv6_network_of_64_bits() -> None:
    assert source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:3::") == "2001:db8:1:3::/64"
    assert source_of("no address") == "no address"


def test_how_many_objections_there_may_be_is_as_told() -> None:
    hour = timedelta(hours=1)
    assert OBJECTIONS_MAX == 200
    assert (FROM_SOURCE_TO_CLAIM.most, FROM_SOURCE_TO_CLAIM.span) == (5, hour)
    assert (FROM_SOURCE.most, FROM_SOURCE.span) == (20, hour)
    assert ObjectionCount(id="obj_a").same_count == 1
    fresh = Objection(
        id="obj_a",
        claim_id=CLAIM.id,
        division="340111",
        status=ObjectionStatus.OPEN,
        sealed_reason="",
        created_at=datetime(2026, 9, 2, tzinfo=UTC),
        publicity_ends_on=LAST_DAY,
    )
    assert fresh.version == 1
