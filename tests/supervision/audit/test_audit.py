"""Every change leaves exactly one record, and no tampering with the chain goes unseen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import boto3
import msgspec
import pytest

from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.streams import RecordsUndone
from chalicelib.aws.table import VersionedTable, all_tables, connection
from chalicelib.exchange.model import ALL_AREAS
from chalicelib.kernel.principal import Role, system_context
from chalicelib.supervision.audit import store as audit_store
from chalicelib.supervision.audit.jobs import record_audit, seal_audit
from chalicelib.supervision.audit.model import head_after, link
from chalicelib.supervision.audit.service import Tampered, observe_unreadable
from chalicelib.supervision.audit.store import AuditRow, ChainHeadRow
from chalicelib.supervision.reports import store as reports_store
from chalicelib.supervision.reports.store import VoucherCountRow
from chalicelib.vouchers.store import VoucherRow
from tests.support.streams import a_voucher, stream_event, stream_record, voucher_changes

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def recorded(*records: Any) -> dict[str, int]:
    return record_audit(stream_event(*records), system_context("audit", now=NOW, request_id="req_test"))


def history(api: Any, subject: str, who: str = "supervisor") -> list[dict[str, Any]]:
    answer = api(who).get("/v1/audit", {"subject": subject})
    assert answer.status == 200, answer.text
    return list(answer.json["items"])


def verdict(api: Any, who: str = "supervisor", **body: Any) -> dict[str, Any]:
    answer = api(who).post("/v1/audit/verify", body)
    assert answer.status == 200, answer.text
    return dict(answer.json)


def test_a_subjects_history_tells_who_what_and_why(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=4))
    items = history(api, "vch_aaaa")
    assert [item["after"]["status"] for item in items] == ["issued", "claimed", "redeemed", "settled"]
    assert [item["seq"] for item in items] == [1, 2, 3, 4]
    second = items[1]
    assert second["before"] == {"status": "issued"}
    assert second["after"] == {"claimed_at": "2026-09-01T09:02:00+08:00", "status": "claimed"}
    assert (second["actor"], second["role"], second["action"]) == ("acc_x", "clerk", "voucher.step")
    assert (second["reason"], second["request_id"]) == ("r", "req_2")
    assert second["at"] == "2026-09-01T09:02:00+08:00"
    assert verdict(api)["intact"]
    assert verdict(api)["records"] == 4


def test_a_history_comes_in_pages(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=4))
    first = api("supervisor").get("/v1/audit", {"subject": "vch_aaaa", "limit": 3}).json
    rest = (
        api("supervisor").get("/v1/audit", {"subject": "vch_aaaa", "limit": 3, "cursor": first["next"]}).json
    )
    assert [item["seq"] for item in first["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next"] is None


def test_redelivered_records_make_no_second_audit_record(api: Any, cloud: Any) -> None:
    batch = voucher_changes(versions=4)
    assert recorded(*batch) == {"changes": 4, "recorded": 4}
    assert recorded(*batch) == {"changes": 4, "recorded": 0}
    assert recorded(*batch, *batch, *voucher_changes("vch_bbbb")) == {"changes": 9, "recorded": 1}
    assert verdict(api)["records"] == 5
    assert next(iter(reports_store.counts("*", "division#"))).settled == 1


def test_each_city_has_its_own_chain(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes("vch_hefei"), *voucher_changes("vch_wuhu", division="340202"))
    assert verdict(api)["records"] == 1
    assert verdict(api, "supervisor_wuhu")["chain"] == "3402"
    whole = verdict(api, "province")
    assert (whole["records"], whole["intact"], len(whole["chains"])) == (2, True, len(ALL_AREAS))
    assert verdict(api, "province", division="340202")["chain"] == "3402"


def test_other_areas_do_not_exist(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes("vch_hefei"))
    assert api("supervisor_wuhu").get("/v1/audit", {"subject": "vch_hefei"}).status == 404
    assert api("supervisor").get("/v1/audit", {"subject": "vch_none"}).status == 404
    assert api("supervisor_wuhu").post("/v1/audit/verify", {"division": "3401"}).status == 404
    assert api("clerk").get("/v1/audit", {"subject": "vch_hefei"}).status == 403
    assert api("clerk").post("/v1/audit/verify", {}).status == 403
    assert api().get("/v1/audit", {"subject": "vch_hefei"}).status == 401
    assert api("supervisor").get("/v1/audit").status == 400
    assert api("supervisor").post("/v1/audit/verify", {"division": "9999"}).status == 400


def test_secrets_of_accounts_are_not_kept(api: Any, cloud: Any) -> None:
    account = Account(
        id="acc_a",  # type: ignore[arg-type]
        account="a",
        sealed_name="v1.secret.text",
        role=Role.CLERK,
        division="3401",
        status=AccountStatus.ACTIVE,
        password_hash="$argon2id$secret",
        activation_hash="secret",
        last_change=a_voucher().last_change,
    )
    recorded(stream_record(AccountRow, None, account))
    text = api("supervisor").get("/v1/audit", {"subject": "acc_a"}).text
    assert "secret" not in text
    assert '"sealed_name":"***"' in text.replace(" ", "")


def test_a_change_that_does_not_say_who_made_it_is_recorded_as_such(api: Any, cloud: Any) -> None:
    before = a_voucher(version=2)
    recorded(stream_record(VoucherRow, before, a_voucher(version=2, face_value_fen=1)))
    item = history(api, "vch_aaaa")[0]
    assert (item["actor"], item["action"]) == ("unknown", "row.changed_outside")
    assert item["after"] == {"face_value_fen": 1}


def test_a_removed_row_is_recorded(api: Any, cloud: Any) -> None:
    recorded(stream_record(VoucherRow, a_voucher(), None))
    assert history(api, "vch_aaaa")[0]["after"] == {}


def test_a_large_batch_is_one_chain(api: Any, cloud: Any) -> None:
    divisions = ("340111", "340102", "340103", "340104")
    batch = [r for n in range(250) for r in voucher_changes(f"vch_many{n}", division=divisions[n % 4])]
    assert recorded(*batch)["recorded"] == 250
    assert verdict(api) == {
        "chain": "3401",
        "records": 250,
        "intact": True,
        "first_bad": None,
        "after": None,
        "rebuilt_count": 0,
        "rebuilt": [],
        "chains": [
            {
                "chain": "3401",
                "records": 250,
                "intact": True,
                "first_bad": None,
                "after": None,
                "rebuilt_count": 0,
                "rebuilt": [],
            }
        ],
        "compared": None,
    }


@contextmanager
def before_each_transaction(act: Callable[[str], None]) -> Iterator[None]:
    """Do something whenever a transaction is about to be sent, e.g. fail: `act` is given its body."""
    events = connection().client.meta.events
    name = "before-send.dynamodb.TransactWriteItems"

    def handle(request: Any, **_: Any) -> None:
        act(request.body.decode())

    events.register_first(name, handle)
    try:
        yield
    finally:
        events.unregister(name, handle)


def test_consumers_of_several_tables_write_one_chain(api: Any, cloud: Any) -> None:
    """A head that another writer moved between reading and writing is read again."""
    others = [voucher_changes(f"vch_other{n}") for n in range(3)]

    def another_writer(_: str) -> None:
        if others:
            recorded(*others.pop())

    with before_each_transaction(another_writer):
        recorded(*voucher_changes("vch_mine", versions=3))
    assert verdict(api)["records"] == 6
    assert verdict(api)["intact"]


def test_one_chains_trouble_does_not_stop_the_others(api: Any, cloud: Any) -> None:
    def fail_in_wuhu(body: str) -> None:
        if "vch_wuhu" in body:
            raise RuntimeError("the table does not answer")

    batch = [*voucher_changes("vch_wuhu", division="340202"), *voucher_changes("vch_hefei")]
    with before_each_transaction(fail_in_wuhu), pytest.raises(RecordsUndone):
        recorded(*batch)
    assert verdict(api)["records"] == 1
    assert recorded(*batch)["recorded"] == 1


# --------------------------------------------------------------------------- tampering


def _rows() -> list[AuditRow]:
    return list(AuditRow.by_chain.query("3401"))


def _edit() -> None:
    _rows()[4].update(actions=[AuditRow.actor.set("acc_innocent")])


def _edit_what_was() -> None:
    _rows()[4].update(actions=[AuditRow.before.set({"status": "other"})])


def _delete() -> None:
    _rows()[4].delete()


def _truncate() -> None:
    for row in _rows()[4:]:
        row.delete()


def _delete_everything() -> None:
    for row in _rows():
        row.delete()


def _swap() -> None:
    rows = _rows()
    rows[4].update(actions=[AuditRow.seq.set(6)])
    rows[5].update(actions=[AuditRow.seq.set(5)])


def _insert() -> None:
    row = _rows()[3]
    row.subject, row.seq = "vch_forged", 5
    row.save()


def _add_beyond_the_head() -> None:
    last = _rows()[-1].record
    forged = link(AuditRow.from_record(last).record, head_after(last))
    row = AuditRow.from_record(forged)
    row.subject = "vch_forged"
    row.save()


def _move_the_head() -> None:
    ChainHeadRow("3401").update(actions=[ChainHeadRow.hash.set("0" * 64)])


def _delete_the_head() -> None:
    ChainHeadRow("3401").delete()


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        (_edit, 5),
        (_edit_what_was, 5),
        (_delete, 5),
        (_truncate, 5),
        (_delete_everything, 1),
        (_swap, 5),
        (_insert, 5),
        (_add_beyond_the_head, 9),
        (_move_the_head, 8),
        (_delete_the_head, 1),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_tampering_is_found_at_its_first_record(
    api: Any, cloud: Any, tamper: Callable[[], None], seq: int
) -> None:
    recorded(*[record for n in range(2) for record in voucher_changes(f"vch_many{n}", versions=4)])
    before = verdict(api)
    assert before["intact"], (before, _roots(), [r.seq for r in _rows()])
    tamper()
    answer = verdict(api)
    assert answer["intact"] is False
    assert answer["first_bad"]["seq"] == seq


# --------------------------------------------------------------------------- reports


def test_the_funnel_counts_a_division_with_everything_below_it(api: Any, world: Any) -> None:
    recorded(
        *voucher_changes("vch_settled", versions=4),
        *voucher_changes("vch_redeemed", versions=3),
        *voucher_changes("vch_claimed", versions=2, division="340102"),
        *voucher_changes("vch_issued"),
        *voucher_changes("vch_wuhu", division="340202"),
    )
    funnel = api("clerk").get("/v1/reports/funnel", {"program": world.program_id})
    assert funnel.json == {
        "program_id": world.program_id,
        "division": "3401",
        "stages": {
            "issued": 1,
            "claimed": 1,
            "redeemed": 1,
            "settled": 1,
            "closed": 0,
            "expired": 0,
            "revoked": 0,
        },
        "ever": {"issued": 4, "claimed": 3, "redeemed": 2, "settled": 1, "restored": 0},
    }
    county = api("clerk").get("/v1/reports/funnel", {"program": world.program_id, "division": "340102"}).json
    assert county["ever"] == {"issued": 1, "claimed": 1, "redeemed": 0, "settled": 0, "restored": 0}
    assert api("province").get("/v1/reports/funnel").json["ever"]["issued"] == 5
    assert api("clerk").get("/v1/reports/funnel", {"division": "3402"}).status == 404
    assert api("clerk").get("/v1/reports/funnel", {"division": "99"}).status == 400
    assert api("clerk").get("/v1/reports/funnel", {"format": "pdf"}).status == 400
    assert api("province").get("/v1/reports/funnel", {"program": "prg_none"}).status == 404
    assert api("institution").get("/v1/reports/funnel").status == 403
    assert api().get("/v1/reports/funnel").status == 401


def test_spending_and_institutions_come_from_the_same_counts(api: Any, world: Any) -> None:
    recorded(*voucher_changes("vch_settled", versions=4), *voucher_changes("vch_redeemed", versions=3))
    spending = api("finance").get("/v1/reports/spending", {"program": world.program_id}).json
    assert spending == {
        "program_id": world.program_id,
        "division": "3401",
        "face_value_fen": 1_200_000,
        "paid_fen": 600_000,
        "reversed_fen": 0,
        "net_fen": 600_000,
    }
    items = api("clerk").get("/v1/reports/institutions", {"program": world.program_id}).json["items"]
    first = items[0]
    assert (first["institution"], first["ever_redeemed"]) == ("91340111MX0000027D", 2)
    assert (first["redeemed"], first["settled"], first["paid_fen"]) == (1, 1, 600_000)
    assert {item["ever_redeemed"] for item in items[1:]} == {0}


@pytest.mark.parametrize("report", ["funnel", "spending", "institutions"])
def test_reports_come_as_sheets_too(api: Any, world: Any, report: str) -> None:
    recorded(*voucher_changes("vch_settled", versions=4))
    sheet = api("clerk").get(f"/v1/reports/{report}", {"format": "csv"})
    assert sheet.status == 200, sheet.text
    assert sheet.headers["Content-Type"].startswith("text/csv")
    assert len(sheet.text.splitlines()) > 2
    link = api("clerk").get(f"/v1/reports/{report}", {"format": "xlsx"})
    assert link.status == 200, link.text
    assert link.json["url"].startswith("https://")


def test_every_streamed_table_can_be_observed() -> None:
    for table in all_tables():
        if table.streamed:
            assert issubclass(table, VersionedTable), table.__name__


def test_counts_are_as_of_a_record(cloud: Any) -> None:
    recorded(*voucher_changes(versions=2))
    assert {row.record.as_of for row in VoucherCountRow.query("*")} == {2}


# --------------------------------------------------------------------------- daily roots


def sealed(*, day: int = 1) -> dict[str, int]:
    at = NOW.replace(day=day, hour=16, minute=50)
    return seal_audit(system_context("seal_audit", now=at, request_id="req_seal"))


def _roots() -> dict[str, dict[str, Any]]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket="voucher-test-evidence", Prefix="audit/").get("Contents", [])
    return {item["Key"]: s3.head_object(Bucket="voucher-test-evidence", Key=item["Key"]) for item in listed}


def _rewrite() -> None:
    """Edit the third record and compute everything after it anew, the head too."""
    rows = [row.record for row in _rows()]
    head = head_after(rows[1])
    for row in [msgspec.structs.replace(rows[2], actor="acc_innocent"), *rows[3:]]:
        forged = link(row, head)
        AuditRow.from_record(forged).save()
        head = head_after(forged)
    ChainHeadRow.from_record(head).save()


def test_the_days_root_is_locked_for_the_years_of_the_policy_and_written_once(world: Any) -> None:
    recorded(*voucher_changes(versions=4))
    assert sealed()["sealed"] == 1
    roots = _roots()
    assert list(roots) == ["audit/3401/2026-09-02.json"], "00:50 in Shanghai is the next day"
    lock = roots["audit/3401/2026-09-02.json"]
    assert lock["ObjectLockMode"] == "COMPLIANCE"
    assert lock["ObjectLockRetainUntilDate"].date() >= date(2029, 9, 1)
    assert sealed()["sealed"] == 0
    recorded(*voucher_changes("vch_later"))
    assert sealed()["sealed"] == 0
    assert sealed(day=2)["sealed"] == 1
    versions = boto3.client("s3").list_object_versions(Bucket="voucher-test-evidence", Prefix="audit/")
    assert len(versions["Versions"]) == 2


def test_a_rewritten_chain_with_its_head_is_found_by_the_root(api: Any, world: Any) -> None:
    recorded(*voucher_changes(versions=2))
    assert sealed()["sealed"] == 1
    recorded(*voucher_changes(start=3, versions=2), *voucher_changes("vch_bbbb"))
    assert sealed(day=2)["sealed"] == 1
    assert verdict(api)["intact"]
    _rewrite()
    answer = verdict(api)
    assert not answer["intact"]
    assert answer["first_bad"]["seq"] == 3, "the first record no root vouches for"
    with pytest.raises(Tampered):
        sealed(day=3)


def test_a_root_that_somebody_adds_is_no_help(api: Any, world: Any) -> None:
    recorded(*voucher_changes(versions=4))
    sealed()
    _rewrite()
    head = ChainHeadRow.get("3401").record
    boto3.client("s3").put_object(
        Bucket="voucher-test-evidence",
        Key="audit/3401/2026-09-02.json",
        Body=msgspec.json.encode(head),
    )
    assert verdict(api)["first_bad"]["seq"] == 1


def test_a_record_nobody_can_read_is_named(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=4))
    third = _rows()[2]
    key = {"subject": {"S": third.subject}, "entry": {"S": third.entry}}
    boto3.client("dynamodb").update_item(
        TableName=AuditRow.Meta.table_name,
        Key=key,
        UpdateExpression="SET #at = :x",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":x": {"S": "yesterday"}},
    )
    assert verdict(api)["first_bad"]["seq"] == 3


def test_a_forged_record_with_a_number_below_the_first_is_found(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=2))
    row = _rows()[0]
    row.subject, row.seq = "vch_forged", 0
    row.save()
    assert not verdict(api)["intact"]


def test_a_long_walk_goes_on_where_the_answer_says(api: Any, cloud: Any) -> None:
    recorded(*voucher_changes(versions=4))
    second = _rows()[1].record
    place = {"chain": "3401", "seq": second.seq, "hash": second.hash}
    assert verdict(api, after=place)["intact"]
    assert not verdict(api, after={**place, "hash": "0" * 64})["intact"]
    assert api("supervisor_wuhu").post("/v1/audit/verify", {"after": place}).status == 404


# --------------------------------------------------------------------------- exactly one record


def test_a_row_set_back_to_an_old_version_is_recorded(api: Any, cloud: Any) -> None:
    """Its version has a record already; the change behind the service's back must not hide behind it."""
    recorded(*voucher_changes(versions=3))
    back = stream_record(VoucherRow, a_voucher(version=3), a_voucher(version=2, face_value_fen=1))
    assert recorded(back) == {"changes": 1, "recorded": 1}
    assert recorded(back) == {"changes": 1, "recorded": 0}
    assert history(api, "vch_aaaa")[-1]["after"]["face_value_fen"] == 1
    assert verdict(api)["intact"]


