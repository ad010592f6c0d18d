"""A program's server to which every webhook goes, as in the local stage."""

import os
from collections.abc import Iterator

import pytest

from chalicelib.aws.settings import settings
from tests.support.receiver import FakeReceiver


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    fake = FakeReceiver()
    os.environ["WEBHOOK_RECEIVER"] = fake.place
    settings.cache_clear()
    yield fake
    os.environ["WEBHOOK_RECEIVER"] = ""
    settings.cache_clear()
    fake.close()
