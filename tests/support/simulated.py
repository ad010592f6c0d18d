"""The simulated platform of the local stack, in a thread, with the keys of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib.edge import tokens
from chalicelib.exchange.platform import platform_at
from infra.local.platform.ledger import Ledger
from infra.local.platform.rules import Platform
from infra.local.platform.server import server_of
from tests.support import keys


@contextmanager
def simulated_platform(
    folder: Path, *, seed: int = 1, slow_seconds: float = 0.3
) -> Iterator[tuple[Platform, str]]:
    """Give a platform and its address; nobody tells the service its words but the test."""
    platform = Platform(
        Ledger(folder),
        signing=keys.PLATFORM_KEY,
        opening=keys.SEALING_KEY,
        service_keys=lambda: tokens.public_keys("exchange"),
        slow_seconds=slow_seconds,
        seed=seed,
    )
    server = server_of(platform, ("127.0.0.1", 0))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield platform, url
    finally:
        platform_at(url).close()
        server.shutdown()
        server.server_close()
