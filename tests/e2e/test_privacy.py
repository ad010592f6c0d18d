"""The scan of the deployed stack finds a planted number; what a whole life leaves is in test_story."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local.people import make_person
from infra.privacy_scan import scan_local_stack

pytestmark = pytest.mark.cloud


def test_the_scan_finds_a_planted_number(stack: Any, facts: Any) -> None:
    folder = Path(stack.folder) / "local"
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
