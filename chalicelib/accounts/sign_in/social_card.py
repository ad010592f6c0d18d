"""The electronic social security card's word on who somebody is."""

from chalicelib.accounts.persons.service import person_key_of
from chalicelib.aws.keys import partner_keys
from chalicelib.aws.settings import settings
from chalicelib.edge import tokens
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.names import folded
from chalicelib.kernel.reasons import error

CARD_ALGORITHM = "ES256"


def person_of(assertion: str) -> PersonKey:
    """Give the person key of whom a social-card assertion is about (`sub` is their ID number).

    Raises:
        Unauthenticated: the assertion is not the card platform's, is stale, or names nobody.

    """
    return holder_of(assertion)[0]


def holder_of(assertion: str) -> tuple[PersonKey, str]:
    """Give the person key of whom an assertion is about, and the name that the card signed.

    Raises:
        Unauthenticated: the assertion is not the card platform's, is stale, or names nobody.

    """
    current = settings()
    claims = tokens.verify_foreign(
        assertion,
        partner_keys("card"),
        algorithm=CARD_ALGORITHM,
        issuer=current.card_issuer,
        audience=current.card_audience,
    )
    try:
        id_number, name = parse_id_number(str(claims["sub"])), str(claims["name"])
    except (KeyError, InvalidIdentity):
        raise error("unauthenticated") from None
    if not folded(name):
        raise error("unauthenticated")
    return person_key_of(id_number), name
