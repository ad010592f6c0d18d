"""Who may do what: the one table of role, action and scope. What is not in it is refused.

Scopes: `own` a trainee's own things, `institution` those of the caller's institution, `division` those
of the caller's division and below, `all` everything. Outside its scope a thing does not exist (404).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from chalicelib.kernel.divisions import covers
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import BUREAU_ROLES, Principal, Role
from chalicelib.kernel.reasons import error


class Scope(StrEnum):
    """How far a right reaches."""

    OWN = "own"
    INSTITUTION = "institution"
    DIVISION = "division"
    ALL = "all"
    SOFTWARE = "software"
    """A program's own credential; no person's right, whatever their role."""


_T, _I, _C, _R, _F, _S, _P, _X = (
    Role.TRAINEE,
    Role.INSTITUTION,
    Role.CLERK,
    Role.REVIEWER,
    Role.FINANCE,
    Role.SUPERVISOR,
    Role.PROVINCE,
    Role.PLATFORM,
)
Row = dict[Role, Scope]


def _bureaus(*roles: Role) -> Row:
    return dict.fromkeys(roles, Scope.DIVISION)


_TRAINEE: Row = {_T: Scope.OWN}
_STAFF: Row = {_I: Scope.INSTITUTION}
_PROVINCE: Row = {_P: Scope.ALL}
_READERS: Row = _bureaus(_C, _R, _F, _S) | _PROVINCE
_EVERYONE: Row = _TRAINEE | _STAFF | _READERS

RIGHTS: dict[str, Row] = {
    "me.read": _EVERYONE | {_X: Scope.OWN},
    "account.create": _bureaus(_C) | _PROVINCE,
    "account.confirm": _bureaus(_S) | _PROVINCE,
    "account.read": _bureaus(_C, _S) | _PROVINCE,
    "account.disable": _bureaus(_C) | _PROVINCE,
    "account.reset": _bureaus(_C) | _PROVINCE,
    "client.ask": _STAFF | _bureaus(_C) | _PROVINCE,
    "client.read": _STAFF | _bureaus(_C, _S) | _PROVINCE,
    "client.decide": _bureaus(_C, _S) | _PROVINCE,
    "client.revoke": _STAFF | _bureaus(_C, _S) | _PROVINCE,
    "client.redrive": _STAFF | _bureaus(_C, _S) | _PROVINCE,
    "client.rotate": dict.fromkeys((_I, _C, _R, _F, _S, _P), Scope.SOFTWARE),
    "program.create": _PROVINCE,
    "program.change_policy": _PROVINCE,
    "program.read_policies": _READERS,
    "institution.write": _bureaus(_C) | _PROVINCE,
    "institution.suspend": _bureaus(_C, _S) | _PROVINCE,
    "institution.reinstate": _bureaus(_C, _S) | _PROVINCE,
    "payee.propose": _bureaus(_C) | _PROVINCE,
    "payee.read": _STAFF | _READERS,
    "payee.read_waiting": _READERS,
    "payee.decide": _bureaus(_F),
    "payee.refuse": _STAFF | _bureaus(_F),
    "project.write": _PROVINCE,
    "catalogue.import": _bureaus(_C) | _PROVINCE,
    "import.create": _PROVINCE,
    "import.read": _PROVINCE,
    "import.confirm_rename": _PROVINCE,
    "import.refuse_rename": _PROVINCE,
    "issuance.propose": _PROVINCE,
    "issuance.read": _PROVINCE,
    "issuance.approve": _PROVINCE,
    "issuance.reject": _PROVINCE,
    "voucher.read": _EVERYONE,
    "voucher.claim": _TRAINEE,
    "voucher.show_qr": _TRAINEE,
    "voucher.revoke": _bureaus(_C) | _PROVINCE,
    "voucher.restore": _PROVINCE,
    "voucher.confirm_restore": _PROVINCE,
    "scan.verify": _STAFF,
    "scan.redeem": _STAFF,
    "scan.read": _STAFF | _READERS,
    "enrolment.read": _EVERYONE,
    "enrolment.release": _STAFF | _bureaus(_C),
    "enrolment.withdraw": _STAFF | _bureaus(_C),
    "person.find": _bureaus(_C, _R, _S) | _PROVINCE,
    "class.write": _STAFF,
    "class.read": _EVERYONE,
    "class.submit": _STAFF,
    "class.cancel": _STAFF,
    "class.approve": _bureaus(_C),
    "class.return": _bureaus(_C),
    "class.approve_cancel": _bureaus(_C),
    "class.refuse_cancel": _bureaus(_C),
    "class.close": _bureaus(_C),
    "class.change": _STAFF,
    "class.read_changes": _STAFF | _READERS,
    "class.approve_change": _bureaus(_C),
    "class.reject_change": _bureaus(_C),
    "class.withdraw_change": _STAFF,
    "roster.write": _STAFF,
    "roster.read": _STAFF | _READERS,
    "roster.template": _STAFF,
    "completion.submit": _STAFF,
    "completion.approve": _bureaus(_C),
    "completion.return": _bureaus(_C),
    "scores.write": _STAFF,
    "scores.read": _STAFF | _READERS,
    "scores.template": _STAFF,
    "attendance.read": _STAFF | _READERS,
    "payability.read": _STAFF | _READERS,
    "attendance.read_own": _TRAINEE,
    "check_in.write": _TRAINEE,
    "check_in.read": _STAFF | _READERS,
    "check_in.read_waiting": _READERS,
    "check_in.review": _bureaus(_C),
    "make_up.request": _STAFF,
    "make_up.read": _STAFF | _READERS,
    "make_up.read_waiting": _READERS,
    "make_up.decide": _bureaus(_C),
    "footage.write": _STAFF,
    "footage.read": _STAFF | _READERS,
    "footage.hold": _bureaus(_S) | _PROVINCE,
    "subsidy_claim.submit": _STAFF,
    "subsidy_claim.read": _STAFF | _READERS,
    "subsidy_claim.review": _bureaus(_C),
    "subsidy_claim.decide": _bureaus(_C, _R),
    "subsidy_claim.approve": _bureaus(_R),
    "subsidy_claim.withdraw_approval": _bureaus(_R),
    "subsidy_claim.return": _bureaus(_C, _R),
    "subsidy_claim.reject": _bureaus(_C, _R),
    "claim_document.write": _STAFF,
    "claim_document.read": _STAFF | _READERS,
    "override.ask": _bureaus(_C),
    "override.read": _STAFF | _READERS,
    "override.decide": _bureaus(_R),
    "objection.read": _READERS,
    "objection.resolve": _bureaus(_S) | _PROVINCE,
    "hold.place": _bureaus(_F, _S) | _PROVINCE,
    "hold.read": _READERS,
    "hold.release": _bureaus(_F, _S) | _PROVINCE,
    "budget.write": _bureaus(_F),
    "budget.read": _bureaus(_R, _F, _S) | _PROVINCE,
    "settlement.read": _bureaus(_F, _S) | _PROVINCE,
    "settlement.seal": _bureaus(_F),
    "settlement.export": _bureaus(_F),
    "settlement.record_results": _bureaus(_F),
    "claim_line.read": _STAFF | _READERS,
    "claim_line.read_flagged": _READERS,
    "claim_line.reject": _bureaus(_R),
    "claim_line.reverse": _bureaus(_F),
    "claim_line.cancel_reversal": _bureaus(_F),
    "claim_line.repay": _bureaus(_F),
    "claim_line.release": _bureaus(_F),
    "claim_line.correct": _bureaus(_F),
    "ledger.read": _bureaus(_F, _S) | _PROVINCE,
    "ledger.verify": _bureaus(_F, _S) | _PROVINCE,
    "statement.read": _STAFF | _bureaus(_F, _S) | _PROVINCE,
    "exchange.read": _bureaus(_S) | _PROVINCE,
    "exchange.redrive": _PROVINCE,
    "exchange.pass_over": _PROVINCE,
    "exchange.acknowledge": {_X: Scope.ALL},
    "exchange.forward_check_ins": {_X: Scope.ALL},
    "dead_letter.read": _PROVINCE,
    "dead_letter.redrive": _PROVINCE,
    "risk_case.read": _bureaus(_C, _R, _S) | _PROVINCE,
    "risk_case.take": _bureaus(_S) | _PROVINCE,
    "risk_case.resolve": _bureaus(_S) | _PROVINCE,
    "inspection.create": _bureaus(_S) | _PROVINCE,
    "inspection.read": _bureaus(_S) | _PROVINCE,
    "inspection.record": _bureaus(_S) | _PROVINCE,
    "inspection.open_phones": _bureaus(_S) | _PROVINCE,
    "waiting.read": _STAFF | _READERS,
    "report.read": _READERS,
    "record_export.ask": _bureaus(_S) | _PROVINCE,
    "record_export.read": _bureaus(_S) | _PROVINCE,
    "record_export.open": _bureaus(_S) | _PROVINCE,
    "audit.read": _bureaus(_S) | _PROVINCE,
    "audit.verify": _bureaus(_S) | _PROVINCE,
}


WATCHED_READING = frozenset(
    {
        "account.read",
        "attendance.read",
        "audit.read",
        "check_in.read",
        "check_in.read_waiting",
        "claim_document.read",
        "claim_line.read",
        "claim_line.read_flagged",
        "dead_letter.read",
        "enrolment.read",
        "exchange.read",
        "footage.read",
        "hold.read",
        "import.read",
        "inspection.read",
        "issuance.read",
        "ledger.read",
        "make_up.read",
        "make_up.read_waiting",
        "objection.read",
        "payability.read",
        "payee.read",
        "payee.read_waiting",
        "record_export.open",
        "record_export.read",
        "risk_case.read",
        "roster.read",
        "scan.read",
        "scores.read",
        "settlement.read",
        "statement.read",
        "subsidy_claim.read",
        "voucher.read",
    }
)
"""What names people, their money or what others did: who is refused to read it leaves a record."""


def knows(action: str) -> bool:
    """Tell whether the table has this action."""
    return action in RIGHTS


OF_SOFTWARE_ALONE = frozenset({"client.rotate"})
"""What software does with its own credential: nobody is named for it, and no person has one."""
_ALWAYS_SOFTWARES = OF_SOFTWARE_ALONE | {"me.read"}
_PEOPLES = ("account.", "client.", "payee.refuse")


def may_be_softwares(role: Role, action: str) -> bool:
    """Tell whether software of a role can be given an action: never a decision, money or a credential.

    An institution's software prepares and applies, as its staff do: what it changes, a bureau's people decide
    on. A bureau's software reads: each change of a bureau's is a decision, and a decision is a person's. What
    only reads is told by its name; a test holds that against the methods of the endpoints, and
    `edge.acting` asks each endpoint again.
    """
    if role not in RIGHTS.get(action, {}) or action.startswith(_PEOPLES):
        return False
    verb = action.partition(".")[2]
    return role is Role.INSTITUTION or (
        role in BUREAU_ROLES and (verb.startswith("read") or verb == "template")
    )


def may_be_some_softwares(action: str) -> bool:
    """Tell whether software of some role can be given an action, or has it as software."""
    return action in _ALWAYS_SOFTWARES or any(may_be_softwares(role, action) for role in Role)


def needs_scope(action: str) -> bool:
    """Tell whether software of some role can be refused an action because its token is not good for it."""
    given = action not in _ALWAYS_SOFTWARES and any(may_be_softwares(role, action) for role in Role)
    return given or action in OF_SOFTWARE_ALONE


def names_person(action: str) -> bool:
    """Tell whether software that changes something by an action names the person it does it for."""
    return action not in OF_SOFTWARE_ALONE and may_be_softwares(Role.INSTITUTION, action)


def may(principal: Principal, action: str) -> bool:
    """Tell whether the role may do this at all, and software of it was given it and still can have it."""
    if principal.role not in RIGHTS.get(action, {}):
        return False
    if principal.scopes is None:
        return action not in OF_SOFTWARE_ALONE
    given = action in principal.scopes and may_be_softwares(principal.role, action)
    return given or action in _ALWAYS_SOFTWARES


def admit(principal: Principal, action: str) -> None:
    """Let the role pass.

    Raises:
        Forbidden: the role may not do this at all; `insufficient_scope`, software of it could be given it.

    """
    if may(principal, action):
        return
    if principal.is_software and may_be_softwares(principal.role, action):
        raise error("insufficient_scope", scope=action)
    raise error("forbidden")


def require(
    principal: Principal,
    action: str,
    *,
    division: str | None = None,
    institution: str | None = None,
    person_key: str | None = None,
) -> None:
    """Let the caller at one thing, of which the owners are given.

    Raises:
        Forbidden: the role may not do this at all.
        NotFound: the thing is outside the caller's area.

    """
    admit(principal, action)
    if not reaches(principal, action, division=division, institution=institution, person_key=person_key):
        raise error("not_found")


def offered(
    principal: Principal,
    actions: Mapping[str, str],
    why_not: Callable[[str], DomainError | None],
    *,
    division: str | None = None,
    institution: str | None = None,
    person_key: str | None = None,
) -> list[str]:
    """List the actions that the caller's right reaches and that nothing stands against.

    `actions` maps each action to its right. `why_not` gives the refusal of an action now, or None. It is the
    very function by which the use case refuses, so that what is offered and what is accepted cannot differ.
    """
    return [
        action
        for action, right in actions.items()
        if reaches(principal, right, division=division, institution=institution, person_key=person_key)
        and why_not(action) is None
    ]


def reaches(
    principal: Principal,
    action: str,
    *,
    division: str | None = None,
    institution: str | None = None,
    person_key: str | None = None,
) -> bool:
    """Tell whether the caller's right to an action reaches a thing of these owners."""
    if not may(principal, action):
        return False
    match RIGHTS[action].get(principal.role):
        case Scope.ALL:
            return True
        case Scope.DIVISION:
            return division is not None and covers(principal.division, division)
        case Scope.INSTITUTION:
            return institution is not None and institution == principal.institution
        case Scope.OWN:
            return person_key is not None and person_key == principal.person_key
        case _:
            return False
