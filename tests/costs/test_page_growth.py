"""In-trays and lists cost the same beside 100,000 closed things as beside few: in calls and in rows looked at.

Rows, because the local cloud counts a query as half a unit whatever it reads. Eight rows of half a kilobyte
are half a unit, so the dearest page is one of about 270.

`CLOSED=10000,100000` names the sizes, `WAITING=5000` how much waits beside them; `make bench-large` asks for
both. A page's calls have their floor of six, and a page is small whatever lies there.
"""

import gzip
import os
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.accounts.guard import forget_statuses
from chalicelib.aws.lists import EVALUATED_MAX
from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.supervision.cases.model import case_id_of
from chalicelib.supervision.waiting.overseen import keep_overseen
from tests.classes.builders import Classroom, application
from tests.console.staff.test_every_page import PAGE_BYTES_MAX
from tests.costs.conftest import RATIOS
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record
from tests.support.depth import sizes_of
from tests.support.pages import Visitor
from tests.support.people import staff_principal

SIZES = sizes_of("CLOSED", usual=(2_000, 4_000), full=(3_000, 8_000))
WAITING = int(os.environ.get("WAITING", "400"))
CALLS_MAX = 6
ROWS_MAX = 5_300
"""Rows that the dearest page looks at: an in-tray counts 1,000 of each of its five lists, and shows 50."""
GROWTH_MAX = 1.1
PAGE_ROWS = 50
PAGES = {
    "clerk": (
        "/console",
        "/console?kind=subsidy_claim",
        "/console/classes",
        "/console/classes?status=submitted",
        "/console/classes?status=cancelled",
        "/console/classes?named=没有这样的班",
        "/console/classes?opens_from=2026-01-01&opens_until=2026-12-31",
        "/console/claims",
        "/console/claims?status=returned",
        "/console/enrolments?division=340111",
        "/console/vouchers",
        "/console/accounts",
    ),
    "institution": ("/console", "/console/classes", "/console/claims?status=paid", "/console/enrolments"),
    "reviewer": ("/console", "/console/claims?status=reviewed"),
    "finance": ("/console", "/console/money", "/console/holds", "/console/holds?status=released"),
    "supervisor": ("/console", "/console/cases", "/console/cases?rule=uniform_scores", "/console/objections"),
    "province": ("/console", "/console/classes?division=3401", "/console/cases?status=resolved"),
}
GONE = ("queue", "queue_all", "queued_at", "due_city", "due_on", "claim_city", "claim_by", "due_shard")
"""What a row that is over does not carry: with these it would stand in a list of what waits."""


def suffix_of(number: int) -> str:
    """Give a number as letters, for ids."""
    return f"{number:08d}".translate(str.maketrans("0123456789", "abcdefghij"))


def raw_rows(table: Any, *key: str) -> list[dict[str, Any]]:
    """Read the rows under a key as they are stored."""
    from chalicelib.aws.table import connection

    name = table.key_names()[0]
    answer = connection().client.query(
        TableName=table.Meta.table_name,
        KeyConditionExpression="#key = :key",
        ExpressionAttributeNames={"#key": name},
        ExpressionAttributeValues={":key": {"S": key[0]}},
    )
    return list(answer["Items"])


