"""Refused scans of an area: who sees which, in which order, narrowed how, and rows kept before there was a list."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

import app  # noqa: F401 - declares the endpoints
from chalicelib.console.words import SCAN_REASONS
from chalicelib.enrolments.redemption.model import ScanReason
from chalicelib.enrolments.redemption.store import (
    RefusedScanRow,
    keep_refused_scan,
    refused_scans_received_of,
)
from chalicelib.kernel.errors import Malformed
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import system_context
from chalicelib.supervision.migration.service import Order, migrate
from infra.contract.refusals import codes_of_views
from tests.support.calls import called
from tests.support.pages import Visitor
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL

OF_NO_SCAN = {
    "invalid_cursor",
    "malformed",
    "not_found",
    "release_too_late",
    "try_again",
    "wrong_state",
}
"""What else the source of redeeming names: of forms, of the store, of what may be done with an enrolment."""


def refused(world: Any, institution: str, *, minutes: int = 0, token: str = "no code") -> None:
    answer = world.scan(token, institution=institution, at=world.later(minutes=minutes))
    assert answer.status in (409, 422), answer.text


@pytest.fixture
def kept(world: Any) -> Any:
    """Keep five refused scans: of two schools in a county of Hefei, and of one in Wuhu."""
    person = world.person(1)
    voucher_id = world.voucher(person)
    token = world.api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    assert world.scan(token, at=world.now).status == 201
    refused(world, "institution", minutes=1)
    refused(world, "institution_two", minutes=0, token=token)
    refused(world, "institution_two", minutes=3)
    refused(world, "institution_wuhu", minutes=2)
    refused(world, "institution", minutes=4)
    return world


def seen(world: Any, who: str, **query: Any) -> list[tuple[str, str]]:
    scans = world.api(who).whole("/v1/scans", {"limit": 2, **query}, at=world.later(hours=1))
    return [(scan["institution"], scan["code"]) for scan in scans]


INVALID = "token_invalid"
REPLAYED = "token_replayed"


@pytest.mark.parametrize("who", ["clerk", "reviewer", "finance", "supervisor"])
def test_a_bureau_sees_those_of_its_area_the_newest_first(kept: Any, who: str) -> None:
    of_hefei = [
        (HEFEI_SCHOOL, INVALID),
        (HEFEI_OTHER, INVALID),
        (HEFEI_SCHOOL, INVALID),
        (HEFEI_OTHER, REPLAYED),
    ]
    assert seen(kept, who) == of_hefei
    assert seen(kept, who, division="340111") == of_hefei
    assert seen(kept, who, division="340104") == []


def test_another_area_sees_its_own_alone(kept: Any) -> None:
    assert seen(kept, "clerk_wuhu") == [(WUHU_SCHOOL, INVALID)]
    for query in ({"division": "3401"}, {"institution": HEFEI_SCHOOL}):
        answer = kept.api("clerk_wuhu").get("/v1/scans", query, at=kept.now)
        assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert len(seen(kept, "province")) == 5
    assert seen(kept, "province", division="3402") == [(WUHU_SCHOOL, INVALID)]


def test_an_institution_sees_its_own_whatever_it_asks_for(kept: Any) -> None:
    own = [(HEFEI_OTHER, INVALID), (HEFEI_OTHER, REPLAYED)]
    assert seen(kept, "institution_two") == own
    assert seen(kept, "institution_two", institution=HEFEI_SCHOOL) == own


def test_a_list_is_narrowed_by_institution_and_by_reason(kept: Any) -> None:
    assert seen(kept, "clerk", institution=HEFEI_OTHER) == [(HEFEI_OTHER, INVALID), (HEFEI_OTHER, REPLAYED)]
    assert seen(kept, "clerk", code=REPLAYED) == [(HEFEI_OTHER, REPLAYED)]
    assert seen(kept, "clerk", code=REPLAYED, institution=HEFEI_SCHOOL) == []
    assert seen(kept, "clerk", division="340104", institution=HEFEI_OTHER) == []
    assert kept.api("clerk").get("/v1/scans", {"code": "try_again"}, at=kept.now).status == 400


def test_a_school_whose_clock_is_wrong_by_years_is_listed_for_bureaus_as_its_scans_came_in(kept: Any) -> None:
    """The device sent a moment of three years ago; the last to come in stands first all the same."""
    (newest, *_) = RefusedScanRow.query(HEFEI_OTHER, scan_index_forward=False, limit=1)
    late = msgspec.structs.replace(
        newest.record,
        id="0000000000000001-scn_late",
        code="voucher_expired",
        happened_at=kept.now - timedelta(days=1100),
        received_at=kept.later(minutes=9),
    )
    keep_refused_scan(late)
    for who in ("clerk", "province"):
        got = [code for _, code in seen(kept, who, institution=HEFEI_OTHER)]
        assert got == ["voucher_expired", INVALID, REPLAYED], who
        assert seen(kept, who, institution=HEFEI_OTHER, code=REPLAYED) == [(HEFEI_OTHER, REPLAYED)]


def test_a_cursor_of_the_order_of_before_is_refused(kept: Any) -> None:
    (first, *_) = RefusedScanRow.query(HEFEI_OTHER)
    raw = first.serialize()
    request = PageRequest(limit=2, after={name: raw[name] for name in RefusedScanRow.key_names()})
    with pytest.raises(Malformed, match="invalid_cursor"):
        refused_scans_received_of(HEFEI_OTHER, "340111", request, code=None)


def test_an_area_is_one_query_however_many_schools_it_has(kept: Any) -> None:
    kept.api("clerk").get("/v1/scans", at=kept.now)
    with called() as calls:
        kept.api("clerk").get("/v1/scans", at=kept.now)
    assert sum("Query" in call for call in calls) == 1, calls


def test_scans_kept_before_there_was_a_list_stand_in_it_after_the_migration(kept: Any) -> None:
    for row in RefusedScanRow.scan():
        raw = row.serialize()
        del raw["area"], raw["sv"]
        key = {name: raw[name] for name in RefusedScanRow.key_names()}
        client = RefusedScanRow._get_connection().connection.client
        client.delete_item(TableName=RefusedScanRow.Meta.table_name, Key=key)
        client.put_item(TableName=RefusedScanRow.Meta.table_name, Item=raw)
    assert seen(kept, "clerk") == []
    assert len(seen(kept, "institution")) == 2, "by institution they are found meanwhile"
    migrate(system_context("migrate", now=kept.now, request_id="req_test"), Order.START)
    assert len(seen(kept, "clerk")) == 4
    assert len(seen(kept, "province")) == 5


def test_every_reason_that_a_scan_can_be_refused_for_is_known_and_has_its_words() -> None:
    reasons = set(codes_of_views()["redeem_voucher"]) - OF_NO_SCAN
    assert reasons == set(map(str, ScanReason)) == SCAN_REASONS.keys()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_tells_them_in_words(kept: Any, lang: str) -> None:
    said = {"zh": ("码无效", "码已用过"), "en": ("code not valid", "code used before")}[lang]
    clerk = Visitor(kept.api, "clerk", lang=lang, at=kept.now)
    page = clerk.get("/console/scans")
    assert page.status == 200, page.text
    assert all(word in page.text for word in said)
    assert "合肥滨湖云创技能培训有限公司" in page.text
    replayed = clerk.get("/console/scans", code=REPLAYED)
    assert "合肥滨湖云创技能培训有限公司" not in replayed.text
    school = Visitor(kept.api, "institution", lang=lang, at=kept.now).get("/console/scans")
    assert school.status == 200
