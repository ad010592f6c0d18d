"""Shared fixtures: the whole service in one process on moto, and builders that speak its API."""

import os

os.environ.update(
    AWS_DEFAULT_REGION="cn-north-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    STAGE="test",
    ALLOW_TIME_TRAVEL="1",
)

import pytest

pytest_plugins = ["tests.support.plugin"]


@pytest.fixture(scope="session", autouse=True)
def _hypothesis_profile() -> None:
    from hypothesis import settings

    settings.register_profile("suite", deadline=None, derandomize=False, database=None)
    settings.load_profile("suite")
