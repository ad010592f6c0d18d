"""HTTP of accounts and sign-in."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.accounts import service
from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.aws.forms import Answer, Form, line, malformed
from chalicelib.aws.http import (
    PUBLIC,
    Api,
    Call,
    Empty,
    Listing,
    NoQuery,
    PageQuery,
    VersionBody,
    VersionReason,
)
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Role

api = Api(__name__)

AccountName = Annotated[str, Meta(min_length=3, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]
Password = Annotated[str, Meta(min_length=10, max_length=128)]
TotpCode = Annotated[str, Meta(pattern=r"^[0-9]{6}$")]


class TokenRequest(Form):
    """A sign-in of any grant type."""

    grant_type: Literal["password", "social_card", "refresh_token"]
    account: Annotated[str, Meta(max_length=64)] | None = None
    password: Annotated[str, Meta(max_length=128)] | None = None
    assertion: Annotated[str, Meta(max_length=4096)] | None = None
    refresh_token: Annotated[str, Meta(max_length=256)] | None = None
    totp: TotpCode | None = None


class TotpRequest(Form):
    """Asks for a second factor; the account's password proves who asks."""

    account: Annotated[str, Meta(max_length=64)]
    password: Annotated[str, Meta(max_length=128)]


class TotpConfirmation(TotpRequest):
    """Proves the offered secret with a code of it."""

    totp: TotpCode


class TotpAnswer(Answer):
    """A secret for an authenticator app, shown once."""

    secret: str
    uri: str


class TokenAnswer(Answer):
    """A pair of tokens and who they are for."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    role: Role
    division: str
    institution: str | None


class ActivateRequest(Form):
    """The first password of an account."""

    account: AccountName
    activation_code: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Password


class AccountRequest(Form):
    """A new account."""

    account: AccountName
    name: Annotated[str, line(64)]
    role: Role
    division: Annotated[str, Meta(max_length=6)]
    institution: Annotated[str, Meta(max_length=18)] | None = None


class AccountAnswer(Answer):
    """An account as bureaus see it."""

    id: str
    account: str
    name: str
    role: Role
    division: str
    institution: str | None
    status: AccountStatus
    version: int
    allowed_actions: list[str]


class InvitationAnswer(AccountAnswer):
    """An account with its activation code, shown once."""

    activation_code: str


class MeAnswer(Answer):
    """The caller."""

    actor: str
    role: Role
    division: str
    institution: str | None


class AccountQuery(PageQuery):
    """Which accounts to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


_GRANT_FIELDS = {
    "password": {"account", "password"},
    "social_card": {"assertion"},
    "refresh_token": {"refresh_token"},
}


@api.endpoint(
    "POST",
    "/v1/auth/tokens",
    action=PUBLIC,
    body=TokenRequest,
    answer=TokenAnswer,
    status_code=200,
    refuses=(401,),
    summary="Sign in with a password, a social-card assertion or a refresh token",
)
def sign_in(call: Call[TokenRequest, NoQuery]) -> TokenAnswer:
    body = call.body
    wanted = _GRANT_FIELDS[body.grant_type]
    faults = []
    for name in ("account", "password", "assertion", "refresh_token"):
        given = getattr(body, name) is not None
        if given != (name in wanted):
            faults.append(Fault("unknown_field" if given else "missing_field", field=name))
    if body.totp is not None and body.grant_type != "password":
        faults.append(Fault("unknown_field", field="totp"))
    if faults:
        raise malformed(faults)
    match body.grant_type:
        case "password":
            assert body.account is not None
            assert body.password is not None
            # sign-in keeps the real clock: see api.md, "Time travel"
            proof = service.Credentials(body.account, body.password, body.totp, call.source)
            signed_in = service.sign_in_with_password(proof, now=service.real_now())
        case "social_card":
            assert body.assertion is not None
            signed_in = service.sign_in_with_card(body.assertion)
        case "refresh_token":
            assert body.refresh_token is not None
            signed_in = service.refresh(body.refresh_token)
    who = signed_in.principal
    return TokenAnswer(
        access_token=signed_in.access_token,
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=service.ACCESS_SECONDS,
        refresh_token=signed_in.refresh_token,
        role=who.role,
        division=who.division,
        institution=who.institution,
    )


