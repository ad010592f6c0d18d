"""The guesser waits, not the holder: tries are counted by account and source, in the write that lets them pass."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT, KNOWN, SOURCE, STRANGER, Cap
from chalicelib.accounts.sign_in.attempts.store import AttemptRow
from chalicelib.accounts.sign_in.credentials import Credentials, prove
from chalicelib.kernel.errors import DomainError, Unauthenticated, Unavailable
from tests.accounts.builders import GOOD, HOME, make

WRONG = "wrong password"


def tried(name: str, source: str, password: str = WRONG, now: datetime | None = None) -> bool:
    try:
        prove(Credentials(name, password, source=source), now or datetime.now(UTC))
    except Unauthenticated:
        return False
    return True


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check passwords without the work of argon2: what is counted here are tries."""
    from chalicelib.accounts.sign_in import credentials

    monkeypatch.setattr(credentials, "verify_password", lambda _, password: password == GOOD)


def test_a_stranger_rests_and_the_holder_signs_in_as_yesterday(api: Any, fast: None) -> None:
    make(api, "supervisor-x")
    assert tried("supervisor-x", HOME, GOOD)
    for _ in range(8):
        assert not tried("supervisor-x", "203.0.113.9")
    assert not tried("supervisor-x", "203.0.113.9", GOOD), "the guesser rests, even when right"
    assert tried("supervisor-x", HOME, GOOD)
    assert tried("supervisor-x", "192.0.2.7", GOOD), "from a new place too"


def test_many_sources_together_meet_the_accounts_cap_and_known_ones_do_not(api: Any, fast: None) -> None:
    make(api, "supervisor-x")
    now = datetime.now(UTC)
    for number in range(ACCOUNT.most):
        assert not tried("supervisor-x", f"203.0.113.{number}", now=now)
    assert not tried("supervisor-x", "192.0.2.7", GOOD, now), "strange places rest for this account"
    assert tried("supervisor-x", HOME, GOOD, now)
    assert tried("supervisor-x", "192.0.2.7", GOOD, now + ACCOUNT.span + timedelta(seconds=1))


def test_what_mistypes_at_home_is_free_longer_and_rests_shorter() -> None:
    assert KNOWN.free > STRANGER.free
    assert KNOWN.longest < STRANGER.longest
    assert ACCOUNT.most >= 10 * STRANGER.free, "far above what people mistype"


def test_parallel_guesses_do_not_pass_the_free_tries(api: Any, fast: None) -> None:
    now, key = datetime.now(UTC), "try_parallel"

    def one(_: int) -> bool:
        try:
            return attempts.take(key, STRANGER, now)
        except Unavailable:  # others came in between each time: no try was made
            return False

    with ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(one, range(40)))
    assert passed <= STRANGER.free
    assert attempts.read(key, now).failures == passed


def test_parallel_tries_do_not_pass_a_cap(cloud: Any) -> None:
    now, cap = datetime.now(UTC), Cap(most=7, span=timedelta(minutes=1))

    def one(_: int) -> bool:
        try:
            return attempts.take_under("cap", cap, now) == 0
        except Unavailable:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) <= cap.most


def test_a_good_sign_in_gives_the_sources_try_back(api: Any, fast: None) -> None:
    make(api, "known")
    for _ in range(SOURCE.most + 5):
        assert tried("known", HOME, GOOD)


def test_addresses_are_kept_as_keyed_digests_only(api: Any, fast: None) -> None:
    make(api, "known")
    tried("known", "203.0.113.9")
    assert tried("known", HOME, GOOD)
    kept = [row.serialize() for row in AttemptRow.scan()]
    assert len(kept) >= 4
    assert not any(place in str(row) for row in kept for place in (HOME, "203.0.113.9", "known"))


# --------------------------------------------------------------------------- lost answers


def test_a_try_whose_answer_was_lost_counts_once(api: Any, lose_answers: Any) -> None:
    now = datetime.now(UTC)
    for place in range(1, 4):
        lose_answers(1)
        assert attempts.take("try_lost", STRANGER, now)
        assert attempts.read("try_lost", now).failures == place
    for place in range(1, 4):
        lose_answers(1)
        assert attempts.take_under("acc_lost", ACCOUNT, now) == 0
        assert attempts.read("acc_lost", now).failures == place
    lose_answers(1)
    attempts.give_back("acc_lost", now)
    assert attempts.read("acc_lost", now).failures == 2


def test_a_one_time_code_whose_answer_was_lost_is_spent_once_and_counts(api: Any, lose_answers: Any) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    lose_answers(1)
    assert attempts.spend("totp:acc_x:1", until=until)
    assert not attempts.spend("totp:acc_x:1", until=until)


def test_the_account_of_the_guessed_name_is_never_written(api: Any, fast: None) -> None:
    from chalicelib.accounts.store import AccountRow

    make(api, "known")
    version = AccountRow.get(account_id_of("known")).version
    for number in range(20):
        tried("known", f"203.0.113.{number}")
    assert AccountRow.get(account_id_of("known")).version == version
    with pytest.raises(DomainError):
        prove(Credentials("known", WRONG, source=HOME), datetime.now(UTC))
