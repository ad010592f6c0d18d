"""What a write does in a repeat of its call: knows its own success, and takes nothing else for it."""

from typing import Any

import pytest

from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.writes import ConditionFailed, Put, Update, insert, transact, update
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import new_id, new_secret
from chalicelib.kernel.principal import Role
from chalicelib.kernel.reasons import error, refuse
from chalicelib.kernel.repeats import RepeatableCall, each_apart, has_happened, running

SEED = b"s" * 32


def account(name: str) -> Account:
    return Account(
        id=f"acc_{name}",  # type: ignore[arg-type]
        account=name,
        sealed_name="",
        role=Role.CLERK,
        division="3401",
        status=AccountStatus.ACTIVE,
    )


def run(seed: bytes = SEED) -> Any:
    return running(RepeatableCall(seed))


@pytest.fixture
def stored(world: Any) -> Any:
    for name in ("one", "two", "shared"):
        insert(AccountRow.from_record(account(name)), change=world.change)
    return world


def name_it(world: Any, version: int | None) -> Account:
    """Decide on a version and write; without a version on the one that is there, which is what to beware of."""
    before = AccountRow.read("acc_one")
    refuse(error("version_conflict", version=before.version) if before.version != (version or 1) else None)
    condition = AccountRow.version == (version or before.version)
    return update(
        AccountRow, ("acc_one",), [AccountRow.institution.set("1")], condition=condition, change=world.change
    )


def count(world: Any, name: str) -> None:
    """Do something to one account and to the shared one, whatever state that is in."""
    transact(
        [
            Update(AccountRow, (f"acc_{name}",), [AccountRow.institution.set("1")], AccountRow.version == 1),
            Update(AccountRow, ("acc_shared",), [], AccountRow.id.exists()),
        ],
        change=world.change,
    )


def test_a_call_draws_the_same_ids_and_secrets_in_every_run_and_other_calls_others() -> None:
    drawn = []
    for seed in (SEED, SEED, b"t" * 32):
        with run(seed):
            drawn.append((new_id("cls"), new_id("cls"), new_id("prg"), new_secret("a"), new_secret("b")))
    assert drawn[0] == drawn[1]
    assert len({part for one in drawn for part in one}) == 10
    assert new_id("cls") != new_id("cls")


@pytest.mark.parametrize("version", [1, None])
def test_a_repeat_of_a_decision_is_its_first_success(stored: Any, version: int | None) -> None:
    with run():
        first = name_it(stored, version)
    with run():
        again = name_it(stored, version)
    assert first == again
    assert again.version == 2
    with pytest.raises(Refused, match="version_conflict"), run(b"t" * 32):
        name_it(stored, 1)


def test_a_change_by_others_since_is_no_success_of_ones_own(stored: Any) -> None:
    with run():
        name_it(stored, 1)
    update(AccountRow, ("acc_one",), [], condition=AccountRow.id.exists(), change=stored.change)
    with pytest.raises(Refused, match="version_conflict"), run():
        name_it(stored, 1)


def test_a_creation_repeated_is_found_and_anothers_is_not(stored: Any) -> None:
    for _ in range(2):
        with run():
            insert(AccountRow.from_record(account("three")), change=stored.change)
            transact([Put(AccountRow.from_record(account("four")))], change=stored.change)
    assert AccountRow.read("acc_three").version == 1
    with pytest.raises(ConditionFailed), run(b"t" * 32):
        insert(AccountRow.from_record(account("three")), change=stored.change)


def test_a_row_that_several_parts_share_hides_none_of_them(stored: Any) -> None:
    """The first run dies after one part; the repeat leaves it out, as one that looks at states does."""
    with run():
        count(stored, "one")
    with run():
        count(stored, "two")
    assert [AccountRow.read(f"acc_{name}").version for name in ("one", "two", "shared")] == [2, 2, 3]


def test_all_parts_again_are_done_once(stored: Any) -> None:
    for _ in range(3):
        with run():
            count(stored, "one")
            count(stored, "two")
    assert [AccountRow.read(f"acc_{name}").version for name in ("one", "two", "shared")] == [2, 2, 3]


def test_a_step_after_the_one_that_was_done_is_done_too(stored: Any) -> None:
    """The first run dies between its two writes of one row; what stood against the first is explained by it."""

    def both(*, die: bool) -> None:
        name_it(stored, 1)
        if die:
            return
        refuse(error("version_conflict", version=2) if has_happened() else None)
        update(
            AccountRow,
            ("acc_one",),
            [AccountRow.institution.set("2")],
            condition=AccountRow.institution == "1",
            change=stored.change,
        )

    for die in (True, False, False):
        with run():
            both(die=die)
    after = AccountRow.read("acc_one")
    assert (after.institution, after.version) == ("2", 3)


def test_what_happened_to_one_of_many_excuses_no_other(stored: Any) -> None:
    with run():
        name_it(stored, 1)
    with run():
        with each_apart():
            name_it(stored, 1)
        with pytest.raises(Refused), each_apart():
            refuse(error("version_conflict", version=2))
