"""The simulated national platform as the service's own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws.settings import settings
from infra.local.platform.rules import Platform
from tests.support.simulated import simulated_platform


@pytest.fixture
def national(cloud: Any, tmp_path: Path) -> Iterator[Platform]:
    """Give the simulated platform, which the service tells from now on."""
    with simulated_platform(tmp_path / "platform") as (platform, url):
        os.environ["PLATFORM_URL"] = url
        settings.cache_clear()
        yield platform
        os.environ["PLATFORM_URL"] = ""
        settings.cache_clear()
