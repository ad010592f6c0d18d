"""A row is read once within a request that only looks; whatever is written is read anew."""

from typing import Any

from chalicelib.aws.reading import answered, each_once, want
from chalicelib.classes.store import heads_by_id
from tests.classes.builders import Classroom
from tests.support.calls import asked
from tests.support.pages import Visitor


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


class Store:
    """Answers as DynamoDB does, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rows = {name: {"id": {"S": name}, "n": {"N": "1"}} for name in ("a", "b", "c")}

    def __call__(self, operation: str, asked_for: dict[str, Any]) -> Any:
        self.asked.append(operation)
        if operation == "GetItem":
            row = self.rows.get(asked_for["Key"]["id"]["S"])
            return {"Item": row} if row else {}
        if operation == "BatchGetItem":
            keys = asked_for["RequestItems"]["t"]["Keys"]
            found = [self.rows[one["id"]["S"]] for one in keys if one["id"]["S"] in self.rows]
            return {"Responses": {"t": found}, "UnprocessedKeys": {}}
        return {"Items": []}


def get(store: Store, name: str, *, consistent: bool = True) -> Any:
    return answered(store, "GetItem", {"TableName": "t", "Key": key(name), "ConsistentRead": consistent})


def many(store: Store, *names: str) -> set[str]:
    request = {"Keys": [key(name) for name in names], "ConsistentRead": True}
    answer = answered(store, "BatchGetItem", {"RequestItems": {"t": request}})
    return {row["id"]["S"] for row in answer["Responses"]["t"]}


def test_an_item_is_asked_for_once_whether_alone_or_among_many() -> None:
    store = Store()
    with each_once():
        assert get(store, "a")["Item"]["n"] == {"N": "1"}
        assert get(store, "a")["Item"]["n"] == {"N": "1"}
        assert many(store, "a", "b", "missing") == {"a", "b"}
        assert many(store, "b", "missing") == {"b"}
        assert get(store, "missing") == {}
        assert store.asked == ["GetItem", "BatchGetItem"]
        assert get(store, "a", consistent=False)["Item"], "the state of now does for an older one too"
        assert get(store, "c", consistent=False)["Item"]
        assert len(store.asked) == 3
        get(store, "c")
        assert len(store.asked) == 4, "but never the other way round"


def test_what_is_wanted_comes_along_with_the_next_read_and_is_asked_for_no_more() -> None:
    store = Store()
    with each_once():
        want("t", [key("b"), key("missing")])
        want("t", [key("a")])
        assert get(store, "a")["Item"]["id"] == {"S": "a"}
        assert store.asked == ["BatchGetItem"]
        assert get(store, "b")["Item"]
        assert get(store, "missing") == {}
        assert many(store, "a", "b", "missing") == {"a", "b"}
        assert store.asked == ["BatchGetItem"]
        want("t", [key("a")])
        get(store, "c")
        assert store.asked == ["BatchGetItem", "GetItem"], "what is known is wanted no more"
    want("t", [key("a")])
    get(store, "b")
    assert store.asked[-1] == "GetItem", "outside nothing is wanted"


def test_who_asks_for_many_gets_theirs_alone_and_what_was_left_unanswered_is_asked_for_again() -> None:
    store = Store()
    with each_once():
        want("t", [key("c")])
        assert many(store, "a") == {"a"}

    def busy(operation: str, asked_for: dict[str, Any]) -> Any:
        answer = store(operation, asked_for)
        if operation == "BatchGetItem":
            request = asked_for["RequestItems"]["t"]
            return {"Responses": {"t": []}, "UnprocessedKeys": {"t": request}}
        return answer

    with each_once():
        want("t", [key("c")])
        request = {"Keys": [key("a")], "ConsistentRead": True}
        answer = answered(busy, "BatchGetItem", {"RequestItems": {"t": request}})
        assert answer["UnprocessedKeys"]["t"]["Keys"] == [key("a")], "not what only came along"
        assert get(store, "c")["Item"], "and it is not taken to be absent"
        want("t", [key("b")])
        asked_one = {"TableName": "t", "Key": key("a"), "ConsistentRead": True}
        assert answered(busy, "GetItem", asked_one)["Item"], "the one is asked for by itself then"


def test_no_call_has_more_keys_than_the_store_takes() -> None:
    store = Store()
    most: list[int] = []

    def counting(operation: str, asked_for: dict[str, Any]) -> Any:
        if operation == "BatchGetItem":
            most.append(sum(len(part["Keys"]) for part in asked_for["RequestItems"].values()))
        return store(operation, asked_for)

    with each_once():
        want("t", [key(f"k{number}") for number in range(250)])
        for name in ("a", "b", "c"):
            answered(counting, "GetItem", {"TableName": "t", "Key": key(name), "ConsistentRead": True})
    assert most == [100, 100, 53]


def test_nothing_is_known_outside_and_an_answer_is_the_readers_own() -> None:
    store = Store()
    get(store, "a")
    with each_once():
        get(store, "a")["Item"]["n"] = {"N": "9"}
        store.rows["a"] = {**key("a"), "n": {"N": "2"}}
        assert get(store, "a")["Item"]["n"] == {"N": "1"}
    assert get(store, "a")["Item"]["n"] == {"N": "2"}
    assert store.asked == ["GetItem"] * 3


def test_a_table_that_is_written_is_read_anew_and_no_other() -> None:
    store = Store()
    writes: list[tuple[str, dict[str, Any]]] = [
        ("PutItem", {"TableName": "t"}),
        ("BatchWriteItem", {"RequestItems": {"t": []}}),
        ("TransactWriteItems", {"TransactItems": [{"ConditionCheck": {"TableName": "t"}}]}),
    ]
    with each_once():
        for operation, asked_for in writes:
            get(store, "a")
            answered(store, operation, asked_for)
            store.asked.clear()
            get(store, "a")
            assert store.asked == ["GetItem"], operation
            answered(store, "PutItem", {"TableName": "other"})
            store.asked.clear()
            get(store, "a")
            assert store.asked == [], operation


def test_classes_are_read_once_in_one_request_and_a_page_asks_for_less(world: Any) -> None:
    room = Classroom(world).approved()
    with each_once(), asked() as operations:
        for _ in range(3):
            assert [head.id for head in heads_by_id([room.id])] == [room.id]
    assert operations == ["BatchGetItem"]
    clerk = Visitor(world.api, "clerk", at=world.now)
    clerk.get(f"/console/classes/{room.id}")
    with asked() as operations:
        assert clerk.get(f"/console/classes/{room.id}").status == 200
    assert len(operations) <= 6, operations