@api.endpoint(
    "POST",
    "/v1/auth/activate",
    action=PUBLIC,
    body=ActivateRequest,
    answer=Empty,
    refuses=(401,),
    summary="Set the first password with a one-time activation code",
)
def activate(call: Call[ActivateRequest, NoQuery]) -> Empty:
    body = call.body
    service.activate(
        service.Credentials(body.account, body.password, source=call.source),
        body.activation_code,
        now=service.real_now(),
        request_id=call.context.request_id,
    )
    return Empty()


@api.endpoint(
    "POST",
    "/v1/auth/totp",
    action=PUBLIC,
    body=TotpRequest,
    answer=TotpAnswer,
    refuses=(401,),
    summary="Ask for a second factor (TOTP, RFC 6238) for one's own account",
)
def offer_totp(call: Call[TotpRequest, NoQuery]) -> TotpAnswer:
    body = call.body
    offer = service.offer_totp(
        service.Credentials(body.account, body.password, source=call.source),
        now=service.real_now(),
        request_id=call.context.request_id,
    )
    return TotpAnswer(secret=offer.secret, uri=offer.uri)


@api.endpoint(
    "POST",
    "/v1/auth/totp/confirm",
    action=PUBLIC,
    body=TotpConfirmation,
    answer=Empty,
    refuses=(401,),
    summary="Switch the second factor on with a code of it",
)
def confirm_totp(call: Call[TotpConfirmation, NoQuery]) -> Empty:
    body = call.body
    service.confirm_totp(
        service.Credentials(body.account, body.password, body.totp, call.source),
        now=service.real_now(),
        request_id=call.context.request_id,
    )
    return Empty()


@api.endpoint("GET", "/v1/me", action="me.read", answer=MeAnswer, summary="Who am I")
def me(call: Call[None, NoQuery]) -> MeAnswer:
    who = call.context.principal
    return MeAnswer(actor=who.actor, role=who.role, division=who.division, institution=who.institution)


@api.endpoint(
    "POST",
    "/v1/accounts",
    action="account.create",
    body=AccountRequest,
    answer=InvitationAnswer,
    status_code=201,
    summary="Make an account in one's own area",
)
def create(call: Call[AccountRequest, NoQuery]) -> InvitationAnswer:
    body = call.body
    return _invitation(
        call,
        service.create_account(
            call.context,
            account=body.account,
            name=body.name,
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
    return call.listing(page, lambda account: AccountAnswer(**_facts(call, account)))


@api.endpoint(
    "POST",
    "/v1/accounts/{account_id}/disable",
    action="account.disable",
    body=VersionReason,
    answer=AccountAnswer,
    summary="Switch an account off",
)
def disable(call: Call[VersionReason, NoQuery], account_id: str) -> AccountAnswer:
    body = call.body
    account = service.disable(call.context, account_id, version=body.version, reason=body.reason)
    return AccountAnswer(**_facts(call, account))


@api.endpoint(
    "POST",
    "/v1/accounts/{account_id}/reset",
    action="account.reset",
    body=VersionBody,
    answer=InvitationAnswer,
    summary="Give an account a new activation code",
)
def reset(call: Call[VersionBody, NoQuery], account_id: str) -> InvitationAnswer:
    return _invitation(call, service.reset(call.context, account_id, version=call.body.version))


def _facts(call: Call[Any, Any], account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "account": account.account,
        "name": service.name_of(account),
        "role": account.role,
        "division": account.division,
        "institution": account.institution,
        "status": account.status,
        "version": account.version,
        "allowed_actions": service.allowed_actions(call.context.principal, account),
    }


def _invitation(call: Call[Any, Any], invitation: service.Invitation) -> InvitationAnswer:
    return InvitationAnswer(**_facts(call, invitation.account), activation_code=invitation.activation_code)
