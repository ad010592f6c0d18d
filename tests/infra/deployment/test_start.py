"""A deployed function, run from the archive: it finds its handler, and loads what it serves and no more."""

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.deployment.functions import API, FUNCTIONS, Function, handler
from infra.deployment.package import ARCHIVE
from tests.support.archive import HTTP, Unpacked, package

JOBS = [function for function in FUNCTIONS if function.name != API]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    unpacked = Unpacked.of(package("prod") / ARCHIVE, tmp_path_factory.mktemp("archive"))
    yield unpacked
    unpacked.forget()


def _program() -> Any:
    return importlib.import_module("app")


def _get(path: str) -> str:
    """Give the code that has the program answer a request for a path, into `answer`."""
    event = {
        "requestContext": {"resourcePath": path, "httpMethod": "GET", "path": path, "identity": {}},
        "headers": {"Accept": "*/*"},
        "pathParameters": {"class_id": "cls_1"},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    return f"import sys, json, app; answer = app.app(json.loads({json.dumps(event)!r}), None)"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_finds_its_handler_and_loads_no_step_before_it_is_asked_to(
    unpacked: Unpacked, function: Function
) -> None:
    code = (
        f"import sys, app; assert callable({handler(function)}); "
        "parts = [name.split('.') for name in sys.modules]; "
        "print([name for name in parts if name[-1] in ('routes', 'service', 'jobs')"
        " and name[0] == 'chalicelib' and name[1] != 'edge'])"
    )
    assert unpacked.run(code, handler=handler(function)).written == "[]\n"


def test_a_figure_can_be_written_from_the_archive_and_loads_its_library_only_then(unpacked: Unpacked) -> None:
    code = (
        "import sys, app; from chalicelib.aws import logs, metrics; "
        "assert 'aws_lambda_powertools' not in sys.modules; logs.measure(metrics.SIGN_INS_FAILED)"
    )
    assert json.loads(unpacked.run(code, handler=HTTP).written)["SignInsFailed"] == [1.0]


_CERTIFICATE = """
import datetime, sys
import chalicelib.edge.tokens
from chalicelib.aws.jose import ECKey
assert "cryptography.x509" not in sys.modules, "a sixth of a start, for nobody"
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key, day = ec.generate_private_key(ec.SECP256R1()), datetime.datetime(2026, 9, 1)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a school")])
made = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day + datetime.timedelta(days=9))
shown = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
told = ECKey.import_key(shown).as_dict(private=False)["x"]
print(told == ECKey.import_key(key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)).as_dict(private=False)["x"])
"""


def test_a_token_is_proved_without_what_only_certificates_need(unpacked: Unpacked) -> None:
    assert unpacked.run(_CERTIFICATE, handler=HTTP).written.split() == ["True"]


@pytest.mark.parametrize("function", JOBS, ids=lambda function: function.name)
def test_a_worker_needs_no_module_that_only_another_function_loads(
    unpacked: Unpacked, function: Function
) -> None:
    [(step, kind)] = [(step, kind) for name, step, kind in _program().FUNCTIONS if name == function.name]
    code = (
        f"import sys, app; from chalicelib.{step} import jobs; assert callable(jobs.{function.name}); "
        "print([name for name in sys.modules if name.endswith('.routes')])"
    )
    assert unpacked.run(code, handler=handler(function)).written == "[]\n"
    queued = _program().Kind.QUEUE
    assert (kind is queued) == (function.queue is not None), "messages need a worker that takes messages"


def test_a_path_loads_the_routes_it_needs_and_these_answer(unpacked: Unpacked) -> None:
    loaded = "print(answer['statusCode'], sorted(name for name in sys.modules if name.endswith('.routes')))"
    for path, told in {
        "/healthz": "200 ['chalicelib.console.routes']",
        "/v1/classes/{class_id}": "401 ['chalicelib.classes.applications.routes', 'chalicelib.classes.showing.routes']",
        "/v1/classes/{class_id}/roster": "401 ['chalicelib.classes.rosters.routes']",
    }.items():
        assert unpacked.run(f"{_get(path)}; {loaded}", handler=HTTP).written.strip() == told, path


def test_each_path_has_all_its_methods_when_its_own_modules_are_loaded(unpacked: Unpacked) -> None:
    code = """
import json, os, app
from chalicelib.aws.index import index
for path, modules in index().routes.items():
    if os.fork() == 0:  # a blueprint can be registered only once in a process
        app.app.load(modules)
        os.write(1, json.dumps([path, sorted(app.app.routes[path])]).encode() + b"\\n")
        os._exit(0)
    os.wait()
"""
    told = dict(map(json.loads, unpacked.run(code, handler=HTTP).written.splitlines()))
    assert told == {path: sorted(methods) for path, methods in _program().app.routes.items()}


def test_the_description_holds_every_endpoint_whatever_was_asked_before(unpacked: Unpacked) -> None:
    from chalicelib.console.pages import made_document

    _program()
    served = f"{_get('/openapi.json')}; print(answer['body'])"
    told = json.loads(unpacked.run(served, handler=HTTP).written)
    assert told | {"servers": []} == json.loads(json.dumps(made_document())) | {"servers": []}


def test_a_consumer_of_changes_finds_every_table(unpacked: Unpacked) -> None:
    from chalicelib.aws.table import all_tables, settings

    _program()
    tables = {
        table.Meta.table_name.removeprefix(settings().table_prefix)
        for table in all_tables()
        if table.__module__.startswith("chalicelib.")
    }
    code = """
import json, app
from chalicelib.aws.index import index
from chalicelib.aws.table import table_named
print(json.dumps({name: table_named(name).Meta.table_name for name in index().tables}))
"""
    told = json.loads(unpacked.run(code, handler="app.record_audit").written)
    assert told == {name: f"voucher-prod-{name}" for name in tables}
