"""Programs and their policies: what holds, since when, what each version changed, and the next by form."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.console import words
from chalicelib.console.staff import numbers, settings
from chalicelib.console.staff.deciding import FORM_KEY
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.settings import GROUPS
from chalicelib.console.staff.tables import Cell, Row, draw_table
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.errors import DomainError

_PROGRAM: Final = "/v1/programs/{program_id}"
_OVERSEEN: Final = ("supervision", "patterns_stop_payment")
_VERSIONS_SHOWN: Final = 20


def show(page: Page, asked: Mapping[str, Any] | None = None) -> Reply:
    """Show all programs, or one with its policy; `asked` is a version that is not saved yet."""
    program_id = page.visit.values.get("id")
    if program_id is None:
        return _list(page)
    program = page.get(_PROGRAM, {"program_id": program_id})
    policy = _policy_of(program)
    groups = _groups(policy)
    listed = page.get(f"{_PROGRAM}/policies", {"program_id": program_id}, limit=_VERSIONS_SHOWN)
    return page.draw(
        "program",
        program.name,
        program=program,
        policy=policy,
        groups=groups,
        version=_version(page, program, asked),
        differing=_differences(page, policy, asked) if asked is not None else None,
        versions=_versions(page, listed.items),
        listing=listed,
        settings=settings,
        changing="change_policy" in program.allowed_actions,
        typed=_typed(page, policy),
        ticked=_ticked(page, policy),
        choice=lambda one, value: settings.choice_of(one.name, value, english=page.english),
        check=lambda value: words.word(words.CHECKS, value, english=page.english),
    )


def act(page: Page, do: str) -> Reply | None:
    """Show what a version would change, or make it; None for what is something else."""
    if do not in {"policy.check", "policy.save"}:
        return None
    program_id = page.visit.values.get("id", "")
    policy = _policy_of(page.get(_PROGRAM, {"program_id": program_id}))
    asked = settings.read(page.visit.fields, _names(policy))
    if do == "policy.check":
        return show(page, asked)
    body: dict[str, Any] = {"version": numbers.as_sent(page.visit.typed("version")), "policy": asked}
    body["reason"] = page.visit.typed("reason").strip()
    path, key = f"{_PROGRAM}/policy", page.visit.typed(FORM_KEY)
    try:
        page.asker.ask("POST", path, values={"program_id": program_id}, body=body, key=key)
    except DomainError as failure:
        if failure.code != "version_conflict":
            raise
        page.refuse(failure)
        return show(page, asked)  # what was typed, now against the version that somebody made meanwhile
    return page.go(page.link(done="policy.save"))


def _version(page: Page, program: Any, asked: Mapping[str, Any] | None) -> str:
    """Give the version that a new one is to follow: that whose differences are shown, else that one saw."""
    saw = page.visit.typed("version") if page.visit.typed("do") == "policy.save" else ""
    return str(program.version) if asked is not None else saw or str(program.version)


def _list(page: Page) -> Reply:
    def row(program: Any) -> Row:
        return Row(
            [
                Cell(program.name, href=f"console/programs/{program.id}"),
                Cell(words.division(program.division)),
                Cell(words.word(words.PROGRAM_KINDS, str(program.kind), english=page.english)),
                Cell(page.say(f"第 {program.policy_version} 版", f"version {program.policy_version}")),
            ]
        )

    return draw_table(
        page,
        ("项目计划与政策", "Programs and policies"),
        head=(("项目计划", "Program"), ("区划", "Division"), ("券种", "Kind"), ("政策", "Policy")),
        listing=page.get("/v1/programs", cursor=page.visit.parameters.get("cursor"), limit=50),
        row=row,
    )


def _policy_of(answer: Any) -> dict[str, Any]:
    """Give a policy as plain values, with what supervision goes by where this role may know it."""
    told: dict[str, Any] = msgspec.to_builtins(answer.policy)
    overseen = {name: msgspec.to_builtins(getattr(answer, name)) for name in _OVERSEEN}
    return told | {name: value for name, value in overseen.items() if value is not None}


def _names(policy: Mapping[str, Any]) -> list[str]:
    return [name for _, names in GROUPS for name in names if name in policy]


def _groups(policy: Mapping[str, Any]) -> list[tuple[words.Pair, list[settings.Setting]]]:
    laid = [
        (label, settings.settings_of(name for name in names if name in policy)) for label, names in GROUPS
    ]
    return [(label, fields) for label, fields in laid if fields]


def _differences(
    page: Page, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    names = [name for name in _names(before) if name in after]
    return settings.differences(before, after, names, english=page.english)


def _versions(page: Page, versions: Sequence[Any]) -> list[tuple[Any, list[tuple[str, str, str]] | None]]:
    """Give each version with what it changed of the one before; None where that one is not on the page."""
    policies = [_policy_of(version) for version in versions]
    befores = [*policies[1:], None]
    return [
        (version, _differences(page, before, after) if before is not None else None)
        for version, after, before in zip(versions, policies, befores, strict=True)
    ]


def _typed(page: Page, policy: Mapping[str, Any]) -> Any:
    """Give a field as it was typed, else as it holds."""

    def typed(one: settings.Setting) -> str:
        if page.visit.fields:
            return page.visit.typed(one.name)
        return settings.as_typed(one, settings.value_of(policy, one.name))

    return typed


def _ticked(page: Page, policy: Mapping[str, Any]) -> Any:
    """Tell whether one of several is ticked: as it was sent, else as it holds."""

    def is_ticked(one: settings.Setting, value: str) -> bool:
        if page.visit.fields:
            return value in page.visit.fields.get(one.name, ())
        return value in settings.value_of(policy, one.name)

    return is_ticked
