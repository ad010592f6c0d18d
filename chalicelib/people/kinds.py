"""Every kind of list the service takes."""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.people.cross_match import INELIGIBLE_PEOPLE
from chalicelib.people.graduates import GRADUATES
from chalicelib.people.lists import ListKind
from chalicelib.people.model import ImportKind

KINDS: Final[Mapping[ImportKind, ListKind[Any]]] = {
    kind.kind: kind for kind in (GRADUATES, INELIGIBLE_PEOPLE)
}
