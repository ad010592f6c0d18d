"""`make upgrade-drill`: deploy the commit before, let it work, deploy this one over it, and see what is left.

The commit before is the one that the newest change of deployed files was made on (FROM= names another). It
deploys itself to a local cloud of its own and tells the first chapters of its story. Then this commit is
deployed over it, and its functions are led over as in an account, in seconds (`infra.deployment.rolling`).
Every row that was stored has to be readable, every list has to show what it showed, ledger and chains have
to hold, and the whole story is told once more beside the old one: vouchers that the old code issued and
claimed expire under the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from infra.deployment.package import BUILD, ROOT

_DEPLOYED: Final = ("app.py", "chalicelib", "infra", ".chalice", "requirements.txt")
_CHAPTERS: Final = 5
"""To where some vouchers are issued, some claimed and some redeemed."""
_WAIT_SECONDS: Final = 900
_LISTS: Final = ("/v1/vouchers", "/v1/enrolments", "/v1/institutions", "/v1/projects", "/v1/programs")
_OFFERED: Final = frozenset({"allowed_actions"})
"""What the program offers is its own, whatever is stored."""
_TELL: Final = """
import json, sys
from rich.console import Console
from infra.demo.story import tell
from infra.local.up import up
console = Console(width=110)
told = tell(up(console), console, chapters=int(sys.argv[1]))
wrong = [str(check) for check in told.teller.expectations.wrong]
sys.exit("\\n".join(wrong) or 0)
"""
_UP: Final = "from rich.console import Console; from infra.local.up import up; up(Console(width=110))"


class UpgradeFailed(RuntimeError):
    """What was there before is not there after, or nothing could be tried; the message says which."""


def commit_before() -> str:
    """Give the commit that the newest change of deployed files was made on; HEAD, if one is not committed.

    Raises:
        UpgradeFailed: there is no history to go back to.

    """
    named = os.environ.get("FROM")
    if named:
        return _git("rev-parse", "--verify", f"{named}^{{commit}}")
    if _git("status", "--porcelain", "--", *_DEPLOYED):
        return _git("rev-parse", "HEAD")
    newest = _git("rev-list", "--first-parent", "-n", "1", "HEAD", "--", *_DEPLOYED)
    return _git("rev-parse", "--verify", f"{newest}^1")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UpgradeFailed(
            "There is no earlier commit to upgrade from: this is no clone with its history (a shallow clone "
            f"is deepened by `git fetch --unshallow`). git says: {done.stderr.strip()}"
        )
    return done.stdout.strip()


class Drill:
    """A local cloud of its own, and the two programs that are deployed on it one after the other."""

    def __init__(self, folder: Path, *, port: str) -> None:
        self._before = folder / "before"
        self._state = folder / "local"
        self._environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        self._environment |= {"LOCAL_FOLDER": str(self._state), "PORT": port}

    def run(self, commit: str) -> None:
        """Upgrade from a commit to the working tree.

        Raises:
            UpgradeFailed: something that was stored is not as it was.

        """
        self._check_out(commit)
        try:
            print(f"— before: {commit[:12]} deploys itself and tells {_CHAPTERS} chapters", flush=True)
            self._python(self._before, "-c", _TELL, str(_CHAPTERS))
            shown = self._shown()
            self._python(self._before, "-m", "infra.local.down")
            print("— after: this commit is deployed over it", flush=True)
            print(self._python(ROOT, "-c", _UP, ROLLING="1"), flush=True)
            self._compare(shown, self._shown())
            self._python(ROOT, "-m", "infra.deployment.upgrade", "--read")
            print("— the story is told beside the old one", flush=True)
            self._python(ROOT, "-c", _TELL, "99")
            self._require_expired(shown)
            self._python(ROOT, "-m", "infra.deployment.upgrade", "--read")
        finally:
            self._python(ROOT, "-m", "infra.local.down", "--forget")

    def _check_out(self, commit: str) -> None:
        self._before.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", str(self._before)], input=archive.stdout, check=True)
        # What was fetched for the same pins need not be fetched again.
        (BUILD / "dependencies").mkdir(parents=True, exist_ok=True)
        (self._before / ".build").mkdir()
        (self._before / ".build/dependencies").symlink_to(BUILD / "dependencies")

    def _python(self, root: Path, *words: str, **settings: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=root,
            env={**self._environment, "PYTHONPATH": str(root), **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=_WAIT_SECONDS,
        )
        if done.returncode:
            raise UpgradeFailed(f"{' '.join(words)[:60]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def _shown(self) -> dict[str, dict[str, Any]]:
        """Give what the lists of the API show, by list and id."""
        from infra.demo.client import Service  # noqa: PLC0415 - the layout reads the environment first

        facts = json.loads((self._state / "stack.json").read_text())
        with Service(facts) as service:
            province = service.staff("province-1")
            return {
                path: {str(item.get("id") or item.get("uscc")): item for item in province.every(path)}
                for path in _LISTS
            }

    @staticmethod
    def _compare(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> None:
        """Hold each item of a list against itself: fields may be added, none may be gone or other."""
        faults = []
        for path, items in before.items():
            for name, item in items.items():
                now = after[path].get(name)
                if now is None:
                    faults.append(f"{path}: {name} is gone")
                    continue
                faults += [
                    f"{path}: {name}.{field} was {value!r} and is {now.get(field)!r}"
                    for field, value in item.items()
                    if field not in _OFFERED and not _is_kept(value, now.get(field))
                ]
        if faults:
            raise UpgradeFailed("\n".join(faults))
        print("  ".join(f"{path}: {len(items)} as before" for path, items in before.items()))

    def _require_expired(self, before: dict[str, dict[str, Any]]) -> None:
        """Vouchers that the old code issued and nobody used expire under the new code."""
        now = self._shown()["/v1/vouchers"]
        open_before = [
            name for name, item in before["/v1/vouchers"].items() if item["status"] in {"issued", "claimed"}
        ]
        left = [name for name in open_before if now[name]["status"] != "expired"]
        if left or not open_before:
            raise UpgradeFailed(f"{len(left)} of {len(open_before)} vouchers of before did not expire")
        print(f"{len(open_before)} vouchers of before expired in the new code's night")


def _is_kept(before: Any, after: Any) -> bool:
    """Tell whether a value is as it was; objects in it may have got fields besides."""
    if isinstance(before, dict) and isinstance(after, dict):
        return all(name in after and _is_kept(value, after[name]) for name, value in before.items())
    return bool(before == after)


def read_everything() -> None:
    """Read every row of every table of the running local cloud, and look ledger, chains and exchange through.

    Raises:
        UpgradeFailed: a row cannot be read, or something is off.

    """
    from infra.local.debug import enter  # noqa: PLC0415 - only where a local cloud runs
    from infra.local.deployed import deployed  # noqa: PLC0415

    enter(deployed("api_handler").environment)
    from infra.deployment.reconcile import read_all, reconcile  # noqa: PLC0415 - the tables' names are fixed then

    faults, rows = read_all()
    report = reconcile(mend=False, in_use=os.environ["TABLE_PREFIX"])
    if faults or report["ledger differences"] or report["broken audit chains"]:
        raise UpgradeFailed("\n".join([*faults, json.dumps(report, default=str, indent=1)]))
    print(f"{rows} rows are readable; ledger and audit chains hold")


def _free_port() -> str:
    """Find a port whose successor is free too: the platform listens there."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            second.bind(("127.0.0.1", port + 1))
            return str(port)


def main() -> None:
    """Run the drill, or its reading part inside it."""
    try:
        if "--read" in sys.argv[1:]:
            read_everything()
            return
        commit = commit_before()
        folder = Path(tempfile.mkdtemp(prefix="voucher-upgrade-"))
        try:
            Drill(folder, port=_free_port()).run(commit)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except UpgradeFailed as reason:
        raise SystemExit(f"✗ {reason}") from None
    print("✓ upgraded with its data")


if __name__ == "__main__":
    main()