def test_a_row_made_again_is_recorded_again(api: Any, cloud: Any) -> None:
    gone = stream_record(VoucherRow, a_voucher(), None)
    again = stream_record(VoucherRow, None, a_voucher(face_value_fen=7))
    batch = [*voucher_changes(), gone, again]
    assert recorded(*batch) == {"changes": 3, "recorded": 3}
    assert recorded(*batch) == {"changes": 3, "recorded": 0}
    assert [bool(item["after"]) for item in history(api, "vch_aaaa")] == [True, False, True]


# ------------------------------------------------------------------------------------------ unreadable


@pytest.mark.parametrize(
    "broken", [{"S": '{"actor": 7}'}, {"S": "no json"}, {"S": '{"actor": "a", "role": "king"}'}]
)
def test_a_malformed_last_change_stops_nothing_and_is_recorded_as_unreadable(
    api: Any, cloud: Any, broken: dict[str, str]
) -> None:
    before, bad, behind = (voucher_changes(name)[0] for name in ("vch_before", "vch_bad", "vch_behind"))
    bad["dynamodb"]["NewImage"]["last_change"] = broken
    assert recorded(before, bad, behind) == {"changes": 3, "recorded": 3}
    assert recorded(before, bad, behind)["recorded"] == 0, "a repeat records nothing"
    assert [len(history(api, name)) for name in ("vch_before", "vch_behind")] == [1, 1]
    (record,) = [row.record for row in AuditRow.scan() if row.action == "row.unreadable"]
    assert record.subject.startswith("row_")
    assert (record.chain, record.table, record.actor) == ("34", "vouchers", "unknown")
    assert set(record.after) == {"row", "why"}
    assert "vch_bad" not in repr(record)
    assert "340***" not in repr(record)
    assert verdict(api, "province")["intact"]
    (shown,) = history(api, record.subject, who="province")
    assert shown["action"] == "row.unreadable"


