"""`make checkov`: what checkov finds in the production template, each finding fixed or justified.

checkov brings a hundred packages, so it has an environment of its own and is no part of CI. What it found
stands in `infra/deployment/checkov.json`: by check the resources, and why they are right as they are; and
what it has seen. A test holds that file against the template: who adds a resource of a kind that checkov
looks at runs this again, reads what is new, and justifies or mends it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from infra.apart import apart
from infra.deployment.package import BUILD, ROOT, package

VERSION: Final = "3.3.30"
FILE: Final = ROOT / "infra/deployment/checkov.json"
Findings = dict[str, dict[str, Any]]


def scanned(template: dict[str, Any], kinds: Collection[str]) -> list[str]:
    """Name the resources of a template that are of these kinds."""
    return sorted(name for name, resource in template["Resources"].items() if resource["Type"] in kinds)


def unread(found: Findings, known: Findings) -> list[str]:
    """Tell each finding that nobody has read: not justified, or of a resource that is new."""
    lines = []
    for name, finding in found.items():
        before = known.get(name, {})
        if not before.get("justified"):
            lines.append(f"{name} has no justification: {finding['check']}")
        lines += [
            f"{name} is found at {resource} now"
            for resource in finding["resources"]
            if resource not in before.get("resources", ())
        ]
    return lines


def _kinds(program: Path) -> list[str]:
    """Ask checkov for the kinds of resources that it has a check for."""
    listed = subprocess.run(
        [str(program), "--list", "--framework", "cloudformation"], capture_output=True, text=True, check=True
    )
    return sorted(set(re.findall(r"AWS::\w+::\w+", listed.stdout)))


def _run(program: Path, template: Path) -> Findings:
    """Run checkov and give what failed, by check."""
    command = [str(program), "--framework", "cloudformation", "-f", str(template)]
    command += ["-o", "json", "--compact", "--quiet", "--skip-download"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"checkov gave no report:\n{done.stderr[-2000:]}") from None
    if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
        raise SystemExit("checkov could not read the template")
    found: Findings = {}
    for check in report["results"]["failed_checks"]:
        finding = found.setdefault(check["check_id"], {"check": check["check_name"], "resources": []})
        finding["resources"].append(check["resource"].rpartition(".")[2])
    return {name: {**found[name], "resources": sorted(found[name]["resources"])} for name in sorted(found)}


def main() -> None:
    """Write down what checkov finds; exit with 1 if somebody has to read some of it."""
    known = json.loads(FILE.read_text())["findings"] if FILE.exists() else {}
    template = package("prod", BUILD / "prod").parent / "sam.json"
    program = apart("checkov", version=VERSION)
    kinds = _kinds(program)
    found = _run(program, template)
    resources = json.loads(template.read_text())
    present = {resource["Type"] for resource in resources["Resources"].values()}
    book = {
        "checkov": VERSION,
        "kinds": [kind for kind in kinds if kind in present],
        "seen": scanned(resources, kinds),
        "findings": {
            name: {**finding, "justified": known.get(name, {}).get("justified", "")}
            for name, finding in found.items()
        },
    }
    FILE.write_text(json.dumps(book, indent=1, sort_keys=True) + "\n")
    lines = unread(found, known)
    if lines:
        raise SystemExit("\n".join(["To be mended, or justified in infra/deployment/checkov.json:", *lines]))
    print(f"{sum(len(finding['resources']) for finding in found.values())} findings, each justified")


if __name__ == "__main__":
    main()
