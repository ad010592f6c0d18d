"""The indexes of the table of deliveries: by state, for people, and by when a machine has to act."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.table import MomentAttribute


class ByQueue(GlobalSecondaryIndex[Any]):
    """Deliveries by state, area and shard, oldest first, without their bodies: what people list."""

    class Meta:
        index_name = "by_queue"
        projection = IncludeProjection(
            [
                "message_id",
                "event",
                "area",
                "division",
                "state",
                "attempts",
                "failure",
                "sent_at",
                "answered_at",
                "version",
            ]
        )

    queue = UnicodeAttribute(hash_key=True)
    occurred_at = MomentAttribute(range_key=True)


class ByDue(GlobalSecondaryIndex[Any]):
    """What a machine has to act on, by when it has to: only pending and sent deliveries stand here."""

    class Meta:
        index_name = "by_due"
        projection = IncludeProjection(["area", "attempts", "state"])

    due_line = UnicodeAttribute(hash_key=True)
    due_at = MomentAttribute(range_key=True)
