"""What stands in the tables is compared with what the chain has seen: what never reached it is found."""

from datetime import datetime, timedelta
from typing import Any

import pytest

import app
from chalicelib.classes.store import ClassRow
from chalicelib.kernel.principal import system_context
from chalicelib.kernel.walking import SEGMENTS, StandingRow, onwards
from chalicelib.supervision.audit.comparison import service, store
from chalicelib.supervision.audit.comparison.jobs import compare_audit
from chalicelib.supervision.audit.comparison.model import expected, gaps_among
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.vouchers.store import VoucherRow
from tests.classes.builders import Classroom
from tests.support.figures import values_of
from tests.support.streams import NOW, a_voucher, stream_event, voucher_changes

LATER = NOW + timedelta(days=1)


def recorded(*records: Any) -> None:
    record_audit(stream_event(*records), system_context("audit", now=NOW, request_id="req_test"))


def walked(at: datetime = LATER, **order: Any) -> Any:
    return compare_audit(order, system_context("compare_audit", now=at, request_id="req_test"))


def stored(name: str, *, version: int, division: str = "340111") -> None:
    VoucherRow.from_record(a_voucher(name, version=version, division=division)).save()


def verdict(api: Any, who: str = "supervisor") -> Any:
    answer = api(who).post("/v1/audit/verify", {})
    assert answer.status == 200, answer.text
    return answer.json


def test_a_change_that_never_reached_the_chain_is_found_listed_and_measured(
    api: Any, cloud: Any, capsys: Any
) -> None:
    for name in ("vch_aaaa", "vch_bbbb"):
        recorded(*voucher_changes(name, versions=2))
        stored(name, version=2)
    stored("vch_bbbb", version=3)  # its third change was lost
    assert verdict(api)["compared"] is None
    assert walked() == {
        "finished": True,
        "rows": 3,
        "gaps": 1,
        "rebuilt": 0,
    }  # the third is the supervisor's account
    assert values_of(capsys.readouterr().out, "AuditGaps") == [1]
    found = verdict(api)
    assert (found["intact"], found["first_bad"], found["compared"]["gap_count"]) == (False, None, 1)
    assert found["compared"]["gaps"] == [
        {"chain": "3401", "table": "vouchers", "subject": "vch_bbbb", "part": "", "version": 3}
    ]
    assert found["compared"]["finished_at"] is not None
    assert verdict(api, "province")["compared"]["gap_count"] == 1
    assert verdict(api, "supervisor_wuhu")["compared"]["gap_count"] == 0
    assert verdict(api, "supervisor_wuhu")["intact"]


def test_what_is_recorded_late_is_no_gap_any_more(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=2))
    stored("vch_aaaa", version=3)
    assert walked()["gaps"] == 1
    recorded(*voucher_changes(versions=1, start=3))
    assert (verdict(api)["intact"], verdict(api)["compared"]["gaps"]) == (True, [])


def test_a_row_whose_last_change_is_malformed_does_not_stop_the_walk(api: Any, cloud: Any) -> None:
    for number in range(30):
        recorded(*voucher_changes(f"vch_{number:04d}"))
        stored(f"vch_{number:04d}", version=1)
    row = VoucherRow.get("vch_0007")
    table = VoucherRow.Meta.table_name
    import boto3

    client = boto3.client("dynamodb", region_name="cn-north-1")
    for weeks, broken in enumerate(({"S": "no json"}, {"N": "7"}, {"S": '{"at": "yesterday"}'})):
        client.update_item(
            TableName=table,
            Key={"id": {"S": row.id}},
            UpdateExpression="SET last_change = :broken, version = :two",
            ExpressionAttributeValues={":broken": broken, ":two": {"N": "2"}},
        )
        found = walked(LATER + timedelta(minutes=30) * weeks, anew=True)
        assert (found["rows"], found["gaps"] + found["rebuilt"]) == (30, 1)
        if found["gaps"]:
            begun = store.find_comparison()
            assert begun is not None
            assert [(gap.subject, gap.version) for gap in begun.gaps] == [("vch_0007", 2)]


