"""Lists in Chromium, wide and on a phone: page by page onwards and back, and narrowed by what it offers.

The rows are copies of those that the story of a class leaves, each under an id of its own: sixty of a kind,
so that each list has a second page.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import msgspec
import pytest

from chalicelib.accounts.disclosures.store import AccessRow
from chalicelib.aws.crypto import seal
from chalicelib.aws.table import connection
from chalicelib.catalogue.institutions.store import InstitutionRow
from chalicelib.catalogue.payees.store import PayeeAccountRow
from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.lookups.model import lookups_on
from chalicelib.enrolments.redemption.store import RefusedScanRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.exchange.store import deliveries_of
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import system_context
from chalicelib.people.lists.store import ImportRow
from chalicelib.settlement.batches.store import BatchRow
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.holds.store import PaymentHoldRow
from chalicelib.subsidies.publicity.store import ObjectionRow
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.supervision.cases.store import RiskCaseRow
from chalicelib.supervision.inspections.store import InspectionRow
from chalicelib.vouchers.store import VoucherRow
from tests.accounts.builders import ask_for
from tests.architecture.offered_story import Story, steps
from tests.costs.test_page_growth import suffix_of
from tests.exchange.test_returning import platform, returned  # noqa: F401 - a fixture
from tests.support import browser
from tests.support.browser import PHONE, WIDE, Browser, served
from tests.support.pages import COOKIE, Visitor
from tests.support.people import HEFEI_OTHER, STAFF, staff_principal
from tests.support.streams import stream_event, stream_record, voucher_changes

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
PICTURES = Path(__file__).parents[3] / ".build/lists"
MANY = 60
SIZES = {"wide": WIDE, "phone": PHONE}
LISTS = {
    "clerk": (
        "",
        "classes",
        "claims",
        "enrolments?division=340111",
        "scans",
        f"scans?institution={HEFEI_OTHER}",
        "vouchers",
        "accounts",
        "institutions",
    ),
    "finance": ("money", "holds", "payees"),
    "supervisor": ("cases", "inspections", "objections", "lookups"),
    "province": ("lists", "deliveries?state={delivered}", "classes?division=3401"),
}
"""Every list that may have a second page, with who has it."""


@dataclass(frozen=True)
class Copied:
    """Rows of a table to copy: by which attribute they differ, and which one is taken."""

    table: Any
    key: str
    is_one: Callable[[dict[str, Any]], bool]
    shown: str = ""
    """What else differs, where the list shows nothing of the key."""
    sealed: str = ""
    """What is sealed for its id, and shown."""


def having(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda raw: name in raw


def stating(name: str, value: str) -> Callable[[dict[str, Any]], bool]:
    return lambda raw: raw.get(name) == {"S": value}


COPIED = (
    Copied(ClassRow, "id", stating("part", "head")),
    Copied(ClaimRow, "id", having("status")),
    Copied(EnrolmentRow, "id", stating("division", "340111")),
    Copied(VoucherRow, "id", having("division_id")),
    Copied(InstitutionRow, "uscc", having("listing")),
    Copied(BatchRow, "id", having("division")),
    Copied(PaymentHoldRow, "id", having("listing"), "reason"),
    Copied(PayeeAccountRow, "id", having("waiting_in"), "bank"),
    Copied(RiskCaseRow, "id", having("listing")),
    Copied(InspectionRow, "id", having("area")),
    Copied(ObjectionRow, "id", having("listed_in"), sealed="sealed_reason"),
    Copied(RefusedScanRow, "id", stating("institution", HEFEI_OTHER), "device_id"),
    Copied(ImportRow, "id", having("division")),
)


def rows_of(table: Any) -> list[dict[str, Any]]:
    return list(connection().client.scan(TableName=table.Meta.table_name)["Items"])


def note_rows(found: dict[Any, dict[str, Any]]) -> None:
    """Keep one row of each kind, as the story leaves it now."""
    for one in COPIED:
        if one.table not in found:
            raw = next((raw for raw in rows_of(one.table) if one.is_one(raw)), None)
            if raw is not None:
                found[one.table] = raw


@pytest.fixture
def full(world: Any, cloud: Any, platform: Any) -> Iterator[Story]:  # noqa: F811 - the fixture
    """Tell the story, and copy what it left until every list has a second page."""
    for name in STAFF:
        staff_principal(name)
    story = Story(world, cloud, platform)
    found: dict[Any, dict[str, Any]] = {}
    world.scan("no code", institution="institution_two", at=world.now)
    drawn = {"scope": "trainees", "division": "3401", "share": 0.5}
    for _, step in steps():
        step(story)
        note_rows(found)
        if InspectionRow not in found:
            world.api("supervisor").post("/v1/inspections", drawn, at=story.now)
    missing = [one.table.__name__ for one in COPIED if one.table not in found]
    assert not missing, missing
    for one in COPIED:
        raw = found[one.table]
        for number in range(MANY):
            text = raw[one.key]["S"]
            end = f"{number:04d}" if one.key == "uscc" else suffix_of(number)
            copied = {**raw, one.key: {"S": text[: len(text) - len(end)] + end}}
            if "area_key" in raw and one.table is InstitutionRow:
                place = f"{raw['division']['S']}#{copied['uscc']['S']}"
                copied["area_key"] = {"S": place}
            if one.shown:
                copied[one.shown] = {"S": f"{raw[one.shown]['S']} {number}"}
            if one.sealed:
                copied[one.sealed] = {"S": seal(f"第 {number} 件异议".encode(), item=copied[one.key]["S"])}
                copied.pop("sealed_contact", None)
            connection().client.put_item(TableName=one.table.Meta.table_name, Item=copied)
    for number in range(MANY):
        assert ask_for(world.api, f"liebiao{number:03d}").status == 201
    listed = [record for nth in range(MANY) for record in voucher_changes(f"vch_list{suffix_of(nth)}")]
    returned(*listed)
    (delivery,) = deliveries_of(f"vch_list{suffix_of(0)}")
    story.delivery_states = [str(delivery.state)]
    look_up(world, story.now)
    yield story


def look_up(world: Any, now: Any) -> None:
    """Have one officer look somebody up sixty times, as the audit is told of it."""
    person = world.person(1)
    asked = {"id_number": person.id_number, "purpose": "核对投诉"}
    assert world.api("clerk").post("/v1/person-lookups", asked, at=now).status == 200
    (look,) = AccessRow.query(lookups_on(shanghai_date(now), "3401"))
    for number in range(MANY):
        change = msgspec.structs.replace(look.record.last_change, reason=f"核对第 {number} 件投诉")
        another = msgspec.structs.replace(look.record, access=f"{look.access}{number}", last_change=change)
        told = stream_record(AccessRow, None, another)
        record_audit(stream_event(told), system_context("audit", now=now, request_id="req_test"))


_ROWS = """
const list = document.querySelector('nav.pages').previousElementSibling;
return [...list.querySelectorAll('tbody tr')].map((row) =>
  [row.textContent, ...[...row.querySelectorAll('a')].map((one) => one.href),
   ...[...row.querySelectorAll('input[name^=at_], input[name=pick]')].map((one) => one.value)].join(' '));
