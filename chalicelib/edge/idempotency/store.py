"""The table of first answers."""

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name


class FirstAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the first call."""

    id: str
    body_digest: str
    leased_until: int
    expires: int
    status_code: int | None = None
    sealed_body: str | None = None
    content_type: str | None = None


class FirstAnswerRow(Table[FirstAnswer]):
    """One row per caller, method, path and key."""

    class Meta:
        table_name = table_name("idempotency")

    record_type = FirstAnswer
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    body_digest = UnicodeAttribute()
    leased_until = NumberAttribute()
    expires = NumberAttribute()
    status_code = NumberAttribute(null=True)
    sealed_body = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute(null=True)
