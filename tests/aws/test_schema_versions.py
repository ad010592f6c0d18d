"""Rows of the schema version before are read and written by a program that has a new one, and never half."""

from typing import Any, ClassVar

import pytest

from chalicelib.aws.schema import modernise
from chalicelib.aws.streams import row_changes
from chalicelib.aws.table import VersionedTable, all_tables, read_together
from chalicelib.aws.writes import Check, ConditionFailed, Put, Update, insert, transact, update
from chalicelib.kernel.errors import Unavailable
from chalicelib.supervision.migration.model import MIGRATED
from tests.support.letters import Letter, OldLetter, Post, post

__all__ = ["post"]


def old(letter: str = "l1") -> OldLetter:
    return OldLetter(id=letter, sender="安徽省 人社厅", text="通知")


def new(letter: str = "l1") -> Letter:
    return Letter(id=letter, province="安徽省", office="人社厅", text="通知")


@pytest.fixture
def stored_old(post: Post, world: Any) -> Any:
    insert(post.old.from_record(old()), change=world.change)
    return post.stored("l1")


def test_the_first_version_is_not_written_down(post: Post, stored_old: Any) -> None:
    assert "sv" not in stored_old


def test_a_new_row_tells_its_version(post: Post, world: Any) -> None:
    insert(post.new.from_record(new()), change=world.change)
    assert post.stored("l1")["sv"] == {"N": "2"}
    transact([Put(post.new.from_record(new("l2")))], change=world.change)
    assert post.stored("l2")["sv"] == {"N": "2"}


def test_every_reader_accepts_the_version_before(post: Post, stored_old: Any) -> None:
    def told(letter: Letter) -> tuple[str, str, str]:
        return letter.province, letter.office, letter.text

    wanted = ("安徽省", "人社厅", "通知")
    assert told(post.new.read("l1")) == wanted
    assert [told(letter) for letter in post.new.find_many(["l1"])] == [wanted]
    assert [told(row.record) for row in post.new.query("l1")] == [wanted]
    assert [told(row.record) for row in post.new.scan()] == [wanted]
    assert told(post.new.record_of(stored_old)) == wanted
    assert [told(letter) for letter in read_together({post.new: [{"id": "l1"}]})[post.new]] == [wanted]
    row = post.new("l1")
    row.refresh()
    assert told(row.record) == wanted
    assert post.stored("l1") == stored_old, "reading writes nothing"


def test_a_part_of_a_row_is_read_too(post: Post) -> None:
    assert post.new.from_raw_data({"id": {"S": "l1"}}).id == "l1"


def test_an_update_rewrites_an_older_row_first_and_mixes_nothing(
    post: Post, world: Any, stored_old: Any
) -> None:
    changed = update(
        post.new,
        ("l1",),
        [post.new.text.set("更正")],
        condition=post.new.office == "人社厅",
        change=world.change,
    )
    assert (changed.province, changed.text, changed.version) == ("安徽省", "更正", 2)
    assert set(post.stored("l1")) == {
        "id",
        "province",
        "office",
        "text",
        "version",
        "op_id",
        "last_change",
        "sv",
    }


def test_a_condition_that_does_not_hold_is_told_in_the_new_form(
    post: Post, world: Any, stored_old: Any
) -> None:
    with pytest.raises(ConditionFailed) as failed:
        update(
            post.new,
            ("l1",),
            [post.new.text.set("更正")],
            condition=post.new.office == "财政厅",
            change=world.change,
        )
    assert failed.value.old.office == "人社厅"
    assert post.stored("l1")["text"] == {"S": "通知"}


def test_a_transaction_rewrites_each_older_row_that_it_meets(post: Post, world: Any) -> None:
    for letter in ("l1", "l2", "l3"):
        insert(post.old.from_record(old(letter)), change=world.change)
    fresh = post.new.from_record(new("l3"))
    fresh.version, fresh.text = 2, "全文重发"
    transact(
        [
            Update(post.new, ("l1",), [post.new.text.set("更正")], post.new.office == "人社厅"),
            Check(post.new, ("l2",), post.new.province == "安徽省"),
            Put(fresh, condition=post.new.version == 1),
            Put(post.new.from_record(new("l4"))),
        ],
        change=world.change,
    )
    for letter in ("l1", "l2", "l3", "l4"):
        assert post.stored(letter)["sv"] == {"N": "2"}, letter
        assert "sender" not in post.stored(letter)
    assert post.stored("l1")["text"] == {"S": "更正"}
    assert post.stored("l2")["version"] == {"N": "1"}, "only looked at"


