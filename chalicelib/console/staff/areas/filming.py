"""Footage sent from a lesson's page: announced, sent in parts by the page's script, put together.

The script is answered with pages like everybody is; what it needs of one stands in its `data-` attributes.
"""

import re
from datetime import datetime
from typing import Any, Final

from chalicelib.console.staff import numbers
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.forms import malformed
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.errors import Fault

_FOOTAGE: Final = "/v1/lessons/{lesson_id}/footage"
_PARTS: Final = f"{_FOOTAGE}/{{footage_id}}/parts"
_COMPLETE: Final = f"{_FOOTAGE}/{{footage_id}}/complete"
_WANTED: Final = re.compile(r"(\d{1,5}):([0-9a-f]{64})")


def act(page: Page, do: str) -> Reply | None:
    """Announce a recording, give links to its parts, or put it together; None for what is something else."""
    match do:
        case "footage.announce":
            return _announced(page)
        case "footage.parts":
            return _parts(page, page.visit.typed("footage_id"))
        case "footage.complete":
            return _completed(page)
        case _:
            return None


def _announced(page: Page) -> Reply:
    """Announce a recording, and tell the page's script what of it has arrived."""
    visit = page.visit
    body = {
        "camera_id": visit.typed("camera_id").strip(),
        "started_at": _in_shanghai(visit.typed("started_at"), "started_at"),
        "ended_at": _in_shanghai(visit.typed("ended_at"), "ended_at"),
        "size_bytes": numbers.as_sent(visit.typed("size_bytes")),
        "sha256": visit.typed("sha256"),
        "content_type": "video/x-matroska"
        if visit.typed("filename").lower().endswith(".mkv")
        else "video/mp4",
    }
    announced = page.asker.ask("POST", _FOOTAGE, values=_lesson_of(page), body=body)
    if announced.upload is None:
        return page.draw("footage_parts", page.say("上传录像", "Upload footage"), recording=None)
    return _parts(page, announced.id)


def _parts(page: Page, footage_id: str) -> Reply:
    parts: list[dict[str, Any]] = [
        {"number": int(number), "sha256": digest}
        for number, digest in _WANTED.findall(" ".join(page.visit.fields.get("part", ())))
    ]
    recording = page.asker.ask(
        "POST", _PARTS, values={**_lesson_of(page), "footage_id": footage_id}, body={"parts": parts}
    )
    links = {link.number: {"url": link.url, "headers": link.headers} for link in recording.links}
    return page.draw(
        "footage_parts", page.say("上传录像", "Upload footage"), recording=recording, links=links
    )


def _completed(page: Page) -> Reply:
    values = {**_lesson_of(page), "footage_id": page.visit.typed("footage_id")}
    page.asker.ask("POST", _COMPLETE, values=values, body={})
    return page.go(page.link(done="footage.complete"))


def _lesson_of(page: Page) -> dict[str, str]:
    return {"lesson_id": page.visit.values.get("part", "")}


def _in_shanghai(typed: str, name: str) -> str:
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=SHANGHAI).isoformat()
    except ValueError:
        raise malformed([Fault("wrong_type", field=name)]) from None
