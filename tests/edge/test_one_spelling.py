"""What a form takes it takes in one spelling: walked over every text with a pattern, of every form."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

_ALIKE = {
    "a break behind": lambda text: f"{text}\n",
    "a blank behind": lambda text: f"{text} ",
    "full width": lambda text: "".join(chr(ord(sign) + 0xFEE0) for sign in text),
    "arabic digits": lambda text: "".join(chr(0x660 + int(s)) if s.isdigit() else s for s in text),
    "no width": lambda text: f"{text[:1]}\u200b{text[1:]}",
}
_SAMPLES = (
    "a" * 64,
    "0" * 64,
    "123456",
    "4-01-06-02",
    "2022",
    "monitor.example",
    "#c8102e",
    "device-1",
    "clerk.3401",
)


def _patterns() -> Iterator[str]:
    import app  # noqa: F401 - declares every endpoint
    from chalicelib.edge.endpoints import ENDPOINTS

    forms = [form for endpoint in ENDPOINTS for form in (endpoint.body, endpoint.query) if form is not None]
    _, components = msgspec.json.schema_components(forms)
    pending: list[Any] = [components]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str):
                yield part["pattern"]
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def test_no_form_takes_a_code_in_a_second_spelling() -> None:
    patterns = {pattern for pattern in _patterns() if not pattern.startswith(("^[^", "^(?="))}
    assert len(patterns) >= 6
    for pattern in patterns:
        sample = next((text for text in _SAMPLES if re.search(pattern, text)), None)
        assert sample is not None, f"no sample for {pattern}"
        for what, twist in _ALIKE.items():
            if twist(sample) != sample:
                assert not _is_taken(twist(sample), pattern), (pattern, what)


def _is_taken(text: str, pattern: str) -> bool:
    kind: Any = Annotated[str, msgspec.Meta(pattern=pattern)]
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True
