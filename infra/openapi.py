"""`make openapi`: write the API's document as the code makes it; a change of contract shows in review.

`tests/architecture/test_published_document.py` holds the file against the code.
"""

from __future__ import annotations

import importlib
import json
from typing import Final

from infra.package import ROOT

PUBLISHED: Final = ROOT / "infra/openapi.json"


def document_text() -> str:
    """Give the document, one property a line, properties by name: a file that moves changes nothing."""
    importlib.import_module("app")  # declares every endpoint
    document = importlib.import_module("chalicelib.console.pages").api_document()
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write the document; tell whether it has changed."""
    text = document_text()
    changed = not PUBLISHED.exists() or PUBLISHED.read_text() != text
    PUBLISHED.write_text(text)
    print(f"{PUBLISHED.relative_to(ROOT)}: {'changed, look at the diff' if changed else 'as it was'}")


if __name__ == "__main__":
    main()
