"""A table with two schema versions, as an old and as a new program declare it.

In the first a letter names its sender in one text (`sender`: "安徽省 人社厅"), in the second in two (`province`,
`office`); the old attribute is gone. Readers of the first would misread the second.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table as tables
from chalicelib.aws.table import VersionedTable, connection, table_name
from chalicelib.kernel.principal import Change


class OldLetter(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    sender: str
    text: str
    version: int = 1
    last_change: Change | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    province: str
    office: str
    text: str
    version: int = 1
    last_change: Change | None = None


def sender_in_two(raw: dict[str, Any]) -> dict[str, Any]:
    if "sender" not in raw:  # a part of a row, from an index
        return raw
    province, _, office = raw["sender"]["S"].partition(" ")
    rest = {name: value for name, value in raw.items() if name != "sender"}
    return {**rest, "province": {"S": province}, "office": {"S": office}}


class Post:
    """Both programs' tables, and the rows as they are stored."""

    def __init__(self) -> None:
        class OldLetterRow(VersionedTable[OldLetter]):
            class Meta:
                table_name = table_name("letters")

            record_type = OldLetter

            id = UnicodeAttribute(hash_key=True)
            sender = UnicodeAttribute()
            text = UnicodeAttribute()

        class LetterRow(VersionedTable[Letter]):
            class Meta:
                table_name = table_name("letters")

            record_type = Letter
            schema_version = 2
            upgrades: ClassVar[Any] = {1: sender_in_two}

            id = UnicodeAttribute(hash_key=True)
            province = UnicodeAttribute()
            office = UnicodeAttribute()
            text = UnicodeAttribute()

        self.old: Any = OldLetterRow
        self.new: Any = LetterRow

    def stored(self, letter: str) -> dict[str, Any]:
        answer = connection().client.get_item(TableName=self.new.Meta.table_name, Key={"id": {"S": letter}})
        return answer["Item"]


@pytest.fixture
def post(world: Any) -> Iterator[Post]:
    """Give the table of letters; who asks for a table by its name meets the new program."""
    known = list(tables._tables)
    post = Post()
    tables._tables[:] = [*known, post.new]
    post.new.create_table(billing_mode="PAY_PER_REQUEST")
    yield post
    post.new.delete_table()
    tables._tables[:] = known
