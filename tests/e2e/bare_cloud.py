"""A bare local cloud for a test: no service on it, in a folder and on a port of its own."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3

from tests.e2e.stack import ROOT, two_free_ports

_START_SECONDS = 60


@contextlib.contextmanager
def bare_cloud(folder: Path) -> Iterator[boto3.Session]:
    """Run a local cloud that keeps nothing and asks nobody for rights; give a session of it."""
    port = str(two_free_ports())
    address = f"http://127.0.0.1:{port}"
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    environment |= {"LOCAL_FOLDER": str(folder), "PORT": port, "AUTOSAVE_SECONDS": "0", "AUTH": "false"}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cloud.log").open("wb") as log:
        command = [sys.executable, "-m", "infra.local.cloud"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(address, process)
        yield At(address)
    finally:
        process.terminate()
        process.wait(timeout=30)


class At(boto3.Session):
    """A session whose clients all speak to one address, whatever the environment says meanwhile."""

    def __init__(self, address: str) -> None:
        super().__init__("test", "test", region_name="us-east-1")
        self.address = address

    def client(self, name: str, **more: object) -> object:
        return super().client(name, endpoint_url=self.address, **more)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address + "/_voucher/alive", timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("the local cloud did not start")
