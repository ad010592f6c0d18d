"""How much is tried of what has a size: all of it with `DEPTH=full`, as CI does, else a part that has everything in it.

What a test asserts is the same at any size. Each size has a setting of its own too, which goes before `DEPTH`.
"""

import os

_FULL = {"": False, "full": True}[os.environ.get("DEPTH", "")]


def size_of(setting: str, *, usual: int, full: int) -> int:
    """Give the size of a test: what `setting` says, or by `DEPTH`."""
    return int(os.environ.get(setting) or (full if _FULL else usual))


def sizes_of(setting: str, *, usual: tuple[int, ...], full: tuple[int, ...]) -> tuple[int, ...]:
    """Give the sizes that are compared: what `setting` says, with commas, or by `DEPTH`."""
    given = os.environ.get(setting)
    if given:
        return tuple(int(size) for size in given.split(","))
    return full if _FULL else usual
