"""What records are called on pages: a class's name, a lesson's number in it, a masked trainee, an account.

All names of a page are one read by key, and come along with whatever the page reads next. Who may not read
enrolments, or has another area, is told their kind and the end of their id, and no name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from chalicelib.accounts import rights
from chalicelib.accounts.store import find_accounts, want_accounts
from chalicelib.classes.store import heads_by_id
from chalicelib.console import words
from chalicelib.console.staff.rendering import Page
from chalicelib.enrolments.store import find_enrolments, want_enrolments
from chalicelib.kernel.ids import is_id, whole_of

NAMED_MOST: Final = 80
"""So many records of a page are named: one read takes a hundred keys, and others come along with it."""
_END: Final = 4
_PARTS: Final[Mapping[str, words.Pair]] = {
    "les": ("{class_name} 第 {part} 课", "{class_name}, lesson {part}"),
    "lin": ("{class_name} 第 {part} 人", "{class_name}, line {part}"),
    "clm": ("{class_name}", "{class_name}"),
    "cls": ("{class_name}", "{class_name}"),
}
"""Of the ids that name their class: how the thing is called by it."""
_KINDS: Final[Mapping[str, words.Pair]] = {
    "acc": ("账号", "Account"),
    "cls": ("班级", "Class"),
    "clm": ("补贴申领", "Claim"),
    "enr": ("学员", "Trainee"),
    "fot": ("录像", "Footage"),
    "imp": ("名单", "List"),
    "isp": ("抽查", "Inspection"),
    "les": ("课次", "Lesson"),
    "lin": ("补贴明细", "Claim line"),
    "vch": ("培训券", "Voucher"),
}


def names_of(page: Page, ids: Iterable[str | None]) -> dict[str, str]:
    """Say what records are called, by id; what has no name is its kind and the end of its id.

    At most one read for `NAMED_MOST` of them, the first ones; nothing is read for the others.
    """
    asked = list(dict.fromkeys(one for one in ids if one))
    named = asked[:NAMED_MOST]
    rooms = {room for one in named if (room := _class_of(one))}
    enrolled = [one for one in named if is_id(one, "enr")]
    accounts = [one for one in named if is_id(one, "acc")]
    want_enrolments(enrolled)
    want_accounts(accounts)
    classes: dict[str, str] = {head.id: head.name for head in heads_by_id(rooms)} if rooms else {}
    found = {one: _by_class(page, one, classes) for one in asked}
    return found | _trainees(page, enrolled) | _accounts(page, accounts)


def _class_of(record: str) -> str:
    """Name the class that an id names; empty if it names none."""
    prefix, _, rest = record.partition("_")
    if prefix not in _PARTS or not is_id(record, prefix):
        return ""
    return whole_of("cls", record)[0] if prefix in ("les", "lin") else f"cls_{rest}"


def _by_class(page: Page, record: str, classes: Mapping[str, str]) -> str:
    prefix = record.partition("_")[0]
    name = classes.get(_class_of(record))
    if name is not None:
        part = whole_of("cls", record)[1].lstrip("0")
        return page.say(*_PARTS[prefix]).format(class_name=name, part=part)
    kind = page.say(*_KINDS[prefix]) if prefix in _KINDS else ""
    return f"{kind} …{record[-_END:]}".strip()


def _trainees(page: Page, enrolled: list[str]) -> dict[str, str]:
    """Name trainees as masked as everywhere, by the end of their number, and of their id where two agree."""
    told = {
        enrolment.id: f"{enrolment.trainee_name} {enrolment.trainee_id_number[-_END:]}"
        for enrolment in (find_enrolments(enrolled) if enrolled else ())
        if _reaches(page, "enrolment.read", enrolment.division, enrolment.institution)
    }
    alike = Counter(told.values())
    return {record: f"{name} …{record[-_END:]}" if alike[name] > 1 else name for record, name in told.items()}


def _accounts(page: Page, ids: list[str]) -> dict[str, str]:
    """Name accounts as who may read them knows them; else by their duty."""
    return {
        account.id: account.account
        if _reaches(page, "account.read", account.division, None)
        else words.word(words.ROLES, str(account.role), english=page.english)
        for account in (find_accounts(ids) if ids else ())
    }


def _reaches(page: Page, action: str, division: str, institution: str | None) -> bool:
    principal = page.session.principal
    return principal is not None and rights.reaches(
        principal, action, division=division, institution=institution
    )
