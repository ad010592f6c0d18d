"""Where routes and tables are declared, so that a deployed function loads only what it serves.

`infra/deployment/package.py` writes the index into the archive, read off the whole program as it stands
there. Where nothing was packaged (tests, tools, packaging itself) there is none, and `app.py` loads
everything at once.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = "chalicelib/aws/index.json"
"""Its place in the archive."""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """The modules that declare the endpoints of a path, and the one that declares a table (bare name)."""

    routes: Mapping[str, tuple[str, ...]] = {}
    tables: Mapping[str, str] = {}


@functools.cache
def index() -> Index:
    """Give the index of this archive, an empty one where nothing was packaged."""
    try:
        raw = Path(__file__).with_name(Path(FILE).name).read_bytes()
    except FileNotFoundError:
        return Index()
    return msgspec.json.decode(raw, type=Index)
