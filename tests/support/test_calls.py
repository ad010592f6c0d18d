"""Calls are noted under the function at work, also those that a thread of its pool makes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support import calls

ELSEWHERE: dict[str, Any] = {}
exec(
    compile("def act(at_work):\n    return at_work()", "/anywhere/chalicelib/aws/objects.py", "exec"),
    ELSEWHERE,
)


def test_a_thread_of_a_pool_works_for_whoever_gave_it_work() -> None:
    seen: list[Any] = []

    def settle_subsidies() -> None:
        with ThreadPoolExecutor(4) as pool:
            seen.extend(pool.map(ELSEWHERE["act"], [calls._function_at_work] * 8))

    worker = settle_subsidies.__code__.replace(co_filename="/anywhere/chalicelib/settlement/jobs.py")
    settle_subsidies.__code__ = worker
    with ThreadPoolExecutor(1) as other:
        beside = other.submit(lambda: [calls._function_at_work() for _ in range(1_000)])
        settle_subsidies()
        assert set(beside.result()) == {None}, "the tests' own thread works for nobody"
    assert seen == ["settle_subsidies"] * 8
