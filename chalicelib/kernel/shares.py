"""Shares: a part of a whole, 0 to 1, to four places."""

from decimal import Decimal

_PLACES = Decimal("0.0001")


def share_of(part: int, whole: int) -> Decimal:
    """Give the share a part has in a whole; nothing has no parts, so 0."""
    return (Decimal(part) / whole).quantize(_PLACES) if whole else Decimal(0)
