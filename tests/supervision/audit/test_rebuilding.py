"""Streams that were replayed, overlapped, came out of order or were lost for days end in the same state."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.kernel.principal import system_context
from chalicelib.supervision.audit import store
from chalicelib.supervision.audit.comparison.jobs import compare_audit
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.supervision.audit.model import AuditRecord, entry_of
from chalicelib.supervision.reports.store import VoucherCountRow
from chalicelib.vouchers.store import VoucherRow
from tests.support.streams import NOW, a_voucher, stream_event, voucher_changes

DAYS_LATER = NOW + timedelta(days=3)
DIVISIONS = ("340111", "340202", "341004")
SUBJECTS = {f"vch_lost{number}": DIVISIONS[number % 3] for number in range(3)}
LAST = 4


def recorded(records: list[Any], at: datetime = NOW) -> None:
    if records:
        record_audit(stream_event(*records), system_context("audit", now=at, request_id="req_test"))


def walked(at: datetime = DAYS_LATER, **order: Any) -> Any:
    return compare_audit(order, system_context("compare_audit", now=at, request_id="req_walk"))


@pytest.fixture
def stands(cloud: Any) -> None:
    """Every voucher stands at its last version, as the program wrote it."""
    for name, division in SUBJECTS.items():
        row = VoucherRow.from_record(a_voucher(name, version=LAST, division=division))
        row.op_id = f"op-{LAST}"
        row.save()


def told() -> dict[str, list[Any]]:
    return {name: voucher_changes(name, versions=LAST, division=place) for name, place in SUBJECTS.items()}


def everything() -> list[Any]:
    return [record for records in told().values() for record in records]


def chained(name: str) -> list[AuditRecord]:
    return store.all_records_of(name)


def counts() -> dict[tuple[str, str], dict[str, Any]]:
    left_out = {"as_of", "op_id", "last_change", "version"}
    return {
        (row.program, row.place): {
            name: value for name, value in row.attribute_values.items() if name not in left_out and value
        }
        for row in VoucherCountRow.scan()
    }


def forget() -> None:
    for table in (store.AuditRow, store.ChainHeadRow, VoucherCountRow):
        for row in table.scan():
            row.delete()


@pytest.fixture
def wanted(stands: None) -> Iterator[dict[tuple[str, str], dict[str, Any]]]:
    """The counts after everything was told once, in order; then all is forgotten."""
    recorded(everything())
    found = counts()
    forget()
    yield found


def is_whole(api: Any) -> dict[str, Any]:
    found: dict[str, Any] = api("province").post("/v1/audit/verify", {}).json
    assert found["intact"], found
    return found


def test_lost_for_three_days_everything_is_rebuilt_and_says_so(api: Any, wanted: Any) -> None:
    assert walked()["rebuilt"] >= len(SUBJECTS) * LAST
    assert counts() == wanted
    found = is_whole(api)
    of_one = [one for one in found["rebuilt"] if one["subject"] == "vch_lost0"]
    assert [(one["version"], one["missing"]) for one in of_one] == [
        (1, True),
        (2, True),
        (3, True),
        (4, False),
    ]
    last = chained("vch_lost0")[-1]
    assert (last.rebuilt, last.actor, last.action, last.request_id) == (
        True,
        "acc_x",
        "voucher.step",
        "req_4",
    )
    assert last.after["status"] == "settled"
    listed = api("province").get("/v1/audit?subject=vch_lost0").json["items"]
    assert [(item["rebuilt"], item["action"]) for item in listed] == [
        *[(True, "row.version_missing")] * 3,
        (True, "voucher.step"),
    ]


def test_what_the_chain_knows_already_is_what_a_rebuilt_record_was_before(api: Any, wanted: Any) -> None:
    recorded([record for records in told().values() for record in records[:2]])
    walked()
    assert counts() == wanted
    first, second, third, fourth = chained("vch_lost0")
    assert [one.rebuilt for one in (first, second, third, fourth)] == [False, False, True, True]
    assert (fourth.before["status"], fourth.after["status"]) == ("claimed", "settled")
    assert "face_value_fen" not in fourth.after, "what did not change is not said to have changed"
    is_whole(api)


@pytest.mark.parametrize("kept", [(2, 3, 4), (1, 4), (4,), (1, 2, 3)])
def test_any_hole_is_named_and_the_counts_come_out_right(
    api: Any, wanted: Any, kept: tuple[int, ...]
) -> None:
    recorded([records[version - 1] for records in told().values() for version in kept])
    walked()
    assert counts() == wanted
    for name in SUBJECTS:
        assert [one.entry for one in chained(name)] == [
            entry_of("", version, "") for version in range(1, LAST + 1)
        ]
        assert {n for n, one in enumerate(chained(name), 1) if not one.rebuilt} == set(kept)
    is_whole(api)
    again = walked(DAYS_LATER + timedelta(days=1))
    assert (again["rebuilt"], again["gaps"]) == (0, 0)


def test_what_comes_after_all_is_kept_and_counts_nothing_twice(api: Any, wanted: Any) -> None:
    recorded([record for records in told().values() for record in records[:1]])
    walked()
    late = everything()
    recorded(late, DAYS_LATER)
    recorded(late, DAYS_LATER)
    assert counts() == wanted
    entries = [one.entry for one in chained("vch_lost0")]
    assert entries[:4] == [entry_of("", version, "") for version in range(1, 5)]
    assert [entry[0] for entry in entries[4:]] == ["~", "~"], "the two that were named as missing"
    is_whole(api)


@pytest.mark.parametrize("seed", range(2))
def test_replayed_overlapping_and_out_of_order_ends_in_the_same_state(
    api: Any, wanted: Any, seed: int
) -> None:
    rng = random.Random(seed)
    shards = list(told().values())
    rng.shuffle(shards)
    records = [record for shard in shards for record in shard]  # each row's in their order, rows in any
    place = 0
    while place < len(records):
        begun, end = place, place + rng.randint(1, 7)
        recorded(records[place:end])
        if rng.random() < 0.5:
            recorded(records[place:end])
        place = end - rng.choice([0, 0, 1, 2])  # the next batch overlaps this one
        place = max(place, begun + 1) if end < len(records) else end
    assert counts() == wanted
    assert all([one.rebuilt for one in chained(name)] == [False] * LAST for name in SUBJECTS)
    assert walked()["rebuilt"] == 0
    is_whole(api)


def test_what_the_stream_may_still_bring_is_left_to_it(api: Any, wanted: Any) -> None:
    found = walked(NOW + timedelta(hours=20))
    assert found["gaps"] >= len(SUBJECTS)
    assert chained("vch_lost0") == []
    assert walked(NOW + timedelta(hours=20), anew=True, stale_hours=0)["rebuilt"] >= len(SUBJECTS) * LAST
    assert counts() == wanted


def test_records_from_before_there_were_rebuilt_ones_keep_their_digests(api: Any, cloud: Any) -> None:
    recorded(voucher_changes(versions=2))
    assert all("rebuilt" not in row.serialize() for row in store.AuditRow.query("vch_aaaa"))
    is_whole(api)
