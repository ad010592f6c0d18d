"""HTTP of the service itself: health, the API's description, and the pages that scripts fill."""

from datetime import datetime
from typing import Any, Literal

from chalicelib.aws.settings import settings
from chalicelib.console import pages
from chalicelib.edge import openapi
from chalicelib.edge.endpoints import PUBLIC, AnswerKind, Call, NoQuery, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.reasons import error

api = Api(__name__)

_HTML = "text/html; charset=utf-8"
_STATIC = pages.static_types()


class HealthAnswer(Answer):
    """The service answers, in this stage, and takes it to be this time."""

    status: str
    stage: str
    time: datetime


class PageQuery(Form):
    """In which language; by default the browser's."""

    lang: Literal["zh", "en"] | None = None


@api.endpoint("GET", "/healthz", action=PUBLIC, answer=HealthAnswer, summary="Whether the service answers")
def check_health(call: Call[None, NoQuery]) -> HealthAnswer:
    return HealthAnswer(status="ok", stage=settings().stage, time=call.context.now)


@api.endpoint("GET", "/openapi.json", action=PUBLIC, answer=dict[str, Any], summary="This API as OpenAPI 3.1")
def read_openapi(call: Call[None, NoQuery]) -> dict[str, Any]:
    document = pages.api_document()
    return openapi.at(document, call.address) if call.address else document


@api.endpoint(
    "GET",
    "/docs",
    action=PUBLIC,
    query=PageQuery,
    answer=str,
    content_type=_HTML,
    summary="This API for people",
)
def read_docs(call: Call[None, PageQuery]) -> Reply:
    return _page(call, "docs")


@api.endpoint(
    "GET",
    "/card",
    action=PUBLIC,
    query=PageQuery,
    answer=str,
    content_type=_HTML,
    summary="The page of trainees",
)
def open_card(call: Call[None, PageQuery]) -> Reply:
    return _page(call, "card")


@api.endpoint(
    "GET",
    "/static/{name}",
    action=PUBLIC,
    answer=str,
    content_type=_STATIC[0],
    also=[AnswerKind(str, content_type=content_type) for content_type in _STATIC[1:]],
    summary="Styles and scripts of the pages",
)
def read_static(call: Call[None, NoQuery], name: str) -> Reply:
    del call
    file = pages.static_file(name)
    if file is None:
        raise error("not_found")
    text, content_type = file
    return Reply(text, content_type=content_type, headers={"Cache-Control": "public, max-age=300"})


def _page(call: Call[None, PageQuery], name: str) -> Reply:
    english = call.query.lang == "en" if call.query.lang else call.english
    headers = {**pages.SECURITY_HEADERS, "Content-Language": "en" if english else "zh-CN"}
    return Reply(pages.page(name, english=english), content_type=_HTML, headers=headers)
