"""Fixtures: `cloud` (moto, emptied for each test), `world` (a seeded province), `api` (HTTP as a role)."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import calls, keys

os.environ.update(
    CARD_ISSUER=keys.CARD_ISSUER,
    CARD_AUDIENCE=keys.CARD_AUDIENCE,
)

REGION = "cn-north-1"
QUEUES = ("imports", "issuance", "standings", "expiry", "reminders", "settlement", "supervision", "exports")

WORKERS = (
    "process_import",
    "issue_vouchers",
    "follow_standings",
    "expire_shard",
    "remind_shard",
    "seal_settlement",
    "evaluate_classes",
    "make_exports",
)
CONSUMERS = ("record_audit", "return_changes", "watch_changes")
JOBS = (
    "compare_audit",
    "evaluate_day",
    "expire_vouchers",
    "migrate_rows",
    "lapse_accounts",
    "receive_upload",
    "reconcile_exchange",
    "reconcile_footage",
    "reencrypt_people",
    "register_document",
    "register_footage",
    "resume_imports",
    "resume_issuance",
    "seal_audit",
    "settle_subsidies",
    "verify_ledger",
)

ON_THE_STACK = "tests/e2e/"
LONG = (
    "test_the_same_vouchers_are_there_after_kill_9",
    "test_money_holds_whatever_happens_in_whatever_order",
    "test_no_cell_allows_more_than_the_table",
    "test_the_transformed_template_is_sound",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the longest first, the rest in the random order they came in: one begun last keeps the others waiting.

    The tests on the deployed template begin before them: pytest-xdist hands out the largest scope first. Of those
    the one that needs a stack of another kind comes first, while there is none yet.
    """
    items.sort(key=lambda item: not item.name.startswith(LONG))


def pytest_configure() -> None:
    calls.watch_clients()


def pytest_sessionfinish() -> None:
    if "RECORD_CALLS" in os.environ:
        calls.leave_record(Path(os.environ["RECORD_CALLS"]), os.environ.get("PYTEST_XDIST_WORKER", "alone"))


@pytest.fixture(autouse=True)
def _within_grants() -> Iterator[None]:
    """Fail a test in which a function called what `infra.deployment.grants` does not grant it."""
    yield
    assert calls.take_ungranted() == []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all tests on the deployed template to one worker: on several, all but one would wait for the stack.

    `xdist_group` promises the same, but pytest-xdist 3.8 writes the group where pytest 9.2 no longer reads it.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneStack(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return ON_THE_STACK if nodeid.startswith(ON_THE_STACK) else nodeid

    return OneStack(config, log)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Any]:
    """Start moto once a process, with the local cloud's tables and queues in place of its own.

    With AWS_ENDPOINT_URL set, the same suite runs against that endpoint.
    """
    _name_clients_once()
    _find_tables_once()
    if "AWS_ENDPOINT_URL" in os.environ:
        _prepare()
        yield None
        return
    from moto import mock_aws

    from tests.support.in_process import TARGETS, emulator_everywhere

    elsewhere = {"core": {"passthrough": {"services": list(TARGETS)}}}
    with mock_aws(config=elsewhere), emulator_everywhere() as emulator:
        _prepare()
        yield emulator


def _name_clients_once() -> None:
    """Let a client of botocore keep how it introduces itself: it words that anew for every request."""
    from botocore.useragent import UserAgentString

    if not hasattr(UserAgentString.to_string, "cache_clear"):
        UserAgentString.to_string = functools.cache(UserAgentString.to_string)


