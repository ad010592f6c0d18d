"""Run every rule of supervision over an export, without a cloud.

    python -m infra.supervise EXPORT_DIR [--policy policy.json] > findings.jsonl

The folder is an export of the service, or one that anybody wrote by the page of records. `policy.json` is a
program's policy as the API shows it, or an answer that has it under `policy`; without it the defaults count.
Findings come in a fixed order, one JSON object a line. What cannot be read, and rules that fail, are told on
stderr, and the rest goes on: the exit code is then 1, and 2 if nothing could be done at all.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.programs.model import Policy
from chalicelib.supervision.rules.evaluation import findings_about_class, findings_about_voucher
from infra.exported import Records, read_folder
from infra.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.supervision.rules.evaluation import Evaluation

SOME_LEFT_OUT, NOTHING_DONE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Write the findings of an export to stdout; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.supervise", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="EXPORT_DIR")
    parser.add_argument("--policy", type=Path, help="a program's policy as JSON")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        _tell(f"no folder {options.folder}")
        return NOTHING_DONE
    try:
        policy = policy_of(options.policy)
    except (OSError, msgspec.MsgspecError) as error:
        _tell(f"{options.policy}: {error}")
        return NOTHING_DONE
    records = read_folder(options.folder)
    for fault in records.faults:
        _tell(fault)
    try:
        failed = _write_findings(records, policy)
    except ValueError as error:
        _tell(str(error))
        return NOTHING_DONE
    return SOME_LEFT_OUT if failed or records.faults else 0


def policy_of(path: Path | None) -> Policy:
    """Read a policy; one that an answer of the API carries is taken out of it."""
    if path is None:
        return Policy()
    told: Any = msgspec.json.decode(path.read_bytes())
    inner = told.get("policy", told) if isinstance(told, dict) else told
    return msgspec.convert(inner, Policy, strict=False)


def evaluations(records: Records, policy: Policy) -> Iterator[Evaluation]:
    """Evaluate every class, then every voucher that is redeemed.

    Raises:
        ValueError: nothing tells as of when.

    """
    replay = Replay(records)
    as_of = replay.as_of
    for dossier in replay.class_dossiers():
        yield findings_about_class(dossier, policy, as_of)
    for voucher in replay.voucher_dossiers():
        yield findings_about_voucher(voucher, policy, as_of)


def _write_findings(records: Records, policy: Policy) -> bool:
    failed = False
    for evaluation in evaluations(records, policy):
        for finding in evaluation.findings:
            sys.stdout.write(msgspec.json.encode(finding).decode() + "\n")
        for failure in evaluation.failures:
            failed = True
            _tell(f"{failure.rule} failed on {failure.about}: {failure.error}")
    return failed


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
