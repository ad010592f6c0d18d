"""A bug to plant into a copy of the program, and where it has to be found."""

from typing import NamedTuple


class Bug(NamedTuple):
    """One bug: in `file`, `old` (which stands there once) becomes `new`; `paths` are the tests that find it, else those of money."""

    name: str
    file: str
    old: str
    new: str
    paths: tuple[str, ...] = ()
