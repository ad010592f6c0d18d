"""What a signed message is for: its method, path and query, so that it is good for that call alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit


class Target(NamedTuple):
    """A call, as both sides know it: the path below the address of who is called, all of it decoded.

    The query is an object, so that no way of writing it (order, `+` or `%20`) makes a difference.
    """

    method: str
    path: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, method: str, address: str) -> "Target":
        """Give the target of a call to an address, without its host and stage: `/vouchers?division=3401`."""
        parts = urlsplit(address)
        return cls(method, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)))

    @property
    def claims(self) -> dict[str, Any]:
        """Give the claims by which a signature names it."""
        return {"method": self.method, "path": self.path, "query": dict(self.query)}

    def is_named_by(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a signature is for this call and no other."""
        return all(claims.get(name) == value for name, value in self.claims.items())
