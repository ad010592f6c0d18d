"""Every kind of list the service takes."""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.people.lists.cross_match.service import INELIGIBLE_PEOPLE
from chalicelib.people.lists.graduates.service import GRADUATES
from chalicelib.people.lists.kind import ListKind
from chalicelib.people.lists.model import ImportKind

KINDS: Final[Mapping[ImportKind, ListKind[Any]]] = {
    kind.kind: kind for kind in (GRADUATES, INELIGIBLE_PEOPLE)
}
