"""HTTP of signing in."""

from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.accounts.access_tokens import ACCESS_SECONDS
from chalicelib.accounts.routes import AccountName
from chalicelib.accounts.sign_in import service
from chalicelib.accounts.sign_in.activation import activate
from chalicelib.accounts.sign_in.credentials import Credentials
from chalicelib.edge.endpoints import PUBLIC, Call, Empty, NoQuery
from chalicelib.edge.forms import Answer, Form, malformed
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Role

api = Api(__name__)
Password = Annotated[str, Meta(min_length=10, max_length=128)]
Assertion = Annotated[str, Meta(max_length=4096)]
"""What the electronic social security card says of its holder, signed."""
TotpCode = Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)")]


class ActivateRequest(Form):
    """The first password of an account."""

    account: AccountName
    activation_code: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Password
    assertion: Assertion


class TokenRequest(Form):
    """A sign-in of any grant type."""

    grant_type: Literal["password", "social_card", "refresh_token"]
    account: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    password: Annotated[str, Meta(max_length=128)] | None = None
    assertion: Assertion | None = None
    refresh_token: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    totp: TotpCode | None = None


class TotpRequest(Form):
    """Asks for a second factor; the account's password and its person's card prove who asks."""

    account: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(max_length=128)]
    assertion: Assertion


class TotpConfirmation(Form):
    """Proves the offered secret with a code of it."""

    account: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(max_length=128)]
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


_GRANT_FIELDS = {
    "password": {"account", "password"},
    "social_card": {"assertion"},
    "refresh_token": {"refresh_token"},
}


@api.endpoint(
    "POST",
    "/v1/auth/activate",
    action=PUBLIC,
    body=ActivateRequest,
    answer=Empty,
    summary="Set the first password with a one-time activation code and one's own social card",
)
def activate_account(call: Call[ActivateRequest, NoQuery]) -> Empty:
    body = call.body
    activate(
        Credentials(body.account, body.password, source=call.source),
        body.activation_code,
        body.assertion,
        now=service.real_now(),
        request_id=call.context.request_id,
    )
    return Empty()


@api.endpoint(
    "POST",
    "/v1/auth/tokens",
    action=PUBLIC,
    body=TokenRequest,
    answer=TokenAnswer,
    status_code=200,
    summary="Sign in with a password, a social-card assertion or a refresh token",
)
def sign_in(call: Call[TokenRequest, NoQuery]) -> TokenAnswer:
    body = call.body
    needed = _GRANT_FIELDS[body.grant_type]
    faults = []
    for name in ("account", "password", "assertion", "refresh_token"):
        is_given = getattr(body, name) is not None
        if is_given != (name in needed):
            faults.append(Fault("unknown_field" if is_given else "missing_field", field=name))
    if body.totp is not None and body.grant_type != "password":
        faults.append(Fault("unknown_field", field="totp"))
    if faults:
        raise malformed(faults)
    match body.grant_type:
        case "password":
            assert body.account is not None
            assert body.password is not None
            # sign-in keeps the real clock, whatever X-Local-Now says
            credentials = Credentials(body.account, body.password, body.totp, call.source)
            signed_in = service.sign_in_with_password(credentials, now=service.real_now())
        case "social_card":
            assert body.assertion is not None
            signed_in = service.sign_in_with_card(body.assertion)
        case "refresh_token":
            assert body.refresh_token is not None
            signed_in = service.refresh(body.refresh_token)
    holder = signed_in.principal
    return TokenAnswer(
        access_token=signed_in.access_token,
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=ACCESS_SECONDS,
        refresh_token=signed_in.refresh_token,
        role=holder.role,
        division=holder.division,
        institution=holder.institution,
    )


@api.endpoint(
    "POST",
    "/v1/auth/totp",
    action=PUBLIC,
    body=TotpRequest,
    answer=TotpAnswer,
    summary="Ask for a second factor (TOTP, RFC 6238) for one's own account",
)
def offer_totp(call: Call[TotpRequest, NoQuery]) -> TotpAnswer:
    body = call.body
    offer = service.offer_totp(
        Credentials(body.account, body.password, source=call.source),
        body.assertion,
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
    summary="Switch the second factor on with a code of it",
)
def confirm_totp(call: Call[TotpConfirmation, NoQuery]) -> Empty:
    body = call.body
    service.confirm_totp(
        Credentials(body.account, body.password, body.totp, call.source),
        now=service.real_now(),
        request_id=call.context.request_id,
    )
    return Empty()
