"""HTTP of accounts."""

from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.accounts import rights, service
from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Answer, Form, line
from chalicelib.edge.http import Api
from chalicelib.kernel.paging import Page
from chalicelib.kernel.principal import Role

api = Api(__name__)

AccountName = Annotated[str, Meta(min_length=3, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$(?!\n)")]
IdNumberText = Annotated[str, Meta(max_length=32)]


class AccountRequest(Form):
    """A new account."""

    account: AccountName
    name: Annotated[str, line(64)]
    id_number: IdNumberText
    role: Role
    division: Annotated[str, Meta(max_length=6)]
    institution: Annotated[str, Meta(max_length=18)] | None = None


class AccountAnswer(Answer):
    """An account as bureaus see it."""

    id: str
    account: str
    name: str
    id_number: str | None
    role: Role
    division: str
    institution: str | None
    status: AccountStatus
    proposed_by: str | None
    proposed_until: datetime | None
    confirmed_by: str | None
    works_from: date | None
    version: int
    allowed_actions: list[str]


class InvitationAnswer(AccountAnswer):
    """An account with its activation code, shown once."""

    activation_code: str


class ResetRequest(VersionBody):
    """Which version of an account to reset; `id_number` where it is not known yet whose it is."""

    id_number: IdNumberText | None = None


class MeAnswer(Answer):
    """The caller; `scopes` are of a program, and null of a person."""

    actor: str
    role: Role
    division: str
    institution: str | None
    scopes: list[str] | None


class AccountQuery(PageQuery):
    """Which accounts to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


@api.endpoint("GET", "/v1/me", action="me.read", answer=MeAnswer, summary="Who am I")
def read_me(call: Call[None, NoQuery]) -> MeAnswer:
    who = call.context.principal
    scopes = None if who.scopes is None else sorted(scope for scope in who.scopes if rights.may(who, scope))
    return MeAnswer(
        actor=who.actor,
        role=who.role,
        division=who.division,
        institution=who.institution,
        scopes=scopes,
    )


@api.endpoint(
    "POST",
    "/v1/accounts",
    action="account.create",
    body=AccountRequest,
    answer=InvitationAnswer,
    status_code=201,
    summary="Make a person's account in one's own area; one who decides waits for a second person",
)
def create_account(call: Call[AccountRequest, NoQuery]) -> InvitationAnswer:
    body = call.body
    return _invitation(
        call,
        service.create_account(
            call.context,
            account=body.account,
            name=body.name,
            id_number=body.id_number,
            role=body.role,
            division=body.division,
            institution=body.institution,
        ),
    )


@api.endpoint(
    "GET",
    "/v1/accounts",
    action="account.read",
    query=AccountQuery,
    answer=Listing[AccountAnswer],
    summary="List the accounts of a division",
)
def list_accounts(call: Call[None, AccountQuery]) -> Listing[AccountAnswer]:
    page = service.list_accounts(call.context, call.query.division, call.page_request())
    area = call.query.division or call.context.principal.division
    names = service.names_of(call.context, page.items, subject=area)
    named = Page(items=list(zip(page.items, names, strict=True)), after=page.after)
    return call.listing(named, lambda one: AccountAnswer(**_facts(call, *one)))


@api.endpoint(
    "POST",
    "/v1/accounts/{account_id}/confirm",
    action="account.confirm",
    body=VersionBody,
    answer=AccountAnswer,
    summary="Confirm as a second person that somebody is to have an account",
)
def confirm_account(call: Call[VersionBody, NoQuery], account_id: str) -> AccountAnswer:
    return AccountAnswer(**_shown(call, service.confirm(call.context, account_id, version=call.body.version)))


@api.endpoint(
    "POST",
    "/v1/accounts/{account_id}/disable",
    action="account.disable",
    body=VersionReason,
    answer=AccountAnswer,
    summary="Switch an account off, by any version since its last reset; its tokens stop in thirty seconds",
)
def disable_account(call: Call[VersionReason, NoQuery], account_id: str) -> AccountAnswer:
    body = call.body
    account = service.disable(call.context, account_id, version=body.version, reason=body.reason)
    return AccountAnswer(**_shown(call, account))


@api.endpoint(
    "POST",
    "/v1/accounts/{account_id}/reset",
    action="account.reset",
    body=ResetRequest,
    answer=InvitationAnswer,
    summary="Give an account a new activation code, an active one by any version since its last reset; "
    "one who decides waits for a second person",
)
def reset_account(call: Call[ResetRequest, NoQuery], account_id: str) -> InvitationAnswer:
    body = call.body
    return _invitation(
        call, service.reset(call.context, account_id, version=body.version, id_number=body.id_number)
    )


def _shown(call: Call[Any, Any], account: Account) -> dict[str, Any]:
    (name,) = service.names_of(call.context, [account], subject=account.id)
    return _facts(call, account, name)


def _facts(call: Call[Any, Any], account: Account, name: str) -> dict[str, Any]:
    return {
        "id": account.id,
        "account": account.account,
        "name": name,
        "id_number": account.masked_id_number,
        "role": account.role,
        "division": account.division,
        "institution": account.institution,
        "status": account.status,
        "proposed_by": account.proposed_by,
        "proposed_until": account.proposed_until,
        "confirmed_by": account.confirmed_by,
        "works_from": account.works_from,
        "version": account.version,
        "allowed_actions": service.allowed_actions(call.context, account),
    }


def _invitation(call: Call[Any, Any], invitation: service.Invitation) -> InvitationAnswer:
    return InvitationAnswer(**_shown(call, invitation.account), activation_code=invitation.activation_code)
