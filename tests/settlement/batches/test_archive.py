"""The payment file of a sealed batch is stored: what is exported later is what was sealed, to the byte."""

import csv
import hashlib
import io
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib.aws import crypto
from chalicelib.aws.settings import settings
from chalicelib.settlement.batches import payment_file
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import Member
from chalicelib.settlement.batches.payment_file import Account, Column
from chalicelib.settlement.batches.payment_file_v1 import write_payment_file_v1
from chalicelib.settlement.batches.store import FILES, BatchRow, PayeeRow
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.reading import read_table
from tests.settlement.batches.test_batches import file_of
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def longer_table(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program of next year: one more column, in the midst of the others, with a total of its own."""

    def add() -> None:
        remark = Column("remark", lambda _, account: f"to {account.bank}", lambda totals: f"{totals.count}!")
        first, *others = payment_file.COLUMNS
        monkeypatch.setattr(payment_file, "COLUMNS", (first, remark, *others))

    return add


def export(money: Money, batch: Any, form: str) -> Any:
    path = f"/v1/settlement-batches/{batch['id']}/export"
    return money.api("finance_two").post(path, {"format": form}, at=money.now)


def exported(money: Money, batch: Any, form: str) -> bytes:
    answer = money.ok(export(money, batch, form))
    raw = file_of(answer)
    assert answer["sha256"] == hashlib.sha256(raw).hexdigest()
    return raw


def versions() -> list[Any]:
    listed = boto3.client("s3").list_object_versions(Bucket=settings().evidence_bucket, Prefix=FILES)
    return list(listed.get("Versions", []))


def forget(version: Any) -> None:
    boto3.client("s3").delete_object(
        Bucket=settings().evidence_bucket,
        Key=version["Key"],
        VersionId=version["VersionId"],
        BypassGovernanceRetention=True,
    )


def sealed_before_files_were_stored(money: Money) -> Any:
    """A batch as the program before left it: with the digest of its csv, and nothing in the bucket."""
    batch = money.sealed(scored_class(money.world, 2))
    BatchRow(batch["id"]).update(actions=[BatchRow.workbook_digest.remove()])
    for version in versions():
        forget(version)
    return batch


# --------------------------------------------------------------------------- what was sealed stays


def test_a_new_column_changes_nothing_of_a_batch_that_was_sealed_before_it(
    money: Money, longer_table: Any
) -> None:
    batch = money.sealed(scored_class(money.world, 2))
    longer_table()
    raw = exported(money, batch, "csv")
    assert hashlib.sha256(raw).hexdigest() == batch["digest"]
    assert "remark" not in raw.decode()
    header, *_ = csv.reader(io.StringIO(raw.decode()))
    known = {name.replace(" ", ""): (name.replace(" ", ""),) for name in header}
    *_, total = read_table(exported(money, batch, "xlsx"), XLSX, known, frozenset())
    assert total.cells["class"] == batch["digest"]
    assert int(total.cells["amount_fen"]) == batch["amount_fen"]


def test_a_new_column_stands_in_the_next_batch_with_its_total_under_its_own_header(
    money: Money, longer_table: Any
) -> None:
    longer_table()
    batch = money.sealed(scored_class(money.world, 2))
    rows = list(csv.DictReader(io.StringIO(exported(money, batch, "csv").decode())))
    assert [row["remark"] for row in rows] == [f"to {row['bank']}" for row in rows]
    names = {name.replace(" ", ""): (name.replace(" ", ""),) for name in rows[0]}
    *_, total = read_table(exported(money, batch, "xlsx"), XLSX, names, frozenset())
    assert (total.cells["remark"], total.cells["accountholder"]) == ("2!", "2 笔")
    assert total.cells["class"] == batch["digest"]


def test_the_stored_file_is_sealed_locked_and_named_by_opaque_ids(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    raw = exported(money, batch, "csv")
    (row,) = csv.DictReader(io.StringIO(raw.decode()))
    stored = versions()
    workbook_digest = hashlib.sha256(exported(money, batch, "xlsx")).hexdigest()
    assert {version["Key"] for version in stored} == {
        f"{FILES}{batch['id']}/{batch['digest']}",
        f"{FILES}{batch['id']}/{workbook_digest}",
    }
    s3 = boto3.client("s3")
    for version in stored:
        stored_file = s3.get_object(Bucket=settings().evidence_bucket, Key=version["Key"])
        assert row["account number"].encode() not in stored_file["Body"].read()
        assert stored_file["ObjectLockMode"] == "GOVERNANCE"
        assert stored_file["ObjectLockRetainUntilDate"] > money.now + timedelta(days=30 * 365)


def test_each_export_leaves_a_record_of_who_looked_at_how_many_accounts(money: Money) -> None:
    from chalicelib.accounts.disclosures.store import AccessRow

    batch = money.sealed(scored_class(money.world, 2))
    before = {row.access for row in AccessRow.query(batch["id"])}
    exported(money, batch, "csv")
    (look,) = (row.record for row in AccessRow.query(batch["id"]) if row.access not in before)
    officer = batches_store.find_batch(batch["id"]).last_change.actor
    assert (look.purpose, look.items) == ("hand out the payment file", 1)
    assert look.last_change.actor == officer


def test_what_somebody_puts_over_a_stored_file_is_not_given_out(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    raw = exported(money, batch, "csv")
    csv_file, workbook = sorted(
        versions(), key=lambda version: version["Key"].endswith(batch["digest"]), reverse=True
    )
    s3 = boto3.client("s3")
    other = s3.get_object(Bucket=settings().evidence_bucket, Key=workbook["Key"])["Body"].read()
    forged = crypto.seal(raw.replace(b"180000", b"980000"), item=csv_file["Key"]).encode()
    for body in (other, b"v1.x.y", b"line_id,account number\r\n", forged):
        s3.put_object(Bucket=settings().evidence_bucket, Key=csv_file["Key"], Body=body)
    assert exported(money, batch, "csv") == raw
    s3.delete_object(Bucket=settings().evidence_bucket, Key=csv_file["Key"])
    assert exported(money, batch, "csv") == raw, "put out of sight, as the bucket's rule does after years"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_batch_whose_stored_file_is_gone_is_not_exported_and_says_so(money: Money, form: str) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    for version in versions():
        forget(version)
    refused = export(money, batch, form)
    assert (refused.status, refused.json["code"]) == (409, "payment_file_lost")
    assert money.batch(batch)["status"] == "sealed"


# --------------------------------------------------------------------------- sealed before files were stored


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_older_batch_is_written_once_as_it_was_and_stored(
    money: Money, longer_table: Any, form: str
) -> None:
    batch = sealed_before_files_were_stored(money)
    longer_table()
    first = exported(money, batch, form)
    stored = versions()
    assert len(stored) == 2
    assert exported(money, batch, form) == first
    assert versions() == stored, "written once"
    assert hashlib.sha256(exported(money, batch, "csv")).hexdigest() == batch["digest"]
    assert "remark" not in exported(money, batch, "csv").decode()
    money.pay(batch)
    assert money.batch(batch)["status"] == "closed"


def test_an_older_batch_that_cannot_be_written_as_it_was_is_refused(money: Money) -> None:
    batch = sealed_before_files_were_stored(money)
    (payee,) = PayeeRow.query(batch["id"])
    payee.update(actions=[PayeeRow.holder.set("别的户名")])
    refused = export(money, batch, "csv")
    assert (refused.status, refused.json["code"]) == (409, "payment_file_lost")
    assert versions() == []


MEMBERS = [
    Member(f"lin_{number}-0{number}", "enr_1", "vch_1", uscc, "prg_a", 2026, 180_000)  # type: ignore[arg-type]
    for number, uscc in ((2, "91340100MA2T0H8M7X"), (1, "91340200MA2T0H8M7Y"))
]
ACCOUNTS = {
    "91340100MA2T0H8M7X": Account("=合肥市启明学校", "徽商银行", "6222020000000009993"),
    "91340200MA2T0H8M7Y": Account("芜湖, 第一学校", "中国银行", "622200000001"),
}


def test_the_first_version_of_the_file_is_frozen_to_the_byte() -> None:
    """If this fails, no batch that was sealed before files were stored can be exported: do not change it."""
    file = write_payment_file_v1(MEMBERS, ACCOUNTS)
    assert file.csv.decode() == (
        "line_id,institution,account holder,bank,account number,amount_fen,program,class\r\n"
        'lin_1-01,91340200MA2T0H8M7Y,"芜湖, 第一学校",中国银行,622200000001,180000,prg_a,cls_1\r\n'
        "lin_2-02,91340100MA2T0H8M7X,'=合肥市启明学校,徽商银行,6222020000000009993,180000,prg_a,cls_2\r\n"
    )
    assert file.csv_digest == "217140b2a715c3e726fa9786fdc2902ca36eeaea64af7bc7c1efa8f8652d4c98"
