"""What was redeemed and paid stays with the bureau that paid it, wherever its institution has moved since."""

from typing import Any

import pytest

from chalicelib.vouchers.store import VoucherRow, read_voucher
from tests.settlement.test_moved_institutions import move, paid_in_wuhu
from tests.subsidies.scored import Money, scored_class
from tests.supervision.audit.test_audit import recorded
from tests.support.people import HEFEI_SCHOOL
from tests.support.streams import stream_record


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def counted(voucher_ids: list[str]) -> None:
    """Let the audit see these vouchers as they are now."""
    for voucher_id in voucher_ids:
        recorded(stream_record(VoucherRow, None, read_voucher(voucher_id)))


def row(money: Money, who: str, **query: str) -> Any:
    items = money.ok(money.api(who).get("/v1/reports/institutions", query))["items"]
    found = {item["institution"]: item for item in items}
    return found.get(HEFEI_SCHOOL)


def paid(world: Any) -> list[str]:
    rows = [record for record in VoucherRow.scan() if record.paid_fen]
    return sorted(record.id for record in rows)


def test_an_institution_that_moved_is_reported_by_each_bureau_with_what_it_did_there(
    world: Any, money: Money
) -> None:
    money.pay(money.sealed(scored_class(world, 2)))
    first = paid(world)
    move(money, "340202")
    paid_in_wuhu(world, money)
    counted(paid(world))
    assert {read_voucher(voucher_id).served_in for voucher_id in first} == {"340111"}
    hefei, wuhu = row(money, "finance"), row(money, "finance_wuhu")
    assert (hefei["settled"], hefei["division"]) == (2, "340202")
    assert (wuhu["settled"], wuhu["division"]) == (1, "340202")
    everywhere = row(money, "province")
    assert everywhere["settled"] == 3
    assert everywhere["paid_fen"] == hefei["paid_fen"] + wuhu["paid_fen"] == 3 * 180_000
    county = row(money, "province", division="340111")
    assert county["paid_fen"] == hefei["paid_fen"]
    assert row(money, "province", division="3403") is None
