"""One local stack for all tests of a run, in a folder and on ports of its own.

One worker of pytest-xdist runs them all (`tests/support/plugin.py`). A process notes its interest while it runs, and
the last one to end stops the stack. What a run that was killed left behind is stopped by the next one.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.calls import Asked, asked_of

ROOT = Path(__file__).parent.parent.parent
PREFIX = "voucher-e2e-"


def run_folder() -> Path:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return Path(tempfile.gettempdir()) / f"{PREFIX}{run}"


class Stack:
    """The stack of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "local"
        self._port_file = folder / "port"
        self._brought_up = False
        self._is_saving = False

    def up(self, *, saving: bool = False) -> dict[str, Any]:
        """Bring the stack up, as `make up` does, unless it is; give its `stack.json`.

        Its state is saved while it runs only if that is asked for: every second anew, it costs as much as all
        that the tests do.
        """
        if saving and self.is_up() and not self._is_saving:
            self._run("infra.local.down")
        done = self._run("infra.local.up", AUTOSAVE_SECONDS="1" if saving else "0")
        assert done.returncode == 0, done.stdout + done.stderr
        self._brought_up, self._is_saving = True, saving
        return self.facts()

    def facts(self) -> dict[str, Any]:
        """Give what is in `stack.json`."""
        return json.loads((self._state / "stack.json").read_text())

    def environment(self) -> dict[str, str]:
        """Give what tells a command of ours which stack this is."""
        if not self._port_file.exists():
            self._port_file.write_text(str(two_free_ports()))
        environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
        return environment | {"LOCAL_FOLDER": str(self._state), "PORT": self._port_file.read_text()}

    def is_up(self) -> bool:
        """Tell whether both processes run, brought up by this process."""
        pids = [self._state / f"{name}.pid" for name in ("cloud", "platform")]
        return self._brought_up and all(path.exists() and _is_alive(int(path.read_text())) for path in pids)

    def down(self) -> None:
        if self._port_file.exists():
            self._run("infra.local.down", "--forget")

    def asked(self) -> Asked:
        """Give what the functions' roles have asked for, and were refused, since the stack is up."""
        return asked_of(self._state / "calls.jsonl")

    def saved_at(self) -> int:
        """Tell when the state was last saved, in nanoseconds; 0 if never."""
        last = self._state / "state" / "streams.json"  # replaced last
        return last.stat().st_mtime_ns if last.exists() else 0

    def kill(self) -> None:
        """End the local cloud as a power cut would."""
        pid = int((self._state / "cloud.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while _is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)

    @contextlib.contextmanager
    def mine(self) -> Iterator[None]:
        """Use the stack alone: figures are compared with what was there before."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def require_one_worker(self) -> None:
        """Refuse to be shared between workers: each would wait for the others, and bring the stack up anew."""
        owner = self.folder / "owner"
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        if not owner.exists():
            owner.write_text(worker)
        assert owner.read_text() == worker, "tests of the deployed template belong to one worker"

    def join(self) -> None:
        """Note that this process will use the stack."""
        self._interest.mkdir(parents=True, exist_ok=True)
        (self._interest / str(os.getpid())).touch()

    def leave(self) -> None:
        """Note that this process is done; the last one stops the stack."""
        with self.mine():
            (self._interest / str(os.getpid())).unlink(missing_ok=True)
            if self.is_needed():
                return
            self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_needed(self) -> bool:
        """Tell whether a process that lives still wants the stack."""
        return any(_is_alive(int(path.name)) for path in self._interest.glob("*"))

    @property
    def _interest(self) -> Path:
        return self.folder / "interest"

    def _run(self, module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment() | {"RECORD_CALLS": "1"} | settings
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )


def stop_left_behind() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        left = Stack(folder)
        if not left.is_needed():
            left.down()
            shutil.rmtree(folder, ignore_errors=True)


def two_free_ports() -> int:
    """Find a port whose successor is free too: the platform listens there."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            second.bind(("127.0.0.1", port + 1))
            return port


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return not Path("/proc").is_dir()
        return False
    return state != "Z"