def test_a_walk_that_is_killed_goes_on_where_it_was_and_begins_anew_the_next_day(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE_ITEMS", 3)
    for number in range(20):
        recorded(*voucher_changes(f"vch_{number:04d}"))
        stored(f"vch_{number:04d}", version=1 + (number == 11))
    context = system_context("compare_audit", now=LATER, request_id="req_test")
    seen = set()
    at = service.compare(context, pages=1)
    while at.finished_at is None:
        seen.add((at.table, at.segment, str(at.after)))
        at = service.compare(context, pages=1)
    assert len(seen) > SEGMENTS * 20
    assert (at.rows, at.gap_count) == (20, 1)
    again = service.compare(system_context("x", now=LATER + timedelta(hours=14), request_id="r"))
    assert (again.begun_at, again.rows, again.version) == (at.begun_at, at.rows, at.version)
    fresh = service.compare(system_context("x", now=LATER + timedelta(days=1), request_id="r"))
    assert (fresh.begun_at, fresh.rows) == (LATER + timedelta(days=1), 20)


def test_every_table_that_the_stream_is_read_of_is_walked(cloud: Any) -> None:
    names = store.streamed_tables()
    assert len(names) > 15
    assert {"vouchers", "classes", "accounts", "subsidy-claims", "claim-lines"} <= set(names)
    assert "check-ins" not in names  # not streamed: decision 017


def test_a_whole_class_with_its_parts_is_in_the_chain(world: Any, api: Any) -> None:
    from tests.support.streams import Taps

    taps = Taps([ClassRow])
    try:
        room = Classroom(world).do("institution", "submit").do("clerk", "return", {"reason": "x"})
        assert room.json["status"] == "returned"
        recorded(*taps.records())
        walked(world.now + timedelta(days=1))
        found = store.find_comparison()
        assert found is not None
        assert [gap for gap in found.gaps if gap.table == "classes"] == []
    finally:
        taps.close()


def test_the_job_is_a_function_of_its_own(cloud: Any) -> None:
    assert app.compare_audit({"now": LATER.isoformat()}, None)["finished"]


def standing(**facts: Any) -> StandingRow:
    known = {"table": "classes", "subject": "cls_a", "part": "roster", "version": 4, "division": "340111"}
    return StandingRow(**{**known, "changed_at": NOW, **facts})


@pytest.mark.parametrize(
    ("facts", "is_expected"),
    [
        ({}, True),
        ({"told_by": "roster"}, True),
        ({"told_by": "head"}, False),
        ({"part": "", "told_by": "head"}, True),
        ({"changed_at": LATER - timedelta(minutes=59)}, False),
        ({"changed_at": LATER - timedelta(hours=1)}, True),
        ({"changed_at": None}, True),
    ],
)
def test_what_the_chain_need_not_have_is_left_out(facts: dict[str, Any], is_expected: bool) -> None:
    assert bool(expected([standing(**facts)], LATER)) is is_expected


def test_a_row_without_a_version_is_a_gap() -> None:
    (gap,) = gaps_among([standing(version=None)], {})
    assert (gap.subject, gap.version) == ("cls_a", None)
    assert gaps_among([standing()], {("cls_a", "00000004#roster"): None}) == []


def test_a_table_that_has_come_since_has_its_turn_if_its_name_is_later() -> None:
    place = ("classes", SEGMENTS - 1)
    assert onwards(*place, ["accounts", "classes", "classrooms"], None)["table"] == "classrooms"
    assert onwards(*place, ["accounts", "classes"], None)["table"] == ""
    assert onwards(*place, ["accounts", "classes"], {"id": {"S": "x"}}) == {"after": {"id": {"S": "x"}}}
