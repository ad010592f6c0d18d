"""Examples of requests and answers: what the tests sent and got, by operation, content type and kind.

`make examples` records `examples.json` from `tests/architecture/examples_story.py`; a test tells the stories
again and holds the file against what comes. Lists are cut to one item, and what is secret or of one moment
(tokens, signatures, links) stands there as a word in angle brackets. People in it are invented.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

Json = dict[str, Any]
ByType = Mapping[str, Mapping[str, Any]]
"""By content type, then by kind."""
FILE: Final = Path(__file__).parent / "examples.json"


class Examples(msgspec.Struct, frozen=True):
    """Those of one operation."""

    answers: Mapping[str, ByType]
    """By status."""
    requests: ByType = {}


@functools.cache
def recorded() -> Mapping[str, Examples]:
    """Read the file."""
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, Examples]) if FILE.exists() else {}


def of_request(name: str, content_type: str) -> Json:
    """Give the examples of a request, as a media type has them; nothing where there is none."""
    examples = recorded().get(name)
    return {} if examples is None else _told(examples.requests.get(content_type, {}))


def of_answer(name: str, status: int, content_type: str) -> Json:
    """Give the examples of an answer, as a media type has them; nothing where there is none."""
    examples = recorded().get(name)
    return {} if examples is None else _told(examples.answers.get(str(status), {}).get(content_type, {}))


def _told(kinds: Mapping[str, Any]) -> Json:
    if len(kinds) == 1:
        return {"example": next(iter(kinds.values()))}
    return {"examples": {kind: {"value": value} for kind, value in sorted(kinds.items())}} if kinds else {}
