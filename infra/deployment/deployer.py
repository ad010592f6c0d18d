"""The rights to deploy, for one account and region: `deployer-policy.json` with the names put in.

    python -m infra.deployment.deployer --account 111122223333 --region cn-north-1 --artifacts my-artifacts

Prints as many managed policies as it takes, one JSON document a line; attach all of them to the role that
runs `infra.deployment.deploy`. A test holds them against the resources of the template.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from infra.deployment.package import ROOT

FILE: Final = ROOT / "infra/deployment/deployer-policy.json"
MANAGED_MAX: Final = 6_144
"""Characters of a managed policy, without white space (IAM and STS quotas)."""
_CHINA: Final = "cn-"


def filled(*, account: str, region: str, artifacts: str) -> list[dict[str, Any]]:
    """Give the statements for an account, a region and the bucket of artifacts."""
    text = FILE.read_text()
    for name, value in {
        "Partition": "aws-cn" if region.startswith(_CHINA) else "aws",
        "Account": account,
        "Region": region,
        "Artifacts": artifacts,
    }.items():
        text = text.replace(f"${{{name}}}", value)
    statements: list[dict[str, Any]] = json.loads(text)["Statement"]
    return statements


def policies(statements: list[dict[str, Any]]) -> list[str]:
    """Write statements as managed policies, each as full as it may be."""
    parts: list[list[dict[str, Any]]] = [[]]
    for statement in statements:
        if len(_document([*parts[-1], statement])) > MANAGED_MAX:
            parts.append([])
        parts[-1].append(statement)
    return [_document(part) for part in parts]


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def main() -> None:
    """Print the policies."""
    parser = argparse.ArgumentParser(description="The rights to deploy, for one account and region.")
    parser.add_argument("--account", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--artifacts", required=True, help="the bucket that infra.deployment.deploy is given")
    options = parser.parse_args()
    statements = filled(account=options.account, region=options.region, artifacts=options.artifacts)
    print("\n".join(policies(statements)))


if __name__ == "__main__":
    main()
