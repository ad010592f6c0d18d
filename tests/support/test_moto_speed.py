"""What the tests' queues do with less work, they do the same: `tests/support/moto_speed.py`."""

import os
from typing import Any

from chalicelib.aws.clients import client


def test_a_message_is_kept_as_long_as_its_queue_says(cloud: Any) -> None:
    url = os.environ["IMPORTS_QUEUE_URL"]
    client("sqs").send_message(QueueUrl=url, MessageBody='{"n": 1}')
    if "AWS_ENDPOINT_URL" not in os.environ:
        from moto.backends import get_backend

        queue = get_backend("sqs")["123456789012"]["cn-north-1"].queues["voucher-test-imports"]
        young = queue._messages[0].sent_timestamp
        queue._messages[0].sent_timestamp = young - queue.message_retention_period * 1000 - 1
        assert cloud.messages("imports") == []
        queue._messages[0].visible_at = 0
        queue._messages[0].sent_timestamp = young
    assert cloud.messages("imports") == [{"n": 1}]