def test_the_digests_of_what_cannot_be_read_tell_its_row_and_its_content_apart(cloud: Any) -> None:
    def observed(name: str, note: str) -> Any:
        [record] = voucher_changes(name)
        record["dynamodb"]["NewImage"]["last_change"] = {"S": note}
        return observe_unreadable(record, "ValueError", system_context("a", now=NOW, request_id="r")).record

    first, same_row, other = observed("vch_a", "x"), observed("vch_a", "y"), observed("vch_b", "x")
    assert first.subject == same_row.subject != other.subject
    assert first.after["row"] != same_row.after["row"]


def test_a_record_that_the_table_does_not_take_does_not_take_the_good_ones_with_it(
    api: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [voucher_changes(name)[0] for name in ("vch_one", "vch_bad", "vch_two")]
    genuine = audit_store.append

    def append(records: Any, **options: Any) -> None:
        if any(record.subject == "vch_bad" for record in records):
            raise ValueError("a value that no table takes")
        genuine(records, **options)

    monkeypatch.setattr(audit_store, "append", append)
    with pytest.raises(RecordsUndone):
        recorded(*changes)
    assert [len(list(AuditRow.query(name))) for name in ("vch_one", "vch_bad", "vch_two")] == [1, 0, 1]
    monkeypatch.setattr(audit_store, "append", genuine)
    assert recorded(*changes)["recorded"] == 1
    assert verdict(api)["intact"]
