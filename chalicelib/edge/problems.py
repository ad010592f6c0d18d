"""From a domain error to an RFC 9457 problem answer: the one mapping from error to status."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chalicelib.kernel import errors
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.reasons import fault_sentence, sentence

STATUS_OF: Final[Mapping[type[DomainError], int]] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAllowed: 405,
    errors.Refused: 409,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.Impossible: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}

PROBLEM_JSON: Final = "application/problem+json"
TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("提交内容有误", "Malformed request"),
    401: ("请先登录", "Sign-in required"),
    403: ("无权办理", "Not permitted"),
    404: ("查无此项", "Not found"),
    405: ("方法不支持", "Method not allowed"),
    409: ("当前不能办理", "Refused in the present state"),
    413: ("内容过大", "Too large"),
    415: ("类型不支持", "Unsupported type"),
    422: ("内容无法成立", "Cannot be"),
    429: ("请稍后再试", "Too many requests"),
    500: ("系统内部错误", "Internal error"),
    503: ("系统繁忙", "Temporarily unavailable"),
}
"""What each status says at a glance: Chinese and English."""


INTERNAL_ERROR: Final = "internal_error"
"""The code of a failure of ours: the one that no rule raises, so it is not in the table of reasons."""
_RETRY_AFTER_SECONDS: Final = 1
_BEARER: Final = 'Bearer realm="voucher"'
_TYPE: Final = "urn:training-voucher:problem:"


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details with the service's stable code."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[dict[str, Any]] | None = None
    error_sheet: str | None = None
    """Where the uploaded sheet can be fetched with a column of reasons, for ten minutes."""
    error: str | None = None
    """What clients of OAuth 2.0 look for (RFC 6749, 5.2): see `oauth_error_of`."""


OAUTH_ERRORS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("invalid_request", "unsupported_grant_type", "invalid_scope"),
    401: ("invalid_client",),
    **dict.fromkeys((403, 409), ("unauthorized_client",)),
    **dict.fromkeys((404, 405, 413, 415, 422), ("invalid_request",)),
    429: ("temporarily_unavailable",),
    500: ("server_error",),
    503: ("temporarily_unavailable",),
}
"""What `error` may be by status: the words of RFC 6749, 5.2 (and of 4.1.2.1 for what passes by itself)."""


def oauth_error_of(failure: DomainError) -> str:
    """Name an error as clients of OAuth 2.0 know it: one without this member they take for a token."""
    usual, *others = OAUTH_ERRORS[status_of(type(failure))]
    if failure.code in others:
        return failure.code
    unsupported = any(one.field == "grant_type" and one.code == "wrong_type" for one in failure.faults)
    return "unsupported_grant_type" if unsupported else usual


class RowFault(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing wrong with a row of what was sent: of a sheet `row` and `column`, of JSON `field`."""

    field: str | None = None
    row: int | None = None
    column: str | None = None
    code: str
    detail: str


def status_of(kind: type[DomainError]) -> int:
    """Resolve the status of a kind of error through its class tree."""
    return next(STATUS_OF[base] for base in kind.__mro__ if base in STATUS_OF)


def problem_of(failure: DomainError, *, request_id: str, english: bool, oauth: bool = False) -> Problem:
    """Describe an error for people and programs; `oauth` where clients of OAuth 2.0 ask for a token."""
    status = status_of(type(failure))
    return Problem(
        type=f"{_TYPE}{failure.code}",
        title=TITLES[status][1 if english else 0],
        status=status,
        code=failure.code,
        detail=sentence(failure.code, failure.facts, english=english),
        request_id=request_id,
        errors=[fault_of(fault, english=english) for fault in failure.faults] or None,
        error_sheet=str(sheet) if (sheet := failure.facts.get("error_sheet")) is not None else None,
        error=oauth_error_of(failure) if oauth else None,
    )


def headers_of(failure: DomainError) -> dict[str, str]:
    """Give the headers of an error's answer: its type, and what to do about it where a program can.

    When to come back, how to prove oneself (RFC 6750), which methods there are (RFC 9110).
    """
    headers = {"Content-Type": PROBLEM_JSON}
    if isinstance(failure, errors.Unauthenticated):
        spent = failure.code == "token_stale" or failure.is_of_token
        headers["WWW-Authenticate"] = _BEARER + (', error="invalid_token"' if spent else "")
    if failure.code == "insufficient_scope":
        headers["WWW-Authenticate"] = (
            f'{_BEARER}, error="insufficient_scope", scope="{failure.facts["scope"]}"'
        )
    if isinstance(failure, errors.NotAllowed):
        headers["Allow"] = str(failure.facts["allowed"])
    awaited = "retry_after_seconds" in failure.facts
    if awaited or isinstance(failure, errors.TooMany | errors.Unavailable):
        headers["Retry-After"] = str(failure.facts.get("retry_after_seconds", _RETRY_AFTER_SECONDS))
    return headers


def internal_problem(*, request_id: str, english: bool, oauth: bool = False) -> Problem:
    """Describe a failure of ours without saying anything about it."""
    detail = (
        "Something went wrong on our side. Quote the request id when you report it."
        if english
        else "系统内部错误，请稍后重试；如仍不行，请提供 request_id 联系管理员。"
    )
    return Problem(
        type=f"{_TYPE}{INTERNAL_ERROR}",
        title=TITLES[500][1 if english else 0],
        status=500,
        code=INTERNAL_ERROR,
        detail=detail,
        request_id=request_id,
        error=OAUTH_ERRORS[500][0] if oauth else None,
    )


def fault_of(fault: Fault, *, english: bool) -> dict[str, Any]:
    """Describe one fault: where it is, its code and a sentence."""
    place = {"field": fault.field, "row": fault.row, "column": fault.column}
    return {
        **{name: value for name, value in place.items() if value is not None},
        "code": fault.code,
        "detail": fault_sentence(fault, english=english),
    }


def row_fault_of(fault: Fault, *, english: bool) -> RowFault:
    """Describe one fault of a row in an answer that is no problem."""
    return RowFault(**fault_of(fault, english=english))
