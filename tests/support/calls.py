"""What each deployed function calls of AWS, noted while the tests run it in this process, and held to its grants.

Every request to a client of botocore is noted under the function that is at work: `api_handler` while the gateway
of the tests answers a request, any other while its worker in a `jobs.py` runs. So a test whose function needs a
right that `infra.deployment.grants` does not give it fails, on moto as it would on AWS; which rights nobody needs is told by
the record of a whole run (`make record-calls`, `tests/infra/deployment/test_grants.py`).
"""

import functools
import json
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from infra.deployment.functions import API, FUNCTIONS
from infra.deployment.grants import GRANTS
from infra.deployment.policies import role_id

RECORD = Path(__file__).parent.parent / "infra" / "recorded_calls.json"


class Call(NamedTuple):
    """A function needs an action on a resource, as `infra.deployment.grants` names them."""

    function: str
    resource: str
    action: str


_noted: set[Call] = set()
_ungranted: set[Call] = set()


# --------------------------------------------------------------------------- which function is at work

_BEGINNINGS = {
    ("chalice/local.py", "handle_request"): API,
    **{("jobs.py", function.name): function.name for function in FUNCTIONS},
}
"""Where a function begins, by file and name: the gateway of the tests, or a worker in a `jobs.py`."""

_MIDDLES = {
    ("ineligibility/service.py", "follow"): "follow_standings",
    ("lists/work.py", "do"): "process_import",
    ("rekeying/service.py", "reencrypt"): "reencrypt_people",
}
"""What some tests call in place of the worker."""


@functools.cache
def _function_of(code: CodeType) -> tuple[str, bool] | None:
    """Tell which function a piece of code belongs to, if it stands in one table, and whether it is its beginning."""
    for table in (_BEGINNINGS, _MIDDLES):
        for (file, name), function in table.items():
            if code.co_name == name and code.co_filename.endswith(f"/{file}"):
                return function, table is _BEGINNINGS
    return None


class Work(NamedTuple):
    """What a thread does: for which function, if its frames tell, and whether a test told it to."""

    function: str | None
    for_a_test: bool


def _work_in(frame: FrameType | None) -> Work:
    middle, for_a_test = None, False
    while frame is not None:
        match _function_of(frame.f_code):
            case function, True:
                return Work(function, for_a_test)
            case function, False:
                middle = function
        for_a_test |= "/tests/" in frame.f_code.co_filename and frame.f_code.co_filename != __file__
        frame = frame.f_back
    return Work(middle, for_a_test)


def _function_at_work() -> str | None:
    """Give the function this thread works for: its frames tell, or whoever gave work to its pool."""
    work = _work_in(sys._getframe(2))
    if work.function is not None or work.for_a_test:
        return work.function
    return getattr(_given, "function", None)


_given = threading.local()
"""`function`: for which one a thread of a pool does what it was given."""


