"""The arithmetic of the bill, on a small case worked out by hand; and that everything used has a price."""

import json
from datetime import date
from typing import Any

import pytest

from infra.cost import (
    BUSIEST,
    MEASURED,
    PRICES,
    STREAM_READERS,
    Assumed,
    Headroom,
    Province,
    bill,
    headroom,
    operations,
    show,
    usage,
)

KINDS = {
    "the provider's own page",
    "transcribed from the provider's page",
    "told by a third party",
    "the provider's own page, an earlier state of it",
}
NOTHING = Province(
    vouchers=0,
    redeemed=0,
    check_ins=0,
    lines=0,
    classes=0,
    recordings=0,
    page_views=0,
    footage_new_tb=0,
    footage_online_tb=0,
    footage_archived_tb=0,
    footage_watched_tb=0,
    rows_gb=0,
)
MEASURED_ONCE = {name: {"calls": 2, "units": 3, "index": 1, "reads": 5} for name in operations(NOTHING)}
FREE = Assumed(audit_units=0, told_units=0, api_ms=10, call_ms=20, kms_requests_share=0)


def test_a_million_check_ins_by_hand() -> None:
    province = Province(**{**vars(NOTHING), "check_ins": 1_000_000})
    used = usage(province, MEASURED_ONCE, FREE)
    assert used["dynamodb write units, million"] == pytest.approx(4), "three and one of an index, each"
    assert used["dynamodb read units, million"] == pytest.approx(5)
    assert used["api requests, million"] == pytest.approx(1)
    assert used["lambda GB-seconds, million"] == pytest.approx(0.05), "10 ms and two calls of 20 ms on 1 GB"
    prices = {name: {"price": 0} for name in used} | {
        "dynamodb write units, million": {"price": 0.625},
        "dynamodb read units, million": {"price": 0.125},
        "api requests, million": {"price": 3.5},
    }
    assert bill(used, prices).total == pytest.approx(4 * 0.625 + 5 * 0.125 + 3.5)


def test_jobs_are_no_requests_of_the_api() -> None:
    province = Province(**{**vars(NOTHING), "lines": 1_000})
    assert usage(province, MEASURED_ONCE, FREE)["api requests, million"] == 0


def test_footage_is_most_of_the_storage() -> None:
    used = usage(Province(**{**vars(NOTHING), "footage_online_tb": 2}), MEASURED_ONCE, FREE)
    assert used["s3 standard, GB-month"] == 2048


def test_the_busiest_second_is_a_share_of_the_busiest_hour() -> None:
    province = Province(**{**vars(NOTHING), "check_ins": 3_600_000})
    rows = headroom(province, MEASURED_ONCE, Assumed(peak_share=0.5, peak_factor=2, kms_requests_share=0.01))
    found = {row.quota: row for row in rows}
    assert found["API requests a second of our own stage"].peak == pytest.approx(1_000)
    assert found["write units a second of the busiest table"].peak == pytest.approx(4_000)
    assert found["KMS requests a second"].peak == pytest.approx(10)
    assert Headroom(quota="q", value=200, peak=50, source="").share == 0.25


def test_every_operation_is_measured_and_every_use_is_listed_with_its_price() -> None:
    measured = json.loads(MEASURED.read_text())
    assert operations(Province()).keys() == measured.keys()
    for book in json.loads(PRICES.read_text())["regions"].values():
        assert usage(Province(), measured).keys() == book["prices"].keys()


def test_the_busiest_month_leaves_room_to_double() -> None:
    measured = json.loads(MEASURED.read_text())
    for province in (Province(), BUSIEST):
        assert all(amount >= 0 for amount in usage(province, measured).values())
        assert all(row.share < 0.5 for row in headroom(province, measured))


def test_each_price_tells_its_source_and_its_date_or_that_it_is_not_known() -> None:
    regions = json.loads(PRICES.read_text())["regions"]
    assert {name: book["currency"] for name, book in regions.items()} == {
        "us-east-1": "USD",
        "cn-north-1": "CNY",
    }
    for book in regions.values():
        for name, price in book["prices"].items():
            assert date.fromisoformat(price["date"]), name
            if price["price"] is None:
                assert (price["kind"], price["source"]) == ("not known", ""), name
            else:
                assert price["price"] > 0
                assert price["kind"] in KINDS, name
                assert price["source"].startswith("https://"), name


def test_what_has_no_price_is_named_and_not_in_the_sum() -> None:
    told = bill({"a": 2, "b": 3, "c": 4}, {"a": {"price": 5}, "b": {"price": None}})
    assert told.total == 10
    assert told.not_known == ("b", "c")
    shown = show(Province(), PRICES, "cn-north-1")
    assert "dynamodb write units, million" in shown
    assert "17 of 20 prices are not known and not in the sum." in shown


def test_as_many_streams_are_read_at_once_as_the_template_says(template: dict[str, Any]) -> None:
    mappings = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    lanes = sum(mapping["ParallelizationFactor"] for mapping in mappings if "StartingPosition" in mapping)
    assert lanes <= STREAM_READERS <= lanes * 2


def test_what_was_not_measured_is_told() -> None:
    with pytest.raises(KeyError, match="not measured: claim"):
        usage(NOTHING, {name: figures for name, figures in MEASURED_ONCE.items() if name != "claim"})
