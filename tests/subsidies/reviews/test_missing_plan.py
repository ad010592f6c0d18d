"""Publicity into a year whose plan of holidays is not in the library."""

from datetime import date

import pytest

from chalicelib.programs.model import Policy
from chalicelib.subsidies.reviews import service


def test_publicity_without_a_plan_of_holidays_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    service._tell_of_missing_plan.cache_clear()
    for _ in range(2):
        assert service._publicity_ends_on(date(2089, 12, 29), Policy().publicity_working_days) == date(
            2090, 1, 5
        )
    assert service._publicity_ends_on(date(2026, 3, 6), Policy().publicity_working_days) == date(2026, 3, 13)
    logged = [
        record.getMessage() for record in caplog.records if "calendar_plan_missing" in record.getMessage()
    ]
    assert len(logged) == 1
    assert '"year": 2090' in logged[0]
