"""Programs with a webhook, and what happens to things of whose they are."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws.streams import RowChange
from chalicelib.exchange.webhooks import store, telling
from chalicelib.kernel.principal import Change, Role, system_context
from tests.accounts.clients.builders import Program
from tests.support.people import HEFEI_SCHOOL

URL = "https://hooks.example.com/vouchers"
EVENTS = ["class.approved", "class.returned", "institution.suspended"]
SCOPES = ["class.read", "claim_line.read"]
SECOND = timedelta(seconds=1)


def hook(*events: str, url: str = URL) -> dict[str, Any]:
    return {"url": url, "events": list(events) or EVENTS}


def told_program(
    api: Any, name: str = "教务系统", *, who: str = "institution", by: str = "clerk", **more: Any
) -> str:
    """Give the id of a confirmed program that has a webhook."""
    program = Program(name=name)
    wish = api(who).post("/v1/clients", program.wish(SCOPES, **{"webhook": hook(), **more}))
    assert wish.status == 201, wish.text
    path = f"/v1/clients/{wish.json['id']}/confirm"
    done = api(by).post(path, {"version": wish.json["version"]})
    assert done.status == 200, done.text
    return str(wish.json["id"])


def moved(
    thing: str,
    version: int,
    before: str | None,
    after: str,
    *,
    at: datetime,
    table: str = "classes",
    institution: str = HEFEI_SCHOOL,
    division: str = "340111",
) -> RowChange:
    """A row goes from one state to another."""
    facts = {"institution": institution, "division": division}
    old = {"status": before, "version": version - 1, **facts} if before is not None else None
    return RowChange(
        sequence=str(version).zfill(21),
        table=table,
        subject=thing,
        part="head" if table == "classes" else "",
        before=old,
        after={"status": after, "version": version, **facts},
        change=Change(actor="acc_x", role=Role.CLERK, action="class.approve", request_id="req_x", at=at),
    )


def context(at: datetime) -> Any:
    return system_context("webhooks", now=at, request_id="req_test")


def told(at: datetime, *rows: RowChange) -> int:
    return telling.tell(context(at), rows)


def sent(at: datetime) -> int:
    """Let the clock find what is due."""
    return telling.work_on_due(context(at), seconds=30)


def box_of(program: str) -> Any:
    box = store.find_box(program)
    assert box is not None
    return box