"""


def rows_on(window: Browser) -> list[str]:
    """Give what rows say, where they lead and what they decide on."""
    return list(window.run(_ROWS))


def turned(window: Browser, script: str, *arguments: Any) -> None:
    """Do what leads to another page, and wait for that; one gone back to may be as it was left."""
    before = window.address
    window.run(script, *arguments)
    window.until(f"location.href !== {before!r} && document.readyState === 'complete'")


def follow(window: Browser, css: str) -> None:
    """Press a link, and wait for the page behind it."""
    turned(window, "document.querySelector(arguments[0]).click()", css)


def narrowed(window: Browser, place: str) -> None:
    """Choose the last of what each filter offers: it begins at its first page, and says what is chosen."""
    chips = "document.querySelectorAll('main nav.chips')"
    for nth in range(window.run(f"return {chips}.length")):
        last = window.run(f"return [...{chips}[arguments[0]].querySelectorAll('a')].pop().href", nth)
        assert "cursor" not in parse_qs(urlparse(last).query), (place, last)
        turned(window, f"[...{chips}[arguments[0]].querySelectorAll('a')].pop().click()", nth)
        assert window.address == last
        current = window.run(f"return {chips}[arguments[0]].querySelector('[aria-current]').href", nth)
        assert current == last, place
        assert window.run("return !document.getElementById('problem')"), (place, window.text[:500])
        fits(window, place)
        turned(window, "history.back()")


def fits(window: Browser, place: str) -> None:
    wider = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{place} is wider than the screen by {wider}"


@pytest.mark.parametrize("size", SIZES)
def test_lists_are_read_onwards_and_back_and_narrowed_down(full: Story, size: str) -> None:
    with served(full.api, at=full.now) as home, Browser.open(size=SIZES[size]) as window:
        window.go(f"{home}/console")
        for who, places in LISTS.items():
            window.cookie(COOKIE, Visitor(full.api, who).cookie)
            for where in places:
                place = where.format(delivered=full.delivery_states[-1])
                window.go(f"{home}/console/{place}" if place else f"{home}/console")
                first = rows_on(window)
                assert window.run("return Boolean(document.querySelector('nav.pages [rel=next]'))"), (
                    who,
                    place,
                )
                follow(window, "nav.pages [rel=next]")
                second = rows_on(window)
                assert second, (who, place)
                assert set(second).isdisjoint(first), (who, place)
                fits(window, place)
                window.shot(PICTURES / size / f"{who}-{urlparse(place).path or 'in_tray'}.png")
                narrowed(window, place)
                assert rows_on(window) == second, (who, place)
                turned(window, "history.back()")
                assert rows_on(window) == first, (who, place)
                turned(window, "history.forward()")
                assert rows_on(window) == second, (who, place)
                follow(window, "nav.pages a:not([rel=next])")
                assert rows_on(window) == first, (who, place)
        assert window.complaints() == []
