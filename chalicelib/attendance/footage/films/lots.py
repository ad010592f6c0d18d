"""Lots (抽签): what of a film is looked at. A seed draws the same each time, and nobody foresees it."""

import hashlib


class Lot:
    """Draws by SHA-256 of its seed and the number of the draw."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def share(self) -> float:
        """Draw a number from 0 on and below 1."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._seed}#{self._drawn}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / (1 << 48)

    def below(self, end: int) -> int:
        """Draw a whole number from 0 on and below an end."""
        return int(self.share() * end)
