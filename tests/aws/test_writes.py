"""The promises of a write: once, or with the old item; also when an answer is lost."""

import msgspec
import pytest

from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.writes import (
    ConditionFailed,
    Put,
    Update,
    insert,
    names_none_of,
    none_of,
    transact,
    until_written,
    update,
)
from chalicelib.kernel.errors import Forbidden, Unavailable
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error


def account(name: str) -> Account:
    return Account(
        id=f"acc_{name}",  # type: ignore[arg-type]
        account=name,
        sealed_name="",
        role=Role.CLERK,
        division="3401",
        status=AccountStatus.ACTIVE,
    )


def test_a_write_whose_answer_was_lost_knows_its_own_success(cloud, world, lose_answers):
    lose_answers(1)
    insert(AccountRow.from_record(account("one")), change=world.change)
    lose_answers(1)
    changed = update(
        AccountRow,
        ("acc_one",),
        [AccountRow.institution.set("1")],
        condition=AccountRow.institution.does_not_exist(),
        change=world.change,
    )
    assert (changed.institution, changed.version) == ("1", 2)
    lose_answers(1)
    transact(
        [
            Put(AccountRow.from_record(account("two"))),
            Update(
                AccountRow, ("acc_one",), [AccountRow.institution.set("2")], AccountRow.institution == "1"
            ),
        ],
        change=world.change,
    )
    assert AccountRow.read("acc_one").institution == "2"
    assert AccountRow.read("acc_two").version == 1


def test_a_session_begins_though_the_answer_is_lost(cloud, world, lose_answers):
    from chalicelib.accounts.sign_in.model import Session
    from chalicelib.accounts.sign_in.store import SessionRow, create_session

    session = Session(
        id="ses_random",
        actor="acc_one",
        role=Role.CLERK,
        current_hash="h",
        expires=1,
        begun_at=world.now,
    )
    lose_answers(1)
    create_session(session)
    assert SessionRow.read("ses_random").actor == "acc_one"


def test_somebody_elses_write_is_not_taken_for_ones_own(cloud, world, lose_answers):
    insert(AccountRow.from_record(account("one")), change=world.change)
    lose_answers(1)
    with pytest.raises(ConditionFailed):
        insert(AccountRow.from_record(account("one")), change=world.change)


def test_a_second_insert_tells_what_is_there(cloud, world):
    insert(AccountRow.from_record(account("one")), change=world.change)
    with pytest.raises(ConditionFailed) as failure:
        insert(AccountRow.from_record(account("one")), change=world.change)
    assert failure.value.old.account == "one"


def test_a_transaction_is_all_or_nothing_and_tells_which_part_failed(cloud, world):
    insert(AccountRow.from_record(account("one")), change=world.change)
    with pytest.raises(ConditionFailed) as failure:
        transact(
            [
                Update(
                    AccountRow, ("acc_one",), [AccountRow.institution.set("9")], AccountRow.status == "active"
                ),
                Put(AccountRow.from_record(account("two"))),
                Update(AccountRow, ("acc_one2",), [AccountRow.institution.set("9")], AccountRow.id.exists()),
            ],
            change=world.change,
        )
    assert failure.value.index == 2
    assert AccountRow.find("acc_two") is None
    assert AccountRow.read("acc_one").institution is None


def test_an_update_counts_versions_and_keeps_its_reason(cloud, world):
    insert(AccountRow.from_record(account("one")), change=world.change)
    now = update(
        AccountRow,
        ("acc_one",),
        [AccountRow.institution.set("1")],
        condition=AccountRow.institution.does_not_exist(),
        change=world.change,
    )
    assert (now.version, now.institution, now.last_change) == (2, "1", world.change)


def test_a_write_that_others_came_before_is_decided_anew():
    attempts: list[int] = []

    def attempt() -> str:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise ConditionFailed(None)
        return "written"

    assert until_written(attempt) == "written"
    assert attempts == [0, 1, 2]


def test_a_write_that_others_always_come_before_is_to_be_tried_again():
    def attempt() -> str:
        raise ConditionFailed(None)

    with pytest.raises(Unavailable, match="try_again"):
        until_written(attempt, tries=2)


def test_a_refusal_is_the_decision_and_is_not_tried_again():
    attempts: list[int] = []

    def attempt() -> str:
        attempts.append(1)
        raise error("self_approval")

    with pytest.raises(Forbidden):
        until_written(attempt)
    assert attempts == [1]


def test_a_write_is_held_off_by_any_of_a_persons_hands(cloud, world):
    insert(AccountRow.from_record(account("one")), change=world.change)
    key, actions = ("acc_one",), [AccountRow.institution.set("acc_a")]
    nobody_named = none_of(AccountRow.institution, {"acc_a", "acc_b"})
    assert update(AccountRow, key, actions, condition=nobody_named, change=world.change).version == 2
    with pytest.raises(ConditionFailed):
        update(AccountRow, key, actions, condition=nobody_named, change=world.change)
    others = none_of(AccountRow.institution, {"acc_b", "acc_c"})
    assert update(AccountRow, key, actions, condition=others, change=world.change).version == 3


def test_a_write_is_held_off_by_any_of_a_persons_hands_in_a_list(cloud, world):
    insert(AccountRow.from_record(account("one")), change=world.change)
    key, actions = ("acc_one",), [AccountRow.institution.set('["acc_a","acc_long"]')]
    unnamed = names_none_of(AccountRow.institution, {"acc_a", "acc_b"})
    assert update(AccountRow, key, actions, condition=unnamed, change=world.change).version == 2
    with pytest.raises(ConditionFailed):
        update(AccountRow, key, actions, condition=unnamed, change=world.change)


def test_hands_hold_the_actor_and_follow_no_comparison_of_tokens():
    one = Principal(actor="acc_a", role=Role.CLERK, hands=frozenset({"acc_b"}))
    assert one.hands == {"acc_a", "acc_b"}
    assert one.had_hand_in(None, "acc_b")
    assert not one.had_hand_in(None, "acc_c")
    assert msgspec.structs.replace(one, hands=frozenset()) == Principal(actor="acc_a", role=Role.CLERK)
