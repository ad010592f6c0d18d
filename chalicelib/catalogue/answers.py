"""What the HTTP of institutions, projects and their sheets shares."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from chalicelib.catalogue.model import SaveOutcome
from chalicelib.edge.forms import Answer

Ids = Annotated[list[Annotated[str, Meta(min_length=1, max_length=80)]], Meta(max_length=200)]


class CatalogueWarningCode(StrEnum):
    """What to look at again in an entry of the catalogue, which is saved all the same.

    `far_from_division`: the point is far from the division. `rooms_many`: an unusual number of rooms.
    `rooms_raised`: far more than within a year before. `payee_proposed`: the account waits for finance.
    `holder_differs`: the holder is not the registered name. `lately_renamed`: renamed within a year.
    `account_shared`: another institution has the same account.
    """

    FAR_FROM_DIVISION = "far_from_division"
    ROOMS_MANY = "rooms_many"
    ROOMS_RAISED = "rooms_raised"
    PAYEE_PROPOSED = "payee_proposed"
    HOLDER_DIFFERS = "holder_differs"
    LATELY_RENAMED = "lately_renamed"
    ACCOUNT_SHARED = "account_shared"


WARNINGS: dict[str, tuple[str, str]] = {
    CatalogueWarningCode.FAR_FROM_DIVISION: (
        "坐标离所属区划较远，请核对。",
        "The point is far from the division. Check it.",
    ),
    CatalogueWarningCode.ROOMS_MANY: (
        "登记的教室数异常多，请核对；监管以教室数核查同时开课数。",
        "An unusual number of rooms. Check it: supervision compares lessons held at once with it.",
    ),
    CatalogueWarningCode.ROOMS_RAISED: (
        "登记的教室数一年内大幅增加，请核对场地材料；监管仍与此前的教室数比较。",
        "Far more rooms than within a year before. Check the premises: supervision compares with both.",
    ),
    CatalogueWarningCode.PAYEE_PROPOSED: (
        "收款账户已提交，须由拨付人员确认，确认后满等待期才生效。",
        "The account was put forward. It counts once finance has confirmed it and the wait is over.",
    ),
    CatalogueWarningCode.HOLDER_DIFFERS: (
        "开户名与机构登记名称不一致，请核对；拨付人员确认时须写明理由。",
        "The holder is not the registered name. Check it; whoever confirms the account has to say why.",
    ),
    CatalogueWarningCode.LATELY_RENAMED: (
        "机构近一年内变更过登记名称，开户名须与变更前后的名称一致；请核对工商变更登记，确认时须写明理由。",
        "The institution was renamed within a year: check the register. Whoever confirms has to say why.",
    ),
    CatalogueWarningCode.ACCOUNT_SHARED: (
        "该账号已登记在其他机构名下，请核实两家机构的关系。",
        "Another institution has the same account number. Find out what the two have to do with each other.",
    ),
}


class CatalogueWarning(Answer):
    """Something the clerk should look at again."""

    code: CatalogueWarningCode
    detail: str


def warnings_answer(codes: Iterable[str], *, english: bool) -> list[CatalogueWarning]:
    """Show warnings in the caller's language."""
    return [
        CatalogueWarning(code=CatalogueWarningCode(code), detail=WARNINGS[code][1 if english else 0])
        for code in codes
    ]


def status_of(outcome: SaveOutcome) -> int:
    """Give the HTTP status of a saved entry."""
    return 201 if outcome is SaveOutcome.CREATED else 200
