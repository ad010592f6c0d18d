"""Parts of objects: what was asked for is given, also by a server that sends the whole."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.aws import objects

WHOLE = bytes(range(200))


@pytest.mark.parametrize("obeys", [True, False], ids=["the part", "the whole"])
def test_a_part_is_that_part_also_of_a_server_that_passes_over_range(
    monkeypatch: pytest.MonkeyPatch, obeys: bool
) -> None:
    class Server:
        def get_object(self, *, Range: str, **_named: Any) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            if obeys:
                part = io.BytesIO(WHOLE[first : last + 1])
                return {"Body": part, "ContentRange": f"bytes {first}-{last}/{len(WHOLE)}"}
            return {"Body": io.BytesIO(WHOLE)}

    @contextmanager
    def asking() -> Iterator[Server]:
        yield Server()

    monkeypatch.setattr(objects, "asking", asking)
    assert objects.read_range("bucket", "key", "v1", start=150, length=20) == WHOLE[150:170]