def put_all(table: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Write rows as they are, 25 a call."""
    from chalicelib.aws.table import connection

    part: list[dict[str, Any]] = []

    def write() -> None:
        if part:
            requests = [{"PutRequest": {"Item": row}} for row in part]
            connection().client.batch_write_item(RequestItems={table.Meta.table_name: requests})
            part.clear()

    for row in rows:
        part.append(row)
        if len(part) == 25:
            write()
    write()


def copies(
    raw: dict[str, Any], count: int, start: int, change: Callable[[str], dict[str, Any]], *, over: bool
) -> Iterator[dict[str, Any]]:
    """Give copies of a row under other ids; those that are over wait in no list."""
    for number in range(start, start + count):
        row = {name: value for name, value in raw.items() if not (over and name in GONE)}
        yield {**row, **{name: {"S": text} for name, text in change(suffix_of(number)).items()}}


class City:
    """A city in which things wait, and in which ever more is over."""

    def __init__(self, world: Any) -> None:
        from chalicelib.attendance.check_ins.store import CheckInRow
        from chalicelib.classes.store import ClassRow
        from chalicelib.enrolments.store import EnrolmentRow
        from chalicelib.subsidies.claims.store import ClaimRow
        from chalicelib.subsidies.holds.store import PaymentHoldRow
        from chalicelib.supervision.cases.store import RiskCaseRow
        from chalicelib.vouchers.store import VoucherRow

        self.tables = (ClassRow, ClaimRow, EnrolmentRow, VoucherRow, RiskCaseRow, PaymentHoldRow, CheckInRow)
        api = world.api
        applied = api("institution").post("/v1/classes", application(world), at=world.now).json
        api("institution").post(f"/v1/classes/{applied['id']}/submit", {"version": 1}, at=world.now)
        scored = scored_class(world)
        payable = api("institution").get(f"/v1/classes/{scored}/payability", at=world.now).json
        claim = (
            api("institution")
            .post(
                f"/v1/classes/{scored}/subsidy-claims",
                {"declared_count": payable["count"], "declared_amount_fen": payable["amount_fen"]},
                at=world.now,
            )
            .json
        )
        found = finding(scored, devices=2, people=9, people_on_one_day=6, device_people=3, uses_by_others=14)
        record(Money(world), found)
        case = raw_rows(RiskCaseRow, case_id_of(found))[0]
        line = claim["lines"][0]
        hold_id = next(iter(claim["lines"][0]["holds"]), {"id": ""})["id"]
        holds = raw_rows(PaymentHoldRow, hold_id) if hold_id else []
        enrolment = raw_rows(EnrolmentRow, line["enrolment_id"])[0]
        voucher = raw_rows(VoucherRow, line["voucher_id"])[0]
        heads = {
            name: next(row for row in raw_rows(ClassRow, class_id) if row["part"]["S"] == "head")
            for name, class_id in (("applied", applied["id"]), ("scored", scored))
        }
        self.rows = {
            "submitted class": heads["applied"],
            "closed class": heads["scored"],
            "claim": raw_rows(ClaimRow, claim["id"])[0],
            "enrolment": enrolment,
            "voucher": voucher,
            "case": case,
            "hold": holds[0] if holds else None,
        }
        self.over = 0

    def wait(self, count: int) -> None:
        """Have so many things wait: half of them classes, half claims."""
        classes, claims = self.tables[0], self.tables[1]
        half = count // 2
        submitted, claim = self.rows["submitted class"], self.rows["claim"]
        put_all(classes, copies(submitted, half, 0, lambda text: {"id": f"cls_wait{text}"}, over=False))
        put_all(
            claims,
            copies(
                claim,
                half,
                0,
                lambda text: {"id": f"clm_wait{text}", "class_id": f"cls_wait{text}"},
                over=False,
            ),
        )

    def close(self, count: int) -> None:
        """Have so many things be over in all: classes, claims, enrolments, vouchers, cases, holds.

        Of classes, claims and cases, which pages pick from, there are at every size more than a page looks at.
        """
        classes, claims, enrolments, vouchers, cases, holds, _ = self.tables
        more = count - self.over
        parts: tuple[tuple[Any, str, float, Callable[[str], dict[str, Any]]], ...] = (
            (classes, "closed class", 0.25, lambda text: {"id": f"cls_over{text}", "status": "closed"}),
            (
                claims,
                "claim",
                0.25,
                lambda text: {"id": f"clm_over{text}", "class_id": f"cls_over{text}", "status": "paid"},
            ),
            (enrolments, "enrolment", 0.15, lambda text: {"id": f"enr_over{text}", "status": "passed"}),
            (
                vouchers,
                "voucher",
                0.05,
                lambda text: {
                    "id": f"vch_over{text}",
                    "status": "settled",
                    "person_key": f"prs_{text}",
                    "division_id": f"340111#vch_over{text}",
                    "area_shard": "3401#0",
                },
            ),
            (
                cases,
                "case",
                0.25,
                lambda text: {"id": f"rsk_over{text}", "status": "resolved", "listing": "3401#resolved"},
            ),
            (
                holds,
                "hold",
                0.05,
                lambda text: {"id": f"hld_over{text}", "status": "released", "listing": "3401#released"},
            ),
        )
        for table, name, share, change in parts:
            raw = self.rows[name]
            if raw is not None:
                put_all(table, copies(raw, int(more * share), int(self.over * share), change, over=True))
        self.over = count


def test_pages_cost_the_same_beside_few_and_many_closed_things(
    world: Any, api: Any, measure: Any, within: Any
) -> None:
    Classroom(world)
    city = City(world)
    city.wait(WAITING)
    for role in PAGES:
        staff_principal(role)
    rows: dict[tuple[str, str], list[int]] = {}
    for count in SIZES:
        city.close(count)
        for group in groups_below(PROVINCE):
            keep_overseen(group, world.now)
        for role, paths in PAGES.items():
            visitor = Visitor(api, role, at=world.now)
            for path in paths:
                assert visitor.get(path).status == 200, (role, path)
                for _ in range(3):  # what a process keeps runs out by the clock on the wall
                    forget_statuses()
                    with measure() as meter:
                        page = visitor.get(path)
                    if meter.call_count <= CALLS_MAX:
                        break
                assert page.status == 200, (role, path)
                assert len(gzip.compress(page.html.encode())) <= PAGE_BYTES_MAX, (role, path)
                within(f"{role} {path} @{count:,}", meter, calls=CALLS_MAX, units=1)
                rows.setdefault((role, path), []).append(meter.items_read)
    for (role, path), looked_at in rows.items():
        RATIOS[f"rows read: {role} {path}"] = (looked_at[-1], ROWS_MAX)
        assert looked_at[-1] <= ROWS_MAX, (role, path, looked_at)
        assert looked_at[-1] <= looked_at[0] * GROWTH_MAX + 1, (role, path, looked_at)
    assert rows["clerk", "/console"][-1] >= min(WAITING, 2_000), "what waits is counted"
    assert rows["clerk", "/console/classes"][-1] >= PAGE_ROWS
    assert rows["clerk", "/console/claims?status=returned"][-1] >= min(EVALUATED_MAX, SIZES[0] // 4)
