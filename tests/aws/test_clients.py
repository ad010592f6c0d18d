"""What other services of AWS do not answer is "try again", with a time; what a program asks wrongly is its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from chalicelib.aws import clients
from chalicelib.aws.clients import AskedWrongly, TooLate, asking_within, client
from chalicelib.aws.crypto import forget_data_keys
from chalicelib.aws.keys import forget_keys
from chalicelib.aws.table import connection
from chalicelib.kernel.errors import Unavailable

SERVICES = ("sqs", "s3", "kms", "secretsmanager")


@contextmanager
def failing(service: str, failure: BaseException | tuple[int, str]) -> Iterator[None]:
    """Let every call to a service end like this."""

    class Told:
        headers: Any = {}  # noqa: RUF012 - nobody writes it
        status_code = failure[0] if isinstance(failure, tuple) else 0

    def fail(**_: Any) -> Any:
        if isinstance(failure, tuple):
            told = {"HTTPStatusCode": failure[0]}
            return Told(), {"Error": {"Code": failure[1], "Message": ""}, "ResponseMetadata": told}
        raise failure

    events = client(service).meta.events
    events.register_first("before-call", fail)
    try:
        yield
    finally:
        events.unregister("before-call", fail)


FAILURES = (
    ReadTimeoutError(endpoint_url="https://aws.invalid"),
    EndpointConnectionError(endpoint_url="https://aws.invalid"),
    (500, "InternalError"),
    (503, "ServiceUnavailable"),
    (400, "ThrottlingException"),
    (403, "RequestThrottled"),
)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_what_a_service_does_not_answer_is_try_again(cloud: Any, service: str, failure: Any) -> None:
    calls = {
        "sqs": lambda: client("sqs").list_queues(),
        "s3": lambda: client("s3").list_buckets(),
        "kms": lambda: client("kms").list_keys(),
        "secretsmanager": lambda: client("secretsmanager").list_secrets(),
    }
    with failing(service, failure), pytest.raises(Unavailable, match="try_again"):
        calls[service]()


def test_what_a_service_refuses_for_good_is_told_as_it_is(cloud: Any) -> None:
    with failing("s3", (404, "NoSuchKey")), pytest.raises(ClientError, match="NoSuchKey"):
        client("s3").get_object(Bucket="voucher-test-intake", Key="x")


def test_a_call_that_cannot_be_made_is_a_mistake_of_the_program(cloud: Any) -> None:
    with pytest.raises(AskedWrongly):
        client("s3").get_object(Bucket="voucher-test-intake")


@pytest.mark.parametrize(
    ("service", "failure"),
    [
        ("kms", (400, "DisabledException")),
        ("kms", ReadTimeoutError(endpoint_url="https://aws.invalid")),
        ("secretsmanager", (400, "DecryptionFailure")),
        ("secretsmanager", EndpointConnectionError(endpoint_url="https://aws.invalid")),
        ("s3", (403, "AccessDenied")),
        ("sqs", (403, "AccessDenied")),
    ],
    ids=str,
)
def test_whatever_service_fails_the_answer_is_503_with_a_time(world: Any, service: str, failure: Any) -> None:
    """Formerly 500, which tells a client to give up and a clerk that the program is broken."""
    from tests.vouchers.lists import graduate_of, ready_list

    province = world.api("province")
    record = ready_list(world, [[graduate_of(world.person(100), 2)]])
    path = f"/v1/programs/{world.program_id}/issuance-batches"
    body = {"import_id": record.id, "declared_count": 1}
    version = province.post(path, body, at=world.now).json
    forget_keys()
    forget_data_keys()
    approve = f"{path}/{version['id']}/approve"
    with failing(service, failure):
        if service == "sqs":
            told = world.api("province_two").post(approve, {"version": version["version"]}, at=world.now)
        else:
            told = province.post(path, body, at=world.now)
    assert (told.status, told.json["code"]) == (503, "try_again"), told.text
    assert int(told.headers["Retry-After"]) >= 1


def test_a_request_begins_no_call_when_its_time_is_over(cloud: Any) -> None:
    sent: list[str] = []
    for made in (client("sqs"), client("s3"), client("kms"), client("secretsmanager"), connection().client):

        def note(request: Any, **_: Any) -> None:
            sent.append(request.url)

        made.meta.events.register("before-send", note)
        try:
            with asking_within(-1), pytest.raises((Unavailable, TooLate)):
                (getattr(made, "list_tables", None) or _any_call(made))()
        finally:
            made.meta.events.unregister("before-send", note)
    assert sent == []


def _any_call(made: Any) -> Any:
    service = made.meta.service_model.service_name
    names = {"sqs": "list_queues", "s3": "list_buckets", "kms": "list_keys", "secretsmanager": "list_secrets"}
    return getattr(made, names[service])


def test_the_worst_case_of_a_request_ends_before_its_function_does() -> None:
    from infra.deployment.functions import API, FUNCTIONS

    one_call = clients.CONNECT_TIMEOUT_SECONDS + clients.READ_TIMEOUT_SECONDS
    pause_at_most = 2  # of botocore's standard retries, before the last of three
    api = next(function for function in FUNCTIONS if function.name == API)
    assert clients.MAX_ATTEMPTS <= 3
    assert clients.ASKING_SECONDS + one_call + pause_at_most < api.timeout_seconds < 29


def test_the_time_of_a_request_is_known_in_the_threads_it_starts(cloud: Any) -> None:
    from chalicelib.aws.objects import read_objects

    with asking_within(-1), pytest.raises(Unavailable):
        list(read_objects("voucher-test-intake", ["a", "b"]))
    began = time.monotonic()
    assert list(read_objects("voucher-test-intake", ["a", "b"])) == [None, None]
    assert time.monotonic() - began < 5
