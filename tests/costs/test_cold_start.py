"""What the start of a function costs, in CPU seconds, from the archive that is deployed.

The floor is what every program on Chalice and PynamoDB pays: importing the two from the same archive. All are
measured in turns in one run, as medians, so that what else the machine does strikes all alike. Nothing here
needs a cloud.
"""

import statistics
from collections.abc import Callable, Iterator

import pytest

from infra.deployment.package import ARCHIVE
from tests.costs.conftest import RATIOS
from tests.support.archive import HTTP, Unpacked, package

NOISE = 1.05
"""Two medians of the same thing, measured so, differ by less than this."""
FLOOR = "import chalice, pynamodb.models"
START = "import app"
WHOLE = "import app; app.app.load(map(app._routes_of, app.BLUEPRINTS))"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    unpacked = Unpacked.of(package("prod") / ARCHIVE, tmp_path_factory.mktemp("archive"))
    unpacked.run(WHOLE)  # reads it from the disk
    yield unpacked
    unpacked.forget()


@pytest.fixture
def seconds(unpacked: Unpacked) -> Callable[..., list[float]]:
    """Give `seconds((code, handler), …, rounds=)`: the median of each, measured in turns."""

    def measure(*starts: tuple[str, str | None], rounds: int) -> list[float]:
        turns = [
            [unpacked.run(code, handler=handler).cpu_seconds for code, handler in starts]
            for _ in range(rounds)
        ]
        return [statistics.median(figures) for figures in zip(*turns, strict=True)]

    return measure


def _within(name: str, ratio: float, most: float) -> None:
    RATIOS[name] = (ratio, most)
    assert ratio <= most * NOISE, name


def test_the_api_starts_about_as_fast_as_what_it_is_built_on(seconds) -> None:
    floor, api = seconds((FLOOR, None), (START, HTTP), rounds=9)
    _within(f"start of the API, {api:.2f} s: ÷ floor", api / floor, 1.25)


def test_the_first_request_of_a_caller_loads_half_as_much_again_at_most(seconds) -> None:
    """The routes of one step (the median of all steps), and what proves a token."""
    import app

    loading = "import app; app.app.load([{!r}]); import chalicelib.edge.tokens"
    first = [(loading.format(app._routes_of(step)), HTTP) for step in app.BLUEPRINTS]
    floors, requests = [], []
    for place in range(0, len(first), 5):
        floor, *some = seconds((FLOOR, None), *first[place : place + 5], rounds=1)
        floors.append(floor)
        requests += some
    ratio = statistics.median(requests) / statistics.median(floors)
    _within("and first request, median step: ÷ floor", ratio, 1.5)


def test_no_function_takes_longer_to_start_than_the_api(seconds) -> None:
    import app

    starts = [(START, f"app.{name}") for name, _, _ in app.FUNCTIONS]
    api, *functions = seconds((START, HTTP), *starts, rounds=3)
    _within("start of any other, slowest: ÷ API", max(functions) / api, 1.0)


def test_no_worker_loads_as_much_as_the_api_with_all_its_routes(seconds) -> None:
    import app

    loading = "import app; from chalicelib.aws import queues; from chalicelib.{} import jobs"
    workers = {step: (loading.format(step), f"app.{name}") for name, step, _ in app.FUNCTIONS}
    whole, *loaded = seconds((WHOLE, HTTP), *workers.values(), rounds=3)
    _within("and its worker, slowest: ÷ all routes", max(loaded) / whole, 1.0)
