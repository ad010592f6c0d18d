"""The local cloud: ministack in this process, on loopback only, with its state kept on disk.

What ministack alone does not give: saving while it runs (`infra.local.autosave`), one unpacked copy of the
functions' code shared by all workers, an address of the API that stays, bodies of binary types that arrive
whole, workers that see nothing of this virtual environment and know which function they are, paths that
take every method, aliases that share requests out between two versions by their weights, a worker's death
that is nobody else's, no 50 ms wait for log lines after each invocation,
no workers left behind by a run that was killed, and rights asked for as AWS does (`infra.local.rights`).
"""

# ruff: noqa: SLF001 - ministack offers no public way to these

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import os
import random
import shutil
import signal
import sys
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from infra.deployment.watching import API_STAGE
from infra.local.layout import CODE, ENDPOINT, FOLDER, HOST, OBJECTS, PORT, REGION, SCRATCH, STACK, STATE
from infra.local.process import Service

if TYPE_CHECKING:
    from infra.local.autosave import Asgi

API_PATH: Final = f"/{API_STAGE}"
ALIVE_PATH: Final = "/_voucher/alive"
CLOUD: Final = Service(module="infra.local.cloud", alive_url=ENDPOINT + ALIVE_PATH)

_SERVICES: Final = (
    "apigateway,cloudformation,dynamodb,dynamodbstreams,events,iam,kms,lambda,logs,monitoring,s3,"
    "secretsmanager,sns,sqs,sts"
)
_ENVIRONMENT: Final = {
    "GATEWAY_PORT": str(PORT),
    "MINISTACK_HOST": HOST,
    "MINISTACK_REGION": REGION,
    "SERVICES": _SERVICES,
    "PERSIST_STATE": "1",
    "STATE_DIR": str(STATE),
    "S3_PERSIST": "1",
    "S3_DATA_DIR": str(OBJECTS),
    "TMPDIR": str(SCRATCH),
    "LAMBDA_EXECUTOR": "local",
    "DOCKER_HOST": f"unix://{FOLDER}/no-docker.sock",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "LANG": "C.UTF-8",
}
_DEFAULTS: Final = {"AUTH": "true"}
"""A function may do what its role may. A bare cloud has no functions and takes any keys (`infra.bench`)."""
_INHERITED: Final = ("AUTH", "AUTOSAVE_SECONDS", "HOME", "LOCAL_FOLDER", "PATH", "PORT", "RECORD_CALLS")
"""Nothing else of the developer's environment may reach a function."""
_CODE_KEPT: Final = 3
_LOG_WAIT_SECONDS: Final = (0.004, 0.002, 0.25)
"""For the first line, after a line, at most; a later line is logged with the next invocation."""
_AUTOSAVE_SECONDS: Final = "1"


def main() -> None:
    """Serve until told to stop; then save once more."""
    _end_left_behind_workers()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for folder in (STATE, OBJECTS, CODE, SCRATCH):
        folder.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    os.environ.clear()
    os.environ.update(_DEFAULTS | inherited | _ENVIRONMENT)
    _forget_old_code()
    asyncio.run(_serve())


async def _serve() -> None:
    # ministack reads its environment while it is imported.
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack import app as cloud  # noqa: PLC0415
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # noqa: PLC0415
    from ministack.services import apigateway_v1, lambda_svc  # noqa: PLC0415

    from infra.local.autosave import Autosave  # noqa: PLC0415
    from infra.local.rights import ask_as_aws_does, record_calls  # noqa: PLC0415

    if os.environ.get("RECORD_CALLS"):
        record_calls(iam_evaluator)
    ask_as_aws_does(cloud, iam_actions, iam_evaluator)
    _share_code(lambda_runtime)
    _read_binary_types(apigateway_v1)
    _take_every_method(apigateway_v1)
    _weigh_versions(lambda_svc)
    _die_alone(lambda_runtime)
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = _LOG_WAIT_SECONDS
    interval_seconds = float(os.environ.get("AUTOSAVE_SECONDS") or _AUTOSAVE_SECONDS)
    autosave = Autosave(STATE, interval_seconds)
    autosave.restore_streams()

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    config = Config()
    config.bind = [f"{HOST}:{PORT}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    saving = asyncio.create_task(autosave.run())
    app: Any = _front(autosave.watch(cloud.app))
    await serve(app, config, shutdown_trigger=stopped.wait)
    saving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await saving
    lambda_runtime.reset()
    autosave.save_now()
    # Pollers are daemon threads in endless loops; nothing is left to wait for.
    sys.stdout.flush()
    os._exit(0)


def _front(app: Asgi) -> Asgi:
    """Give the deployed API the address `/api`, and tell `infra.local.process` whose cloud this is.

    ministack gives an API another id with every change of its routes; an address is worth keeping.
    """
    from ministack.services import apigateway_v1  # noqa: PLC0415 - see `_serve`

    async def fronted(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == ALIVE_PATH:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(FOLDER).encode()})
            return
        if path == API_PATH or path.startswith(f"{API_PATH}/"):
            for (_, _, api_id), api in apigateway_v1._rest_apis.all_items():
                if api["name"] == STACK:
                    start = f"/restapis/{api_id}{API_PATH}/_user_request_"
                    scope = {
                        **scope,
                        "path": start + path.removeprefix(API_PATH),
                        "raw_path": start.encode() + scope["raw_path"].removeprefix(API_PATH.encode()),
                    }
            if (b"content-encoding", b"gzip") in scope.get("headers", ()):
                scope, receive = await _unpacked(scope, receive)
        await app(scope, receive, send)

    return fronted


