"""The packaged archive, unpacked as the runtime unpacks it, and the program run from it as a function."""

import resource
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HTTP = "app.app"


def package(stage: str, out: Path | None = None) -> Path:
    """Package a stage for this Python, as `make check` does, and give the folder of archive and template."""
    out = out or ROOT / ".build" / stage
    command = [
        sys.executable,
        "-m",
        "infra.deployment.package",
        "--stage",
        stage,
        "--out",
        str(out),
        "--for-this-python",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@dataclass(frozen=True)
class Run:
    """What a process wrote, and the CPU seconds it took, of user and system."""

    written: str
    cpu_seconds: float


@dataclass(frozen=True)
class Unpacked:
    """An unpacked archive that nobody can write to."""

    folder: Path

    @classmethod
    def of(cls, archive: Path, folder: Path) -> "Unpacked":
        with zipfile.ZipFile(archive) as entries:
            entries.extractall(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        return cls(folder)

    def forget(self) -> None:
        """Let the folder be removed."""
        for path in (self.folder, *self.folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)

    def run(self, code: str, *, handler: str | None = None) -> Run:
        """Run a piece of Python in a fresh process, as the function with this handler.

        Nothing of this environment is there, and nothing compiled can be kept.
        """
        environment = {
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": "cn-north-1",
            "AWS_DEFAULT_REGION": "cn-north-1",
            "STAGE": "prod",
            "TABLE_PREFIX": "voucher-prod-",
            **({"_HANDLER": handler} if handler else {}),
        }
        python = getattr(sys, "_base_executable", sys.executable)
        before = _cpu_seconds()
        done = subprocess.run(
            [python, "-S", "-c", code],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        after = _cpu_seconds()
        assert done.returncode == 0, done.stderr
        return Run(done.stdout, after - before)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
