"""What a restore asks DynamoDB for, and when it does not begin; `tests/e2e/test_story_restored.py` runs one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.deployment.restore import EVIDENCE, NotRestored, Restore, Source, moment_of
from infra.deployment.storage import read_table

MOMENT = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
VOUCHERS = Source("vouchers", "voucher-prod-vouchers", "voucher-prod-r1-vouchers")
AUDIT = Source("audit-records", "voucher-prod-audit-records", "voucher-prod-r1-audit-records")
KEY = "arn:aws-cn:kms:cn-north-1:111122223333:key/1"


@pytest.fixture
def restore() -> Restore:
    session = boto3.Session("test", "test", region_name="cn-north-1")
    return Restore(session, stage="prod", generation="r1", moment=MOMENT, poll_seconds=0)


def window(status: str, *, first: datetime, last: datetime) -> dict[str, Any]:
    recovery = {
        "PointInTimeRecoveryStatus": status,
        "EarliestRestorableDateTime": first,
        "LatestRestorableDateTime": last,
    }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }


def test_all_tables_are_asked_before_the_first_is_restored(restore: Restore) -> None:
    day = timedelta(days=1)
    stub = Stubber(restore._tables)
    late = window("ENABLED", first=MOMENT + day, last=MOMENT + 2 * day)
    stub.add_response("describe_continuous_backups", late)
    stub.add_response("describe_continuous_backups", window("DISABLED", first=MOMENT, last=MOMENT))
    with stub, pytest.raises(NotRestored) as reason:
        restore._require_window([VOUCHERS, AUDIT])
    assert "voucher-prod-vouchers: can be restored from 2026-11-29" in str(reason.value)
    assert "voucher-prod-audit-records: point-in-time recovery is off" in str(reason.value)


@pytest.mark.parametrize(
    ("source", "moment"),
    [(VOUCHERS, {"RestoreDateTime": MOMENT}), (AUDIT, {"UseLatestRestorableTime": True})],
)
def test_rows_go_back_to_the_moment_and_evidence_does_not(
    restore: Restore, source: Source, moment: dict[str, Any]
) -> None:
    table = {"TableName": source.full_name, "SSEDescription": {"KMSMasterKeyArn": KEY}}
    asked = {
        "SourceTableName": source.full_name,
        "TargetTableName": source.target,
        "BillingModeOverride": "PAY_PER_REQUEST",
        "SSESpecificationOverride": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
        **moment,
    }
    with Stubber(restore._tables) as stub:
        stub.add_response("describe_table", {"Table": table}, {"TableName": source.full_name})
        stub.add_response("restore_table_to_point_in_time", {}, asked)
        restore._begin(source)
        stub.assert_no_pending_responses()


def test_the_names_of_evidence_are_names_of_tables(template: dict[str, Any]) -> None:
    tables = [one for one in template["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table"]
    names = {table["Properties"]["TableName"].removeprefix("voucher-prod-") for table in tables}
    assert names >= EVIDENCE
    assert "vouchers" not in EVIDENCE


def test_a_restored_table_comes_beside_the_one_in_use_under_another_id() -> None:
    class Restored:
        streamed = True
        ttl_attribute = None

        class Meta:
            table_name = "voucher-prod-r1-claim-lines"

        @staticmethod
        def _get_schema() -> dict[str, Any]:
            keys = {"attribute_definitions": [], "key_schema": []}
            return {**keys, "global_secondary_indexes": [], "local_secondary_indexes": []}

    table = read_table(Restored, "prod", generation="r1")
    assert (table.name, table.logical_id) == ("claim-lines", "ClaimLinesTableR1")
    assert read_table(Restored, "prod").logical_id == "R1ClaimLinesTable", "another table altogether"


def test_a_moment_has_an_offset() -> None:
    assert moment_of("2026-11-28T09:00:00+08:00") == MOMENT
    with pytest.raises(Exception, match="needs its offset"):
        moment_of("2026-11-28T09:00:00")