async def _unpacked(scope: Any, receive: Any) -> tuple[Any, Any]:
    """Unpack a body that came by gzip, as the gateway does where `MinimumCompressionSize` is set.

    ministack hands text on with U+FFFD for what is none, and no endpoint could read that. What is no gzip, or
    not whole, stays as it came.
    """
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    with contextlib.suppress(EOFError, OSError, zlib.error):
        body = gzip.decompress(body)
    kept = [header for header in scope["headers"] if header[0] != b"content-length"]
    plain: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Any:
        return plain.pop() if plain else await receive()

    return {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}, received


def _read_binary_types(gateway: Any) -> None:
    """Let the API's document name its binary types, as it does on AWS; ministack only reads a property."""
    import_api = gateway._import_rest_api

    def import_with_types(document: dict[str, Any], properties: dict[str, Any] | None = None) -> Any:
        types = document.get("x-amazon-apigateway-binary-media-types", [])
        return import_api(document, {**(properties or {}), "binaryMediaTypes": types})

    gateway._import_rest_api = import_with_types


def _take_every_method(gateway: Any) -> None:
    """Let a path of the API's document take the methods it does not name; ministack knows only named ones."""
    import_path = gateway._import_path_item

    def import_with_every(api_id: str, path: str, item: dict[str, Any], *security: Any) -> None:
        import_path(api_id, path, item, *security)
        every = item.get("x-amazon-apigateway-any-method")
        if every is not None:
            resources = gateway._resources.get(api_id, {})
            (resource_id,) = [key for key, resource in resources.items() if resource.get("path") == path]
            gateway._import_operation(api_id, resource_id, "ANY", every, *security)

    gateway._import_path_item = import_with_every


def _weigh_versions(functions: Any) -> None:
    """Let an alias with weights share its invocations out; ministack keeps them and goes by one version."""
    record_of = functions._effective_func_record_for_qualifier

    def drawn(function: dict[str, Any] | None, qualifier: str | None) -> Any:
        alias = (function or {}).get("aliases", {}).get(qualifier, {})
        left = random.random()  # noqa: S311 - shares requests out, nothing more
        for version, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
            left -= weight
            if left < 0:
                return record_of(function, version)
        return record_of(function, qualifier)

    functions._effective_func_record_for_qualifier = drawn


def _die_alone(runtime: Any) -> None:
    """Let a worker that cannot be started fail its own invocation only.

    ministack ends every worker of the function then; whichever was just starting fails as this one did, and
    ends them all again: a busy function whose workers start slowly never comes back.
    """
    invoke = runtime.Worker.invoke

    def invoked(worker: Any, event: Any, request_id: str, **facts: Any) -> Any:
        try:
            return invoke(worker, event, request_id, **facts)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the caller is told that the worker failed
            worker.kill()
            return {"status": "error", "error": str(failure), "cold_start": True}

    runtime.Worker.invoke = invoked


def _share_code(runtime: Any) -> None:
    """Unpack each archive once; run workers on the plain interpreter, without this environment, as on AWS."""

    class Shared(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
            assert self.filename is not None
            archive = Path(self.filename)
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()
            unpacked = CODE / digest
            if not unpacked.exists():
                fresh = SCRATCH / f"{digest}.{os.urandom(4).hex()}"
                super().extractall(fresh, members, pwd)
                with contextlib.suppress(OSError):  # another worker was first
                    fresh.rename(unpacked)
            archive.unlink()
            Path(path).rmdir()
            Path(path).symlink_to(unpacked, target_is_directory=True)

    runtime.zipfile = SimpleNamespace(
        ZipFile=Shared, BadZipFile=zipfile.BadZipFile, LargeZipFile=zipfile.LargeZipFile
    )
    detect = runtime._detect_runtime_binary

    def plain_interpreter(name: str) -> tuple[str, str]:
        binary, script = detect(name)
        return getattr(sys, "_base_executable", binary), _with_handler(script)

    runtime._detect_runtime_binary = plain_interpreter


def _with_handler(script: str) -> str:
    """Tell a worker its handler before it imports the program, as Lambda does; ministack leaves that out."""
    line = "    os.environ.update(env)\n"
    assert script.count(line) == 1, "ministack's worker has changed"
    told = 'os.environ["_HANDLER"] = f"{module_name}.{handler_name}"'
    return script.replace(line, f"{line}    {told}\n")


def _forget_old_code() -> None:
    by_age = sorted(CODE.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[_CODE_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _end_left_behind_workers() -> None:
    """End workers of an earlier run that was killed: they run a script inside our own scratch folder."""
    processes = Path("/proc")
    for path in processes.iterdir() if processes.is_dir() else ():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(argument.startswith(f"{SCRATCH}/ministack-lambda-") for argument in arguments[1:]):
                    os.kill(int(path.name), signal.SIGKILL)


if __name__ == "__main__":
    main()
