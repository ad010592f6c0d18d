"""Shared fixtures: the whole service in one process on moto, and builders that speak its API."""

import os

os.environ.update(
    AWS_DEFAULT_REGION="cn-north-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    STAGE="test",
    ALLOW_TIME_TRAVEL="1",
)

from hypothesis import settings

pytest_plugins = ["tests.support.plugin"]

# Before any test is read: `@given` takes the profile that is loaded then, and the usual one fails what a busy
# machine holds up for a fifth of a second.
settings.register_profile("suite", deadline=None, derandomize=False, database=None)
settings.load_profile("suite")
