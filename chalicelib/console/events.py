"""What a message to the national platform tells, in words: of what kind of subject, and what became of it."""

from collections.abc import Mapping
from typing import Final

from chalicelib.console.words import Pair, word

SUBJECTS: Final[Mapping[str, Pair]] = {
    "voucher": ("培训券", "Voucher"),
    "institution": ("承训机构", "Institution"),
    "project": ("培训项目", "Project"),
    "program": ("项目计划", "Program"),
    "check_in": ("签到", "Check-in"),
    "enrolment": ("报名", "Enrolment"),
}
BECAME: Final[Mapping[str, Pair]] = {
    "issued": ("发放", "issued"),
    "claimed": ("领用", "claimed"),
    "redeemed": ("核销报名", "redeemed"),
    "released": ("退回", "released"),
    "expired": ("过期", "expired"),
    "revoked": ("收回", "revoked"),
    "restored": ("恢复", "restored"),
    "settled": ("结算", "settled"),
    "closed": ("关闭", "closed"),
    "reversed": ("冲回", "reversed"),
    "returned": ("银行退票", "returned by the bank"),
    "paid_again": ("再次付款", "paid again"),
    "expires_soon": ("到期提醒", "expires soon"),
    "listed": ("列入名录", "listed"),
    "suspended": ("暂停", "suspended"),
    "reinstated": ("恢复承训", "reinstated"),
    "added": ("新增", "added"),
    "changed": ("变更", "changed"),
    "came": ("到课", "came"),
    "went": ("签退", "went"),
    "answered": ("点名应答", "answered a roll-call"),
    "reviewed": ("审核", "reviewed"),
    "confirmed": ("确认", "confirmed"),
    "rostered": ("列入花名册", "on the roster"),
    "passed": ("合格", "passed"),
    "failed": ("不合格", "failed"),
    "withdrawn": ("退班", "withdrawn"),
    "missing": ("缺失的变更", "a change that is lost"),
}


def event_name(event: str, *, english: bool) -> str:
    """Name an event: `voucher.redeemed` → 培训券核销报名; Voucher redeemed."""
    subject, _, became = event.partition(".")
    words = (word(SUBJECTS, subject, english=english), word(BECAME, became, english=english))
    return (" " if english else "").join(words)
