"""The committed document of the API is the one that the code makes: who changes the contract shows it in review."""

import difflib

from infra.contract.openapi import PUBLISHED, document_text

LINES_SHOWN = 40


def test_the_committed_document_is_the_one_the_code_makes() -> None:
    committed, made = PUBLISHED.read_text().splitlines(), document_text().splitlines()

    changes = list(difflib.unified_diff(committed, made, "committed", "made by the code", lineterm="", n=2))
    assert not changes, "\n".join(
        [
            "The contract of the API has changed. If that is meant, `make openapi` writes infra/contract/openapi.json anew.",
            *changes[:LINES_SHOWN],
            *(["…"] if len(changes) > LINES_SHOWN else []),
        ]
    )