def _find_tables_once() -> None:
    """Let botocore keep where tables are: it reasons that out for every request, a fifth of what it does."""
    from botocore.regions import EndpointRulesetResolver

    reason_out = EndpointRulesetResolver.construct_endpoint
    if reason_out.__name__ == "known_endpoint":
        return

    def known_endpoint(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
        if operation_model.service_model.service_name != "dynamodb":
            return reason_out(self, operation_model, call_args, request_context)
        known = vars(self).setdefault("_known_for_tests", {})
        if operation_model.name not in known:
            known[operation_model.name] = reason_out(self, operation_model, call_args, request_context)
        return known[operation_model.name]

    EndpointRulesetResolver.construct_endpoint = known_endpoint


def _prepare() -> None:
    """Make everything the template makes; anew for each test it would take most of the time."""
    import boto3

    sqs = boto3.client("sqs", region_name=REGION)
    for name in QUEUES:
        url = sqs.create_queue(QueueName=f"voucher-test-{name}")["QueueUrl"]
        os.environ[f"{name.upper()}_QUEUE_URL"] = url
    for name in (*WORKERS, *CONSUMERS, *JOBS):
        sqs.create_queue(QueueName=f"voucher-test-{name}-dead")
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["KeyId"]
    os.environ["DATA_KEY_ID"] = key
    secrets = boto3.client("secretsmanager", region_name=REGION)
    for name in ("signing", "index"):
        secret = json.dumps({"seed": f"test-{name}-" + "x" * 48})
        secrets.create_secret(Name=f"voucher-test-{name}", SecretString=secret)
    partners = {"card": keys.jwks(keys.CARD_KEY), "platform": keys.jwks(keys.PLATFORM_KEY, keys.SEALING_KEY)}
    told = json.dumps({name: json.loads(key_set) for name, key_set in partners.items()})
    secrets.create_secret(Name="voucher-test-partners", SecretString=told)
    s3 = boto3.client("s3", region_name=REGION)
    for name in ("intake", "evidence"):
        s3.create_bucket(
            Bucket=f"voucher-test-{name}",
            ObjectLockEnabledForBucket=name == "evidence",
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
    import app  # noqa: F401 - registers every table
    from chalicelib.aws.settings import settings

    settings.cache_clear()
    for table in _tables():
        table.create_table(billing_mode="PAY_PER_REQUEST")


def _tables() -> list[Any]:
    from chalicelib.aws.table import all_tables

    return [table for table in all_tables() if table.__module__.startswith("chalicelib.")]


def _empty(emulator: Any) -> None:
    """Empty tables and queues: quickly in this process's memory, by recreating tables elsewhere."""
    if emulator is None:
        for table in _tables():
            table.delete_table()
            table.create_table(billing_mode="PAY_PER_REQUEST")
        return
    from moto.backends import get_backend

    emulator.empty()
    for bucket in get_backend("s3")["123456789012"]["aws-cn"].buckets.values():
        bucket.keys.clear()


@pytest.fixture
def cloud(emulator: Any) -> Iterator["Cloud"]:
    """Give an empty cloud."""
    from chalicelib.aws.table import connection
    from tests.support.in_process import forgotten_listeners

    _empty(emulator)
    forget_what_is_known()
    yield Cloud()
    if emulator is not None:
        assert forgotten_listeners(connection().client.meta.events) == []


def forget_what_is_known() -> None:
    """Drop what this process remembers of rows, as another process would not know it."""
    from chalicelib.accounts.guard import forget_statuses
    from chalicelib.accounts.staff import forget_staff
    from chalicelib.catalogue.institutions.reading import forget_institutions
    from chalicelib.catalogue.projects.reading import forget_projects
    from chalicelib.classes.service import forget_classes
    from chalicelib.edge.pace import forget_paces
    from chalicelib.enrolments.verification.service import forget_previews
    from chalicelib.programs.service import forget_programs

    forget_statuses()
    forget_previews()
    forget_staff()
    forget_paces()
    forget_institutions()
    forget_projects()
    forget_classes()
    forget_programs()


class Cloud:
    """The queues of the emulated cloud, worked by hand."""

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """Take every waiting message of a queue."""
        from chalicelib.aws.clients import client

        sqs = client("sqs")
        url = os.environ[f"{queue.upper()}_QUEUE_URL"]
        bodies = []
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [json.loads(message["Body"]) for message in received]
            done = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(received)
            ]
            assert not sqs.delete_message_batch(QueueUrl=url, Entries=done).get("Failed")
        return bodies

    def work(self, queue: str, handler: Callable[[dict[str, Any], Any], Any]) -> int:
        """Give messages to a handler, as Lambda would, until none waits; fail on any failed message."""
        count = 0
        while done := self.work_once(queue, handler):
            count += done
        return count

    def work_once(self, queue: str, handler: Callable[[dict[str, Any], Any], Any]) -> int:
        """Give a handler the messages that wait now; those that it sends meanwhile wait for the next time."""
        bodies = self.messages(queue)
        records = [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(bodies)]
        if records:
            assert handler({"Records": records}, None) == {"batchItemFailures": []}
        return len(records)


@pytest.fixture
def api(cloud: Cloud) -> Any:
    """Give `api(who)`: an HTTP client in process, signed in as a role, an account or a trainee."""
    from tests.support.http import Gateway

    return Gateway()


@pytest.fixture
def world(emulator: Any, cloud: Cloud, api: Any) -> Any:
    """Give a seeded province and builders for what lives in it; seeded once, and put back for each test."""
    from tests.support.world import World

    world = World(cloud, api)
    if emulator is None:
        world.seed()
    else:
        emulator.prepare("world", world.seed)
    return world


@pytest.fixture
def lose_answers() -> Iterator[Callable[[int], None]]:
    """Let the next N answers be lost on their way back: the SDK sends the same request again."""
    from chalicelib.aws.table import connection

    left: list[float] = []

    def send_again(**_: Any) -> float | None:
        return left.pop() if left else None

    events = connection().client.meta.events
    events.register_first("needs-retry.dynamodb", send_again)
    yield lambda count: left.extend([0.0] * count)
    events.unregister("needs-retry.dynamodb", send_again)
