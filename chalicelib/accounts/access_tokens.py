"""Access tokens: what a token of ours says about its holder, written and read back."""

from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error

ACCESS_SECONDS = 1800
_PURPOSE = "access"


def write_token(principal: Principal) -> str:
    """Sign an access token for a proven caller, good for `ACCESS_SECONDS`."""
    from chalicelib.edge import tokens  # noqa: PLC0415 - not part of a start

    claims = {
        "iss": tokens.STAFF_ISSUER,
        "aud": tokens.STAFF_AUDIENCE,
        "sub": principal.actor,
        "role": principal.role.value,
        "division": principal.division,
        "institution": principal.institution,
        "person_key": principal.person_key,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    return tokens.sign(_PURPOSE, said, lifetime_seconds=ACCESS_SECONDS)


def read_token(token: str) -> tuple[Principal, float]:
    """Read who a token of ours is for, and since which second.

    Raises:
        Unauthenticated: it is none of ours, or no longer good.

    """
    from chalicelib.edge import tokens  # noqa: PLC0415 - as above

    claims = tokens.verify_own(_PURPOSE, token, issuer=tokens.STAFF_ISSUER, audience=tokens.STAFF_AUDIENCE)
    try:
        principal = Principal(
            actor=str(claims["sub"]),
            role=Role(claims["role"]),
            division=str(claims.get("division", "")),
            institution=claims.get("institution"),
            person_key=claims.get("person_key"),
        )
        return principal, float(claims["iat"])
    except (KeyError, ValueError, TypeError, OverflowError):
        raise error("unauthenticated") from None
