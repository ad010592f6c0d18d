"""Schemathesis reads the published document and calls the program by it, as each role in turn.

It lives in an environment of its own, which is made when it is first needed. A few cases of each operation are
drawn by the commit; `make fuzz` draws more. What it complains about is a bug of
the program or of the document: mend it, with a test of its own.
"""

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from infra.contract import tools
from infra.contract.openapi import PUBLISHED
from tests.architecture.rights_world import build
from tests.infra.contract.served import SIGN, served
from tests.proof.sharing import drawn_by_the_tree

TOOL = tools.ROOM / "venv/bin/schemathesis"
CONFIG = Path(__file__).parents[3] / "infra/contract/schemathesis.toml"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
PHASES = os.environ.get("FUZZ_PHASES", "examples,fuzzing,stateful")
ROLES = (*(role for role in Role if role not in {Role.SYSTEM, Role.PUBLIC}), "software")
NOT_TRIED = {
    "platform": ("read_me",)
}  # a token is taken away from it to see whether it is asked for: it has two
SHOWN = 6000

pytestmark = pytest.mark.skipif(not tools.are_here(), reason="needs Node.js and npm")


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    tools.install()


def seed() -> int:
    """Give the seed that was asked for, or the one of this tree."""
    return int(os.environ.get("FUZZ_SEED") or drawn_by_the_tree())


@pytest.fixture
def quiet() -> Iterator[None]:
    logger = logging.getLogger("training-voucher")
    logger.disabled = True
    yield
    logger.disabled = False


def operations_of(role: str) -> list[str]:
    """Name the operations that a role may call, and for the public those that ask for no proof.

    What the others get is 403, cell by cell: `tests/architecture/test_rights_matrix.py`.
    """
    paths = json.loads(PUBLISHED.read_text())["paths"]
    told = "institution" if role == "software" else role
    return [
        operation["operationId"]
        for item in paths.values()
        for operation in item.values()
        if (
            operation.get("x-roles", {}).get(told)
            not in (None, *(() if role == "software" else ("software",)))
            and operation["operationId"] not in NOT_TRIED.get(told, ())
        )
        or (role == "trainee" and "x-roles" not in operation)
    ]


def _document(folder: Path) -> Path:
    """Give the document with the bodies of its links as OpenAPI has them, which one generator takes for faults."""
    said = PUBLISHED.read_text().replace('"x-request-body"', '"requestBody"')
    made = folder / "openapi.json"
    made.write_text(said)
    return made


def token_of(role: str, world: Any, api: Any) -> str | None:
    """Give an access token of somebody of a role; the platform signs each message instead."""
    from chalicelib.accounts.access_tokens import write_token
    from chalicelib.accounts.rights import RIGHTS, may_be_softwares
    from tests.accounts.clients.builders import Program, confirmed, signed_in
    from tests.support.people import staff_principal, trainee_principal

    if role == "platform":
        return None
    if role == "software":
        program = Program()
        staff_principal("institution")
        scopes = [action for action in RIGHTS if may_be_softwares(Role.INSTITUTION, action)]
        confirmed(api, program, scopes=scopes)
        return signed_in(api, program).token
    if role == "trainee":
        return write_token(trainee_principal(build(world).holder))
    return write_token(staff_principal(role))


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_whatever_the_document_lets_be_sent_is_answered_as_it_says(
    world: Any, api: Any, quiet: None, role: str, tmp_path: Path, capsys: Any
) -> None:
    if role != "trainee":
        build(world)
    token = token_of(str(role), world, api)
    proof = f"Authorization: Bearer {token}" if token is not None else f"X-Message-Signature: {SIGN}"
    headers = [f"--header={proof}"]
    phases = PHASES if token is not None else PHASES.replace(",stateful", "")  # nothing leads on from it
    if role == "software":
        headers.append("--header=X-On-Behalf-Of: institution")
    with served() as address:
        done = subprocess.run(
            [
                str(TOOL),
                f"--config-file={CONFIG}",
                "run",
                str(_document(tmp_path)),
                f"--url={address}",
                f"--max-examples={EXAMPLES}",
                f"--phases={phases}",
                f"--seed={seed()}",
                "--continue-on-failure",
                *[f"--include-operation-id={name}" for name in operations_of(str(role))],
                *headers,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    with capsys.disabled():
        print(f"\n{role}: " + (done.stdout.strip().splitlines() or ["nothing said"])[-1])  # noqa: T201 - how many calls were made is read by people
    (tmp_path / "said").write_text(done.stdout)
    assert done.returncode == 0, f"{tmp_path}/said\n{done.stdout[-SHOWN:]}\n{done.stderr[-1000:]}"
