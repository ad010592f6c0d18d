"""Access tokens: what a token of ours says about its holder, written and read back."""

from datetime import UTC, datetime

from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error

ACCESS_SECONDS = 1800
_PURPOSE = "access"


def write_token(principal: Principal, *, lifetime_seconds: int = ACCESS_SECONDS) -> str:
    """Sign an access token for a proven caller; what software may do is looked up, not read from it.

    `scopes` are said of software that asked for less than it has: they take away and never give.
    """
    from chalicelib.edge import tokens  # noqa: PLC0415 - not part of a start

    proven_at = principal.name_proven_at
    claims = {
        "iss": tokens.STAFF_ISSUER,
        "aud": tokens.STAFF_AUDIENCE,
        "sub": principal.actor,
        "role": principal.role.value,
        "division": principal.division,
        "institution": principal.institution,
        "person_key": principal.person_key,
        "key": principal.key,
        "scope": " ".join(sorted(principal.scopes)) if principal.scopes is not None else None,
        "signed_names": list(principal.signed_names) or None,
        "name_proven_at": proven_at.timestamp() if proven_at is not None else None,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    return tokens.sign(_PURPOSE, said, lifetime_seconds=lifetime_seconds)


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
            key=claims.get("key"),
            scopes=frozenset(claims["scope"].split()) if "scope" in claims else None,
            signed_names=tuple(map(str, claims.get("signed_names", ()))),
            name_proven_at=_moment(claims.get("name_proven_at")),
        )
        return principal, float(claims["iat"])
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise error("unauthenticated") from None


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if seconds is not None else None
