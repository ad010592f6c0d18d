"""`make openapi`: write the API's document as the code makes it, and the collection that is made of it.

A change of contract shows in review.

`tests/architecture/test_published_document.py` holds the file against the code.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Final

from infra.contract.collection import FILE as COLLECTION
from infra.contract.collection import collection_text
from infra.contract.refusals import refusals_text
from infra.deployment.package import ROOT

PUBLISHED: Final = ROOT / "infra/contract/openapi.json"


def document_text() -> str:
    """Give the document, one property a line, properties by name: a file that moves changes nothing."""
    importlib.import_module("app")  # declares every endpoint
    pages = importlib.import_module("chalicelib.console.pages")
    document = pages.made_document()
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write what views can refuse, then the document that tells it; tell whether they have changed."""
    importlib.import_module("app")  # declares every endpoint
    refusals = Path(str(importlib.import_module("chalicelib.edge.describing.refusals").FILE))
    _write(refusals, refusals_text())
    importlib.import_module("chalicelib.edge.describing.refusals").of_views.cache_clear()
    text = document_text()
    _write(PUBLISHED, text)
    _write(COLLECTION, collection_text(json.loads(text)))


def _write(path: Path, text: str) -> None:
    changed = not path.exists() or path.read_text() != text
    path.write_text(text)
    print(f"{path.relative_to(ROOT)}: {'changed, look at the diff' if changed else 'as it was'}")


if __name__ == "__main__":
    main()
