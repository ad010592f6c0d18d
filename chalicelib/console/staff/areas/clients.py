"""Credentials of programs: asking for one, confirming, refusing and revoking it."""

from typing import Any, Final

from chalicelib.console import words
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Row, draw_table, status_cell
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.calendar import SHANGHAI

_INTRO: Final = (
    "软件用自己的密钥登录，不保存任何人的密码。由本单位申请、另一人确认；所办事项须注明经办人。私钥请勿粘贴到此处。",
    "A program signs in by a key of its own and keeps no password. What it changes is for a person it names.",
)

_FARES: Final = {
    "idle": ("正常", "in order"),
    "sending": ("推送中", "being sent"),
    "stopped": ("已停止", "stopped"),
}


def show(page: Page) -> Reply:
    """Show the programs of one's own institution, or of the area; or one's webhook and its messages."""
    asked = page.visit.parameters
    if asked.get("webhook"):
        return _webhook(page, asked["webhook"])
    listing = page.get("/v1/clients", division=asked.get("division"), cursor=asked.get("cursor"), limit=50)
    page.know(item.institution for item in listing.items)

    def row(item: Any) -> Row:
        keys = ", ".join(f"{key.kid} ({key.alg})" for key in item.keys)
        return Row(
            cells=[
                Cell(item.name, small=item.id),
                Cell(item.purpose, small=" ".join(item.scopes)),
                Cell(
                    page.institution(item.institution)
                    if item.institution
                    else words.word(words.ROLES, str(item.role), english=page.english),
                    small=words.division(item.division),
                ),
                Cell(keys, small=_used(page, item.used_at)),
                status_cell(page, "client", item.status),
            ],
            name=item.name,
            kind="client",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="client",
        )

    may_ask = page.may("POST", "/v1/clients")
    return draw_table(
        page,
        ("软件凭据", "Software"),
        head=[
            ("软件", "Program"),
            ("用途与权限", "Purpose and scopes"),
            ("所属", "Whose"),
            ("公钥与使用", "Keys and use"),
            ("状态", "State"),
        ],
        listing=listing,
        row=row,
        intro=_INTRO,
        forms=[(("申请软件凭据", "Ask for a program"), page.form_for("client"), "")] if may_ask else [],
    )


def _webhook(page: Page, client_id: str) -> Reply:
    """Show a program's webhook: how it fares, what was given up, and the way to send that again."""
    path, asked = "/v1/clients/{client_id}/webhook", page.visit.parameters
    where = {"client_id": client_id}
    webhook = page.get(path, where)
    listing = page.get(f"{path}/deliveries", where, state="dead", cursor=asked.get("cursor"), limit=50)
    since = webhook.failing_since
    fares = (
        f"{webhook.url}　{_FARES[str(webhook.status)][0]}"
        + (f"　自 {page.moment(since)} 起未成功：{webhook.failure}" if since is not None else ""),
        f"{webhook.url}: {_FARES[str(webhook.status)][1]}"
        + (f", in vain since {page.moment(since)}: {webhook.failure}" if since is not None else ""),
    )

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.event, small=item.message_id),
                Cell(item.thing),
                Cell(page.moment(item.occurred_at)),
                Cell(item.attempts, number=True),
                Cell(item.failure or ""),
            ],
            name=item.message_id,
        )

    return draw_table(
        page,
        ("事件推送", "Webhook"),
        head=[
            ("事件", "Event"),
            ("事项", "What it is about"),
            ("时间", "When"),
            ("次数", "Attempts"),
            ("原因", "Why"),
        ],
        listing=listing,
        row=row,
        intro=fares,
        forms=[
            (("重新推送", "Send again"), form, "")
            for form in page.forms_of("webhook", client_id, webhook.allowed_actions, at=where)
        ],
    )


def _used(page: Page, used_at: Any) -> str:
    if used_at is None:
        return page.say("尚未使用", "not used yet")
    return page.say("最近使用 ", "last used ") + f"{used_at.astimezone(SHANGHAI):%Y-%m-%d}"