def _watch_pools() -> None:
    """Let threads of pools know for whom they work. Frames of another thread that runs are not to be read."""
    submit = ThreadPoolExecutor.submit
    if submit.__module__ == __name__:
        return

    def submit_for(pool: ThreadPoolExecutor, act: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        work = _work_in(sys._getframe(1))

        def done_for(*args: Any, **kwargs: Any) -> Any:
            _given.function = work.function
            try:
                return act(*args, **kwargs)
            finally:
                _given.function = None

        return submit(pool, done_for, *args, **kwargs)

    ThreadPoolExecutor.submit = submit_for


_last: list[str] = []
"""The function that called last."""


def _as_in_a_process_of_its_own(function: str) -> None:
    """Let a job read anew what the API, or another job, has read: on AWS they share nothing."""
    if function == API or _last == [function]:
        return
    from chalicelib.aws.crypto import forget_data_keys
    from chalicelib.aws.keys import forget_keys
    from chalicelib.catalogue.institutions.reading import forget_institutions
    from chalicelib.catalogue.projects.reading import forget_projects
    from chalicelib.classes.service import forget_classes
    from chalicelib.programs.service import forget_programs

    forget_data_keys()
    forget_keys()
    forget_institutions()
    forget_projects()
    forget_classes()
    forget_programs()


# --------------------------------------------------------------------------- what a request needs


def watch_clients() -> None:
    """Note the requests of every client that is made from now on."""
    from botocore import handlers

    _watch_pools()
    handlers.BUILTIN_HANDLERS += [
        ("before-parameter-build", _note_request),
        ("before-sign.s3.PutObject", _note_form),
    ]


_asked: list[str] = []
_called: list[str] = []


@contextmanager
def asked() -> Iterator[list[str]]:
    """Collect the operations on tables that are asked for meanwhile."""
    _asked.clear()
    operations: list[str] = []
    yield operations
    operations += _asked


@contextmanager
def called() -> Iterator[list[str]]:
    """Collect every call meanwhile, of whichever service: tables, objects, queues, keys, secrets."""
    _called.clear()
    calls: list[str] = []
    yield calls
    calls += _called


def _note_request(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    function, service = _function_at_work(), model.service_model.service_name
    _called.append(f"{service} {model.name} {_where(params)}".strip())
    if service == "dynamodb":
        _asked.append(model.name)
    if function is None:
        return
    if service not in _WHOSE_ANSWERS_ARE_KEPT:
        _as_in_a_process_of_its_own(function)
        _last[:] = [function]
    note(Call(function, *need) for need in needed(service, model.name, params))


def _where(params: Mapping[str, Any]) -> str:
    match params:
        case {"RequestItems": tables}:
            return " ".join(sorted(map(_short, tables)))
        case {"TableName": name, "IndexName": index}:
            return f"{_short(name)}/{index}"
        case {"TableName": name}:
            return _short(str(name))
        case _:
            return ""


_WHOSE_ANSWERS_ARE_KEPT = frozenset({"kms", "secretsmanager"})
"""Nothing is forgotten while it is being asked for."""


def _note_form(request: Any, **_: Any) -> None:
    """Note a presigned form: whoever posts it acts with the rights of the function that made it."""
    function, policy = _function_at_work(), request.context.get("s3-presign-post-policy")
    if function is None or policy is None:
        return
    fixed = {
        name: value for one in policy["conditions"] if isinstance(one, dict) for name, value in one.items()
    }
    note([Call(function, object_of(_short(fixed["bucket"]), fixed["key"]), "PutObject")])


def note(calls: Iterable[Call]) -> None:
    """Take note of calls; one that is not granted fails the test that made it (`tests.support.plugin`)."""
    fresh = set(calls) - _noted
    _noted.update(fresh)
    _ungranted.update(fresh - granted())


def take_ungranted() -> list[Call]:
    """Give the calls that nobody granted, since this was last asked."""
    found = sorted(_ungranted)
    _ungranted.clear()
    return found


@functools.cache
def granted() -> frozenset[Call]:
    """Give all that the functions' grants allow."""
    return frozenset(
        Call(function, resource, action)
        for function, grants in GRANTS.items()
        for resource, actions in grants.items()
        for action in actions.split()
    )


def needed(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the resources a request touches, each with the action that AWS asks a role for.

    Raises:
        LookupError: nobody has said yet what this operation needs.

    """
    match service:
        case "dynamodb":
            yield from _of_tables(operation, params)
        case "s3":
            yield from _of_objects(operation, params)
        case "sqs":
            yield (
                _queue(_short(params["QueueUrl"].rpartition("/")[2]), operation),
                operation.removesuffix("Batch"),
            )
        case "kms":
            yield "key", operation
        case "secretsmanager":
            yield f"secret/{_short(params['SecretId'])}", operation
        case _:
            raise LookupError(f"what does {service}.{operation} need?")


def _queue(name: str, operation: str) -> str:
    """Name a queue as the grants do: dead letters are counted under one name for all."""
    return "queue/*-dead" if operation == "GetQueueAttributes" and name.endswith("-dead") else f"queue/{name}"


def _short(name: str) -> str:
    """Leave out what a stage puts before a name."""
    return re.sub(r"^voucher-[a-z]+-", "", name)


_OF_AN_ITEM = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _of_tables(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A transaction is no action: each of its items is asked for by its own."""
    match params:
        case {"TransactItems": items}:
            for item in items:
                for kind, part in item.items():
                    yield f"table/{_short(part['TableName'])}", _OF_AN_ITEM[kind]
        case {"RequestItems": tables}:
            for name in tables:
                yield f"table/{_short(name)}", operation
        case {"TableName": name, "IndexName": index}:
            yield f"table/{_short(name)}/index/{index}", operation
        case {"TableName": name}:
            yield f"table/{_short(name)}", operation
        case _:
            raise LookupError(f"what does dynamodb.{operation} need?")


def object_of(bucket: str, key: str) -> str:
    """Name an object by its bucket and the first part of its name; the rest are opaque ids."""
    return f"object/{bucket}/{key.partition('/')[0]}/*"


def _of_objects(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bucket = _short(params["Bucket"])
    version = "Version" if "VersionId" in params else ""
    match operation:
        case "GetObject" | "HeadObject":
            yield object_of(bucket, params["Key"]), f"GetObject{version}"
        case "PutObject":
            yield object_of(bucket, params["Key"]), "PutObject"
            if "ObjectLockMode" in params:
                yield object_of(bucket, params["Key"]), "PutObjectRetention"
            if "ObjectLockLegalHoldStatus" in params:
                yield object_of(bucket, params["Key"]), "PutObjectLegalHold"
        case "PutObjectRetention" | "PutObjectLegalHold":
            yield object_of(bucket, params["Key"]), operation
        case "DeleteObject":
            yield object_of(bucket, params["Key"]), f"DeleteObject{version}"
        case "ListObjectsV2":
            yield f"bucket/{bucket}", "ListBucket"
        case "ListObjectVersions":
            yield f"bucket/{bucket}", "ListBucketVersions"
        case "ListMultipartUploads":
            yield f"bucket/{bucket}", "ListBucketMultipartUploads"
        case "ListParts":
            yield object_of(bucket, params["Key"]), "ListMultipartUploadParts"
        case "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload":
            yield object_of(bucket, params["Key"]), "PutObject"
        case "CreateBucket":
            pass  # made by nobody: botocore looks up a form's address under this name; `_note_form` notes the form
        case _:
            raise LookupError(f"what does s3.{operation} need?")


# --------------------------------------------------------------------------- what the local cloud was asked

_ARNS = (
    (r":table/voucher-[a-z]+-(.+)$", "table/{}"),
    (r":sqs:[^:]*:\d*:voucher-[a-z]+-(.+)$", "queue/{}"),
    (r":secret:voucher-[a-z]+-(.+)-.{6}$", "secret/{}"),
    (r":s3:::voucher-[a-z]+-([a-z]+)-\d+$", "bucket/{}"),
    (r":key/(?:.+)()$", "key"),
)


def resource_of(arn: str) -> str:
    """Name what an ARN stands for as `infra.deployment.grants` does; anything else keeps its ARN."""
    for pattern, name in _ARNS:
        if found := re.search(pattern, arn):
            return name.format(found[1])
    if found := re.search(r":s3:::voucher-[a-z]+-([a-z]+)-\d+/(.+)$", arn):
        return object_of(found[1], found[2])
    return arn


class Asked(NamedTuple):
    """What the roles of a local stack asked for."""

    allowed: set[Call]
    refused: set[Call]


def asked_of(path: Path) -> Asked:
    """Read what the local cloud wrote down (`infra.local.rights`)."""
    asked = Asked(set(), set())
    roles = {re.compile(rf"\b{role_id(function)}\b"): function.name for function in FUNCTIONS}
    for line in path.read_text().splitlines() if path.exists() else ():
        told = json.loads(line)
        for role, function in roles.items():
            if role.search(told["caller"]):
                call = Call(function, resource_of(told["resource"]), told["action"].partition(":")[2])
                (asked.allowed if told["allowed"] else asked.refused).add(call)
    return asked


# --------------------------------------------------------------------------- the record of a run


def as_json(calls: Iterable[Call]) -> str:
    """Write a record: function, resource, actions, each in order."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for call in sorted(calls):
        found[call.function][call.resource].append(call.action)
    return json.dumps(found, indent=1) + "\n"


def read_record(path: Path = RECORD) -> set[Call]:
    """Read a record."""
    return {
        Call(function, resource, action)
        for function, resources in json.loads(path.read_text()).items()
        for resource, actions in resources.items()
        for action in actions
    }


def leave_record(folder: Path, worker: str) -> None:
    """Leave what this process has noted for whoever records the whole run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{worker}.json").write_text(as_json(_noted))


def main() -> None:
    """Write the committed record from what the processes of a run have left."""
    parts = sorted(Path(sys.argv[1]).glob("**/*.json"))
    calls = {call for part in parts for call in read_record(part)}
    RECORD.write_text(as_json(calls))
    sys.stdout.write(f"{len(calls)} calls of {len({call.function for call in calls})} functions\n")


if __name__ == "__main__":
    main()
