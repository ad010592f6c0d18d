"""The migration job: every older row is rewritten once, whoever dies on the way."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.writes import insert, update
from chalicelib.kernel.principal import Context, system_context
from chalicelib.supervision.migration import service as migration
from chalicelib.supervision.migration import store
from chalicelib.supervision.migration.jobs import migrate_rows
from chalicelib.supervision.migration.model import HELD, SEGMENTS, Migration, MigrationStatus
from chalicelib.supervision.migration.service import Order
from tests.support.letters import Letter, OldLetter, Post, post

__all__ = ["post"]
NOW = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
COUNT = 60


def at(now: datetime = NOW) -> Context:
    return system_context("migrate", now=now, request_id="req_m")


def run(order: Order = Order.CONTINUE, *, now: datetime = NOW, pages: int | None = None) -> list[Migration]:
    return migration.migrate(at(now), order, names=["letters"], pages=pages)


def versions(post: Post) -> list[str]:
    return [post.stored(f"l{number}").get("sv", {"N": "1"})["N"] for number in range(COUNT)]


@pytest.fixture
def letters(post: Post, world: Any) -> Post:
    for number in range(COUNT):
        letter = OldLetter(id=f"l{number}", sender="安徽省 人社厅", text=str(number))
        insert(post.old.from_record(letter), change=world.change)
    return post


def test_nothing_is_begun_by_the_clock(letters: Post) -> None:
    assert run() == []
    assert versions(letters) == ["1"] * COUNT
    assert migrate_rows({}, at()) == {"open": 0, "rows": 0, "written": 0}, "no table has an older form today"


def test_every_older_row_is_rewritten_once(letters: Post, world: Any) -> None:
    insert(letters.new.from_record(Letter(id="new", province="", office="", text="")), change=world.change)
    parts = run(Order.START)
    assert len(parts) == SEGMENTS
    assert {part.status for part in parts} == {MigrationStatus.FINISHED}
    assert sum(part.rows for part in parts) == COUNT + 1
    assert sum(part.written for part in parts) == COUNT
    assert versions(letters) == ["2"] * COUNT
    assert {letters.new.read(f"l{number}").text for number in range(COUNT)} == set(map(str, range(COUNT)))
    assert run(Order.START) == parts, "what is finished stays so"


def test_a_run_that_ends_early_is_gone_on_with_where_it_was(letters: Post) -> None:
    runs = 0
    parts = run(Order.START, pages=3)
    while any(part.status is MigrationStatus.RUNNING for part in parts):
        seen = sum(part.rows for part in parts)
        parts = run(pages=3)
        assert sum(part.rows for part in parts) >= seen
        runs += 1
    assert runs >= SEGMENTS // 3
    assert sum(part.rows for part in parts) == COUNT, "no page is done twice"
    assert sum(part.written for part in parts) == COUNT


def test_a_part_whose_run_was_killed_is_free_again_after_its_hold(letters: Post) -> None:
    run(Order.START, pages=0)
    first = store.find_migrations(migration._ids(["letters"]))[0]
    assert migration._take(at(), first) is not None  # and dies
    assert migration._take(at(), first) is None, "taken"
    parts = run()
    assert [part.segment for part in parts if part.status is MigrationStatus.RUNNING] == [0]
    parts = run(now=NOW + HELD - timedelta(seconds=1))
    assert parts[0].status is MigrationStatus.RUNNING, "it may still be at work"
    parts = run(now=NOW + HELD)
    assert parts[0].status is MigrationStatus.FINISHED
    assert versions(letters) == ["2"] * COUNT


def test_a_page_that_was_written_and_not_noted_is_done_again_without_harm(letters: Post) -> None:
    run(Order.START, pages=0)
    for part in store.find_migrations(migration._ids(["letters"])):
        held = migration._take(at(), part)
        assert held is not None
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            migration._migrate_page(at(), held, pool)
    assert versions(letters) == ["2"] * COUNT


def test_what_is_written_meanwhile_is_not_lost(letters: Post, world: Any) -> None:
    run(Order.START, pages=5)
    for number in range(COUNT):
        update(
            letters.new,
            (f"l{number}",),
            [letters.new.text.set("更正")],
            condition=letters.new.version == 1,
            change=world.change,
        )
    parts = run()
    assert {part.status for part in parts} == {MigrationStatus.FINISHED}
    assert {letters.new.read(f"l{number}").text for number in range(COUNT)} == {"更正"}
    assert {letters.new.read(f"l{number}").version for number in range(COUNT)} == {2}


def test_who_began_it_stands_with_its_progress(letters: Post) -> None:
    part = run(Order.START)[0]
    assert part.last_change is not None
    assert (part.last_change.action, part.last_change.request_id) == ("rows.migrate", "req_m")
