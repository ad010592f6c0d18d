"""Refusals as people read them on a page: each field by its label, each limit in the unit it is typed in.

The code, the status and the facts are the API's; only what names a field or a pattern is said anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.console.staff import fields
from chalicelib.console.words import Pair, said
from chalicelib.edge.problems import Problem, problem_of
from chalicelib.kernel.errors import DomainError, Fact, Fault
from chalicelib.kernel.reasons import form_sentence, sentence

_ON_PAGES: Final[Mapping[str, Pair]] = {
    "token_stale": (
        "登录已过期，本次未提交。请重新登录。",
        "Your sign-in has expired, so nothing was sent. Sign in again.",
    ),
}
"""Codes whose sentence is for programs: what a person at a page does instead."""
_LIKE: Final[Pair] = ("{field} 的格式不对，应为{hint}。", "{field} must be {hint}.")
_NOT_LIKE: Final[Pair] = ("{field} 的格式不对，请更正。", "{field} has the wrong form. Correct it.")
_NUMBER: Final[Pair] = (
    "{field} 应为数字，例如 1,800.00；逗号只用于千位。",
    "{field} must be a number such as 1,800.00, with commas at the thousands alone.",
)
_KEY: Final[Pair] = (
    '{field} 应为一个 JSON 对象，例如 {{"kty": "OKP", …}}。',
    '{field} must be one JSON object such as {{"kty": "OKP", …}}.',
)
_NONE_TICKED: Final[Pair] = ("请先勾选要办理的事项。", "Tick what is to be decided first.")
_LIMITS: Final = ("least", "most")


def problem_for(
    failure: DomainError, do: str, *, request_id: str, english: bool, rows: Sequence[str] = ()
) -> Problem:
    """Describe a refusal for who sent the form of a decision; `rows` names what was decided together."""
    problem = problem_of(failure, request_id=request_id, english=english)
    errors = [_fault(fault, do, english=english, rows=rows) for fault in failure.faults]
    detail = problem.detail
    if failure.code in _ON_PAGES:
        detail = said(_ON_PAGES[failure.code], english=english)
    elif "field" in failure.facts:
        named = fields.label(do, str(failure.facts["field"]), english=english, rows=rows)
        detail = sentence(failure.code, {**failure.facts, "field": named}, english=english)
    return msgspec.structs.replace(problem, errors=errors or None, detail=detail)


def _fault(fault: Fault, do: str, *, english: bool, rows: Sequence[str]) -> dict[str, Any]:
    told = {
        name: value for name, value in (("row", fault.row), ("column", fault.column)) if value is not None
    }
    if fault.field is None or fault.row is not None:
        return {**told, "code": fault.code, "detail": _sentence(fault, dict(fault.told), english=english)} | (
            {"field": fault.field} if fault.field is not None else {}
        )
    field = fields.named(do, fault.field)
    label = fields.label(do, fault.field, english=english, rows=rows)
    facts: dict[str, Fact] = {**fault.told, "field": label, "column": label}
    facts |= {name: fields.limit_said(field, facts[name]) for name in _LIMITS if name in facts}
    detail = _of_field(fault, field, facts, do, english=english)
    if label not in detail and not detail.startswith(said(_NONE_TICKED, english=english)):
        detail = f"{label}{': ' if english else '：'}{detail}"
    return {**told, "field": fault.field, "code": fault.code, "detail": detail}


def _of_field(fault: Fault, field: fields.Named, facts: dict[str, Fact], do: str, *, english: bool) -> str:
    """Say what a field wants; a pattern by what it looks like, a choice by its words."""
    match fault.form:
        case "pattern":
            hint = said(field.hint, english=english)
            return said(_LIKE if hint else _NOT_LIKE, english=english).format(field=facts["field"], hint=hint)
        case "number" if field.kind == "yuan":
            return said(_NUMBER, english=english).format(**facts)
        case "object" if field.kind == "json":
            return said(_KEY, english=english).format(**facts)
        case "too_few" if do.startswith("bulk."):
            return said(_NONE_TICKED, english=english)
        case "one_of" if field.choices:
            words = [said(pair, english=english) for pair in field.choices.values()]
            facts["allowed"] = (", " if english else "、").join(words)
    return _sentence(fault, facts, english=english)


def _sentence(fault: Fault, facts: Mapping[str, Fact], *, english: bool) -> str:
    if fault.form is not None:
        return form_sentence(fault.form, facts, english=english)
    return sentence(fault.code, facts, english=english)
