"""What others wrote and the archive carries: each file by its hash, each licence allowed, each weight known."""

import hashlib
import json
import re
from collections.abc import Callable
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra import supply
from infra.deployment.package import ARCHIVE, dependencies, packed_requirements


def test_every_file_of_the_archive_is_pinned_by_its_hash() -> None:
    locked, pinned = supply.locked(supply.LOCK), supply.pinned()
    packaged = {supply.canonical(package.name): package.version for package in supply.distributions()}
    assert packaged == {name: version for name, (version, _) in locked.items()}
    assert packaged.items() <= pinned.items(), "lock and constraints say the same"
    for name, (_, hashes) in locked.items():
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_every_pin_of_the_tools_has_its_hashes() -> None:
    locked = supply.locked(supply.TOOLS_LOCK)
    assert {name: version for name, (version, _) in locked.items()} == supply.pinned()
    assert all(
        hashes and all(digest.startswith("sha256:") for digest in hashes) for _, hashes in locked.values()
    )


def test_the_folder_of_tools_is_installed_by_hash_only() -> None:
    recipe = (supply.ROOT / "Makefile").read_text()
    installs = re.findall(r"pip install .*", recipe)
    assert installs
    for line in installs:
        assert "--require-hashes --no-deps -r infra/tools.lock" in line


def test_what_is_packaged_is_what_is_tried_here() -> None:
    """Archive and tools are resolved apart; a file of the archive is of the version that the tests ran on."""
    tools = supply.locked(supply.TOOLS_LOCK)
    for name, (version, hashes) in supply.locked(supply.LOCK).items():
        assert tools[name][0] == version
        assert set(hashes) & set(tools[name][1]), name


def test_the_lock_is_what_the_program_imports_and_what_that_needs() -> None:
    """The archive is made without pip looking for more: what is not in the lock would be missing."""
    locked = supply.locked(supply.LOCK)
    wanted = {supply.canonical(pin.partition("==")[0]) for pin in packed_requirements()}
    assert wanted <= locked.keys()
    for path in dependencies().glob("*.dist-info/METADATA"):
        facts = message_from_string(path.read_text(errors="replace"))
        for line in facts.get_all("Requires-Dist", []):
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert supply.canonical(needed.name) in locked, f"{facts['Name']} needs {needed.name}"


def test_every_licence_is_allowed() -> None:
    for package in (*supply.distributions(), *(vendored.part for vendored in supply.VENDORED)):
        assert package.licences & supply.ALLOWED, f"{package.name}: {package.licence}"


def test_what_is_vendored_is_as_it_came_and_has_its_licence_beside() -> None:
    for vendored in supply.VENDORED:
        file = supply.ROOT / vendored.path
        assert hashlib.sha256(file.read_bytes()).hexdigest() == vendored.sha256
        assert list(file.parent.glob(f"{file.name.partition('.')[0]}.LICENSE*"))


def test_the_list_of_licences_is_that_of_the_archive() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| ([\w.]+) \| ([^|]+) \|", supply.LICENCES.read_text(), re.MULTILINE)
    told = {(name, version, licence) for name, version, licence in rows if name != "package"}
    parts = [*supply.distributions(), *(vendored.part for vendored in supply.VENDORED)]
    assert told == {(part.name, part.version, part.licence) for part in parts}


def test_nothing_new_and_nothing_heavier_is_in_the_archive(packaged: Callable[..., Path]) -> None:
    """`python -m infra.supply --write` lets it through, after somebody has looked."""
    known = json.loads(supply.CONTENTS.read_text())
    found = supply.weights(packaged("prod") / ARCHIVE)
    assert supply.too_heavy(found, known) == []
    assert known.keys() == found.keys(), "what is gone is gone from the list too"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"a": 1_000_000, "new": 5}, ["new is new in the archive: 5 B"]),
        ({"a": 1_300_000}, ["a has grown from 1,000,000 to 1,300,000 B"]),
        ({"a": 1_140_000}, []),
        ({"chalicelib": 9_000_000}, []),
    ],
)
def test_a_planted_stowaway_is_found(found: dict[str, int], told: list[str]) -> None:
    assert supply.too_heavy(found, {"a": 1_000_000, "chalicelib": 1_000_000}) == told


PINS = {"one": "1.0", "two-parts": "2.0"}
SOUND = [{"name": "one", "version": "1.0", "vulns": []}, {"name": "two_parts", "version": "2.0", "vulns": []}]
FLAWED = {"name": "one", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


@pytest.mark.parametrize(
    ("dependencies", "ended", "line"),
    [
        (SOUND, 0, "✓ 2 pins, and no vulnerability is known of any."),
        ([FLAWED, SOUND[1]], 1, "✗ one 1.0: PYSEC-1, mended in 1.1"),
        ([SOUND[0]], supply.NOT_ASKED, "✗ 1 of 2 pins were not audited, e.g. two-parts: nobody knew them."),
        (
            [{"name": part["name"], "skip_reason": "not found"} for part in SOUND],
            supply.NOT_ASKED,
            "✗ 2 of 2 pins were not audited, e.g. one: nobody knew them.",
        ),
        ([FLAWED], 1, "✗ 1 of 2 pins were not audited, e.g. two-parts: nobody knew them."),
    ],
)
def test_an_audit_that_could_not_ask_is_not_taken_for_a_clean_one(
    dependencies: list[dict[str, object]], ended: int, line: str
) -> None:
    status, lines = supply.told_by_audit(json.dumps({"dependencies": dependencies}), PINS)
    assert status == ended
    assert line in lines


def test_an_audit_without_a_report_is_none() -> None:
    assert supply.told_by_audit("Traceback", PINS)[0] == supply.NOT_ASKED
