"""The state that a claim shows and the filter that lists claims by it are one rule, written twice."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.kernel.paging import PageRequest
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import Claim, status_shown
from chalicelib.subsidies.claims.moves import changed, publicised
from chalicelib.subsidies.claims.states import ClaimStatus

LAST_DAY = date(2026, 9, 8)
DAYS = [LAST_DAY + timedelta(days=days) for days in (-1, 0, 1, 2)]
CITY, SCHOOL = "3401", "91340100000000000X"


def claims() -> list[Claim]:
    """Give a claim in every state, before and after publicity began, with and without an open objection."""
    kinds = itertools.product(ClaimStatus, (False, True), (0, 1))
    return [claim_of(f"clm_{place:02d}", *kind) for place, kind in enumerate(kinds)]


def claim_of(claim_id: Any, status: ClaimStatus, was_public: bool, objections: int) -> Claim:
    fresh: Any = {"class_id": "cls_a", "program_id": "prg_a", "project_id": "prj_a", "institution": SCHOOL}
    claim = Claim(
        **fresh,
        id=claim_id,
        class_name="电商一班",
        division="340111",
        city=CITY,
        status=status,
        line_ids=[],
        line_count=1,
        amount_fen=180_000,
        declared_count=1,
        declared_amount_fen=180_000,
        submitted_by="acc_school",
        submitted_at=datetime(2026, 9, 1, tzinfo=UTC),
        open_objections=objections,
    )
    if not was_public and status is not ClaimStatus.PUBLICISED:
        return claim
    public = publicised(
        claim, approved_by="acc_reviewer", approved_on=LAST_DAY, ends_on=LAST_DAY, payee_id="pay_a"
    )
    return changed(claim, {**public, "status": status})


@pytest.mark.parametrize("day", DAYS)
def test_each_list_by_state_holds_the_claims_that_show_this_state(cloud: None, day: date) -> None:
    known = claims()
    for claim in known:
        store.ClaimRow.from_record(claim).save()
    for status in ClaimStatus:
        expected = {claim.id for claim in known if status_shown(claim, day) is status}
        of_city = store.claims_in(CITY, PageRequest(100), division=None, status=status, today=day)
        of_school = store.claims_of(SCHOOL, PageRequest(100), status=status, today=day)
        assert {claim.id for claim in of_city.items} == expected, (status, day)
        assert {claim.id for claim in of_school.items} == expected, (status, day)


def test_publicity_is_over_the_day_after_its_last_unless_somebody_has_objected() -> None:
    claim = claim_of("clm_a", ClaimStatus.PUBLICISED, was_public=True, objections=0)
    shown = [status_shown(claim, day).value for day in DAYS]
    assert shown == ["publicised", "publicised", "payable", "payable"]
    stopped = changed(claim, {"open_objections": 1})
    assert {status_shown(stopped, day).value for day in DAYS} == {"publicised"}
