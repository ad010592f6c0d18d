"""Background processes of the local stack: started detached, found again by a file, stopped by their id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.layout import FOLDER, ROOT

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20
_POLL_SECONDS: Final = 0.1


class NotStarted(RuntimeError):
    """A process of the local stack did not come up."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A module run in the background. `alive_url` answers with the process id once it serves."""

    module: str
    alive_url: str

    @property
    def name(self) -> str:
        """Give the last part of the module's name; names its files too."""
        return self.module.rpartition(".")[2]

    @property
    def log(self) -> Path:
        """Tell where the process writes."""
        return FOLDER / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return FOLDER / f"{self.name}.pid"

    def start(self) -> bool:
        """Start the process unless it serves already; tell whether it was started.

        Raises:
            NotStarted: it ended early, did not answer, or somebody else has the port.

        """
        if self.answers():
            return False
        self.stop()
        FOLDER.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pid_file.write_text(str(process.pid))
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotStarted(f"{self.name} did not start, see {self.log}")
            time.sleep(_POLL_SECONDS)
        return True

    def stop(self) -> bool:
        """End the process this file tells of, politely; tell whether there was one."""
        pid = self._running_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS
            while _is_alive(pid) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            if _is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def _running_pid(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if _is_alive(pid) and self.module in _command_of(pid) else None

    def answers(self) -> bool:
        """Tell whether the process serves.

        Raises:
            NotStarted: somebody else answers at its address.

        """
        try:
            with urllib.request.urlopen(self.alive_url, timeout=5) as answer:  # noqa: S310 - loopback
                text = answer.read().decode()
        except urllib.error.HTTPError:
            text = ""
        except OSError:
            return False
        if text != str(FOLDER):
            raise NotStarted(f"another program answers at {self.alive_url}; choose another PORT=")
        return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return _command_of(pid) != ""


def _command_of(pid: int) -> str:
    """Give the command line of a process; empty for one that has ended and waits to be collected."""
    listing = subprocess.run(
        ["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "" if listing.startswith("Z") else listing
