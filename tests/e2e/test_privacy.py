"""After a whole life on the deployed stack, no table, stream, queue, name or log shows a number."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local.people import make_person
from infra.privacy_scan import scan_local_stack

pytestmark = pytest.mark.cloud


def test_the_stack_holds_no_number_in_the_clear_and_shows_a_planted_one(stack: Any, facts: Any) -> None:
    folder = Path(stack.folder) / "local"
    report = scan_local_stack(folder)
    assert report.read["items"] > 0
    assert report.found == []
    person = make_person(5, today=datetime.now(UTC).date())
    s3 = boto3.client(
        "s3",
        endpoint_url=facts["aws_endpoint_url"],
        region_name=facts["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    key = f"planted/{person.id_number}"
    s3.put_object(Bucket=bucket, Key=key, Body=b"")
    try:
        assert {one.kind for one in scan_local_stack(folder).found} == {"id_number"}
    finally:
        s3.delete_object(Bucket=bucket, Key=key)