def test_a_transaction_whose_condition_fails_on_an_older_row_writes_nothing_else(
    post: Post, world: Any, stored_old: Any
) -> None:
    with pytest.raises(ConditionFailed) as failed:
        transact(
            [
                Put(post.new.from_record(new("l2"))),
                Check(post.new, ("l1",), post.new.office == "财政厅"),
            ],
            change=world.change,
        )
    assert failed.value.index == 1
    assert post.new.find("l2") is None


def test_a_whole_row_is_put_over_an_older_one_only_if_its_condition_holds(
    post: Post, world: Any, stored_old: Any
) -> None:
    with pytest.raises(ConditionFailed) as failed:
        insert(post.new.from_record(new()), change=world.change)
    assert failed.value.old.office == "人社厅"
    insert(post.new.from_record(new()), change=world.change, condition=post.new.office == "人社厅")
    assert post.stored("l1")["sv"] == {"N": "2"}


def test_a_row_that_was_written_since_it_was_read_is_not_rewritten(
    post: Post, world: Any, stored_old: Any
) -> None:
    update(
        post.old,
        ("l1",),
        [post.old.text.set("旧程序的更正")],
        condition=post.old.version == 1,
        change=world.change,
    )
    assert modernise(post.new, stored_old) is False
    assert post.stored("l1")["text"] == {"S": "旧程序的更正"}
    assert modernise(post.new, post.stored("l1")) is True
    assert modernise(post.new, post.stored("l1")) is False, "once"
    assert post.new.read("l1").text == "旧程序的更正"


def test_rewriting_changes_neither_version_nor_who_wrote_last(post: Post, stored_old: Any) -> None:
    modernise(post.new, stored_old)
    now = post.stored("l1")
    assert {name: now[name] for name in ("version", "op_id", "last_change", "text")} == {
        name: stored_old[name] for name in ("version", "op_id", "last_change", "text")
    }


def test_the_program_of_before_refuses_a_row_that_it_would_misread(post: Post, world: Any) -> None:
    insert(post.new.from_record(new()), change=world.change)
    with pytest.raises(Unavailable):
        post.old.read("l1")


def test_rewriting_is_told_to_nobody_and_a_change_of_an_older_row_is(
    post: Post, world: Any, stored_old: Any
) -> None:
    def event(before: Any, after: Any) -> dict[str, Any]:
        images = {"OldImage": before, "NewImage": after, "Keys": {"id": before["id"]}, "SequenceNumber": "1"}
        arn = f"arn:aws-cn:dynamodb:cn-north-1:1:table/{post.new.Meta.table_name}/stream/x"
        return {"Records": [{"eventSourceARN": arn, "eventName": "MODIFY", "dynamodb": images}]}

    modernise(post.new, stored_old)
    assert list(row_changes(event(stored_old, post.stored("l1")))) == []
    update(
        post.new, ("l1",), [post.new.text.set("更正")], condition=post.new.version == 1, change=world.change
    )
    (change,) = row_changes(event(stored_old, post.stored("l1")))
    assert (change.before or {})["office"] == (change.after or {})["office"] == "人社厅"
    assert (change.version, (change.after or {})["text"]) == (2, "更正")


def test_upgrades_lead_to_the_version_that_is_written() -> None:
    with pytest.raises(TypeError, match="do not lead to version 3"):

        class Broken(VersionedTable[Letter]):
            schema_version = 3
            upgrades: ClassVar[Any] = {1: dict}


def test_a_version_whose_upgrade_is_gone_is_not_guessed_at(post: Post, stored_old: Any) -> None:
    class Later(VersionedTable[Letter]):
        schema_version = 3
        upgrades: ClassVar[Any] = {2: dict}

    with pytest.raises(LookupError):
        Later.in_current_form(stored_old)


def test_the_job_knows_each_table_with_more_than_one_version() -> None:
    upgraded = {
        table.Meta.table_name.removeprefix("voucher-test-") for table in all_tables() if table.upgrades
    }
    assert upgraded == set(MIGRATED)
