"""Write the records of supervision of an area and a time into a folder, for an auditor.

    python -m infra.export_records --division 34 --from 2026-09-01 --to 2026-12-31 DIR
    python -m infra.export_records --stage prod --division 3401 --division 3402 --from … --to … DIR

`--stage` names the deployed stage, by the credentials of whoever calls; without it the local stack is read.
Both days are inclusive, in Shanghai. Records hold no name, number, phone or account: persons, devices and
the like are keys (`chalicelib/supervision/records`). `python -m infra.supervise DIR` runs every rule over
the folder, with no cloud.

It reads by index, a page at a time, beside the running service; a province of half a year is some 100,000
calls. A run that was broken off leaves a folder without `export.json`: begin anew in another one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import boto3

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import sentence

_LOCAL: Final = "local"


def environment_of(stage: str) -> Mapping[str, str]:
    """Give the settings of a stage's deployed API: its tables, and the key that names people."""
    if stage == _LOCAL:
        from infra.deployment.functions import API  # noqa: PLC0415 - the local cloud is not asked for a deployed stage
        from infra.local.deployed import deployed  # noqa: PLC0415
        from infra.local.layout import ENDPOINT, REGION  # noqa: PLC0415

        place = {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        return {**deployed(API).environment, **place, **_LOCAL_CREDENTIALS}
    from infra.deployment.restore import Restore  # noqa: PLC0415

    return Restore(boto3.Session(), stage=stage, generation="", moment=None).deployed_environment


_LOCAL_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def export(
    folder: Path, divisions: Sequence[str], *, first: date, last: date, now: datetime
) -> Mapping[str, int]:
    """Write what this process's settings name; give the number of records of each file.

    Raises:
        Malformed: a division is none, or the days are not.
        FileExistsError: there is an export in the folder already.

    """
    from chalicelib.supervision.records import service  # noqa: PLC0415 - it fixes the tables' names
    from chalicelib.supervision.records.files import folder_of  # noqa: PLC0415
    from chalicelib.supervision.records.scope import scope_of  # noqa: PLC0415

    scope = scope_of(divisions, first=first, last=last)
    with folder_of(folder, scope, as_of=now) as emit:
        return service.export(scope, emit)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write an export; print how many records of each kind it holds."""
    parser = argparse.ArgumentParser(description="Write the records of supervision for an auditor.")
    parser.add_argument("--stage", default=_LOCAL, help="a deployed stage; left out: the local stack")
    parser.add_argument("--division", action="append", required=True, help="an area's code; may be repeated")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="the first day")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, help="the last day")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    os.environ.update(environment_of(options.stage))
    try:
        counts = export(
            options.folder, options.division, first=options.first, last=options.last, now=datetime.now(UTC)
        )
    except FileExistsError as fault:
        raise SystemExit(f"Not exported: {fault} is there already.") from None
    except DomainError as fault:
        raise SystemExit(f"Not exported: {sentence(fault.code, fault.facts, english=True)}") from None
    for name, count in counts.items():
        print(f"{count:9,} {name}")
    print(f"written to {options.folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
