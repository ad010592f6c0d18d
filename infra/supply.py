"""What others wrote and the archive carries: pinned by hash, licensed, weighed.

    python -m infra.supply --write     # the locks, licences.md and archive.json anew
    python -m infra.supply --audit     # known vulnerabilities of the pins; asks a service outside

`tests/infra/test_supply.py` holds these files against what is packaged.
"""

from __future__ import annotations

import argparse
import email
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.apart import apart
from infra.deployment.package import (
    BUILD,
    PLATFORM,
    ROOT,
    RUNTIMES,
    dependencies,
    package,
    packed_requirements,
)

LOCK: Final = ROOT / "infra/requirements.lock"
"""What the archive carries."""
TOOLS_LOCK: Final = ROOT / "infra/tools.lock"
"""What the folder of tools (`.venv`) holds: everything pinned, on machines that people develop on."""
_DESKS: Final = (
    ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64"),
    (
        "macosx_11_0_arm64",
        "macosx_12_0_arm64",
        "macosx_14_0_arm64",
        "macosx_11_0_universal2",
        "macosx_10_9_universal2",
    ),
)
READERS_LOCK: Final = ROOT / "infra/contract/requirements.lock"
"""What `make contract` reads the API's document with, in an environment of its own: on Linux, as CI does."""
_READERS: Final = ("manylinux_2_17_x86_64", *_DESKS[0])
LICENCES: Final = ROOT / "infra/licences.md"
CONTENTS: Final = ROOT / "infra/archive.json"
_CONSTRAINTS: Final = ROOT / "infra/constraints.txt"
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "LGPL-2.1-or-later",
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""Licences with which a bureau may run, change and pass on the service.

The LGPL one (python-stdnum) is used as it is, unchanged, as a package of its own that can be replaced.
"""
_SPELLINGS: Final[Mapping[str, str]] = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "lgpl": "LGPL-2.1-or-later",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
}
AUDIT_VERSION: Final = "2.10.1"
NOT_ASKED: Final = 2
_ASK_SECONDS: Final = 300
GROWTH_SHARE: Final = 0.15
"""A package may grow by so much before somebody has to look."""
_FLOOR_BYTES: Final = 200_000
_OWN: Final = frozenset({"app.py", "chalicelib", "__pycache__"})
"""Our own code grows with what it does; the whole archive has its limit
(`infra.deployment.package.SIZE_MAX_BYTES`)."""
_EXTENSION: Final = re.compile(r"\.cpython-\d+[\w-]*")


@dataclass(frozen=True)
class Distribution:
    """A package inside the archive."""

    name: str
    version: str
    licence: str
    home: str

    @property
    def licences(self) -> frozenset[str]:
        """Give each licence that applies, or one of which may be chosen."""
        parts = re.split(r"\s+(?:AND|OR|and|or)\s+", self.licence.replace("(", "").replace(")", ""))
        return frozenset(part.strip() for part in parts)


@dataclass(frozen=True)
class Vendored:
    """A file that others wrote and that stands in our own folders as it came."""

    part: Distribution
    path: str
    sha256: str


VENDORED: Final = (
    Vendored(
        Distribution("htmx.org", "2.0.11", "0BSD", "https://htmx.org/"),
        "chalicelib/console/static/htmx.min.js",
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    ),
    Vendored(
        Distribution("jsqr", "1.4.0", "Apache-2.0", "https://github.com/cozmo/jsQR"),
        "chalicelib/console/static/jsqr.js",
        "bc40c8a15196236b2314db0856f72ca0b49980cd5413b8c852a7349f5fee0859",
    ),
)
"""Scripts of the pages; each has its licence beside it."""


def distributions() -> list[Distribution]:
    """List what is packaged, from its own metadata."""
    packages = []
    for path in sorted(dependencies().glob("*.dist-info/METADATA")):
        facts = email.message_from_string(path.read_text(errors="replace"))
        packages.append(
            Distribution(
                name=str(facts["Name"]),
                version=str(facts["Version"]),
                licence=_licence_of(facts),
                home=str(facts["Home-page"] or _project_url(facts) or ""),
            )
        )
    return sorted(packages, key=lambda part: part.name.lower())


def _licence_of(facts: email.message.Message) -> str:
    expression = facts["License-Expression"]
    if expression:
        return str(expression)
    classified = [
        str(line).rpartition(" :: ")[2]
        for line in facts.get_all("Classifier", [])
        if str(line).startswith("License ::") and str(line).count("::") > 1
    ]
    told = classified or [str(facts["License"] or "unknown").splitlines()[0]]
    return " OR ".join(_SPELLINGS.get(text.lower(), text) for text in told)


def _project_url(facts: email.message.Message) -> str | None:
    urls = [str(line).partition(", ")[2] for line in facts.get_all("Project-URL", [])]
    return urls[0] if urls else None


def weights(archive: Path) -> dict[str, int]:
    """Weigh what is in an archive by top-level package, in packed bytes; names tell no Python."""
    packed: Counter[str] = Counter()
    with zipfile.ZipFile(archive) as entries:
        for entry in entries.infolist():
            top = entry.filename.partition("/")[0]
            if top.endswith(".dist-info"):
                top = "*.dist-info"
            packed[_EXTENSION.sub("", top)] += entry.compress_size
    return dict(sorted(packed.items()))


def too_heavy(weighed: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """Tell what is in the archive that was not, or of others' work has grown beyond what is let through."""
    faults = [
        f"{name} is new in the archive: {size:,} B" for name, size in weighed.items() if name not in known
    ]
    for name, size in weighed.items():
        if name in _OWN or name not in known:
            continue
        if size > max(known[name] * (1 + GROWTH_SHARE), known[name] + _FLOOR_BYTES):
            faults.append(f"{name} has grown from {known[name]:,} to {size:,} B")
    return faults


def locked(file: Path) -> dict[str, tuple[str, list[str]]]:
    """Read a lock: the version and the hashes of each package."""
    locks: dict[str, tuple[str, list[str]]] = {}
    text = file.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pin, *hashes = line.split()
            name, _, version = pin.partition("==")
            locks[canonical(name)] = (version, [digest.removeprefix("--hash=") for digest in hashes])
    return locks


def pinned() -> dict[str, str]:
    """Read the pins of everything that is installed, runtime and tools."""
    lines = [line.strip() for line in _CONSTRAINTS.read_text().splitlines()]
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonical(name): version for name, _, version in pins}


def canonical(name: str) -> str:
    """Write a distribution's name in its one form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _write_lock(file: Path, says: str, wanted: Sequence[str], platforms: Sequence[tuple[str, ...]]) -> None:
    """Note the hashes of the files that each supported Python takes on each platform."""
    hashes: dict[str, set[str]] = {}
    pins: dict[str, str] = {}
    for runtime in RUNTIMES:
        for tags in platforms:
            for part in _resolved(runtime.removeprefix("python"), tags, wanted):
                name = canonical(part["metadata"]["name"])
                pins[name] = part["metadata"]["version"]
                digest = part["download_info"]["archive_info"]["hashes"]["sha256"]
                hashes.setdefault(name, set()).add(f"sha256:{digest}")
    lines = [f"# Written by `make supply`: {says}", "# Installed with --require-hashes --no-deps."]
    for name, version in sorted(pins.items()):
        known = [f"--hash={digest}" for digest in sorted(hashes[name])]
        lines.append(" \\\n    ".join([f"{name}=={version}", *known]))
    file.write_text("\n".join(lines) + "\n")


def _resolved(version: str, tags: Sequence[str], wanted: Sequence[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-qqq", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", f"--python-version={version}", "--implementation=cp"]
        command += [f"--platform={tag}" for tag in tags]
        command += ["--target", folder, "--report", str(report), *wanted]
        subprocess.run(command, check=True)
        installed: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return installed


def _write_licences() -> None:
    lines = [
        "# Licences of what the archive carries",
        "",
        "Written by `python -m infra.supply --write` from the packages' own metadata; a test holds it",
        "against the archive and against what is allowed (`ALLOWED` in `infra/supply.py`).",
        "",
        "| package | version | licence | home |",
        "|---|---|---|---|",
    ]
    parts = [*distributions(), *(vendored.part for vendored in VENDORED)]
    lines += [f"| {part.name} | {part.version} | {part.licence} | {part.home} |" for part in parts]
    LICENCES.write_text("\n".join(lines) + "\n")


def audit() -> int:
    """Ask for known vulnerabilities of the pins: 0 none, 1 some, `NOT_ASKED` if that is not known."""
    program = apart("pip-audit", version=AUDIT_VERSION)
    command = [str(program), "--progress-spinner=off", "--disable-pip", "--no-deps", "--format=json"]
    command += ["--requirement", str(_CONSTRAINTS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ASK_SECONDS)
    except subprocess.TimeoutExpired:
        print("✗ Not audited: the service of vulnerabilities did not answer.")
        return NOT_ASKED
    ended, lines = told_by_audit(done.stdout, pinned())
    print("\n".join(lines))
    return ended


def told_by_audit(report: str, pins: Mapping[str, str]) -> tuple[int, list[str]]:
    """Read an audit's report. What it passed over, or does not name, is not audited, however it ended.

    pip-audit ends with 0 where the service knew no package at all, e.g. behind a mirror without its answers.
    """
    try:
        parts = {canonical(part["name"]): part for part in json.loads(report)["dependencies"]}
    except (ValueError, KeyError):
        return NOT_ASKED, ["✗ Not audited: the service of vulnerabilities cannot be asked from here."]
    told = [
        f"✗ {name} {part['version']}: {flaw['id']}, mended in {' '.join(flaw['fix_versions']) or 'none'}"
        for name, part in sorted(parts.items())
        for flaw in part.get("vulns", ())
    ]
    passed = sorted(name for name in pins if "vulns" not in parts.get(name, {}))
    if passed:
        told.append(
            f"✗ {len(passed)} of {len(pins)} pins were not audited, e.g. {passed[0]}: nobody knew them."
        )
    if told:
        return (1 if any(part.get("vulns") for part in parts.values()) else NOT_ASKED), told
    return 0, [f"✓ {len(pins)} pins, and no vulnerability is known of any."]


def main() -> None:
    """Write the files anew, or audit."""
    parser = argparse.ArgumentParser(description="What others wrote and the archive carries.")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--audit", action="store_true")
    options = parser.parse_args()
    if options.write:
        wanted = ["--constraint", str(_CONSTRAINTS), *packed_requirements()]
        _write_lock(LOCK, "what the archive carries, each file by its hash.", wanted, [(PLATFORM,)])
        everything = ["--no-deps", "--requirement", str(_CONSTRAINTS)]
        _write_lock(TOOLS_LOCK, "what .venv holds, each file by its hash.", everything, _DESKS)
        readers = ["--requirement", str(READERS_LOCK.with_suffix(".txt"))]
        _write_lock(READERS_LOCK, "what reads the API's document.", readers, [_READERS])
        _write_licences()
        CONTENTS.write_text(json.dumps(weights(package("prod", BUILD / "prod")), indent=1) + "\n")
    if options.audit:
        raise SystemExit(audit())


if __name__ == "__main__":
    main()
