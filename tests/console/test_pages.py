"""The pages carry nothing from outside, say what the document says, and speak two languages."""

import gzip
import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws.objects import LINK_SECONDS, UPLOAD_SECONDS
from chalicelib.console import pages
from chalicelib.edge.describing import words
from chalicelib.edge.describing.refusals import SHARED, codes_of, said_once
from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.exchange.webhooks.model import PING, TOLD, right_of
from chalicelib.kernel.principal import Role
from chalicelib.kernel.reasons import REASONS
from tests.support.docs_example import webhook_example


def test_the_service_says_that_it_answers(api: Any) -> None:
    at = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
    answer = api().get("/healthz", at=at)
    assert answer.status == 200
    assert answer.json == {"status": "ok", "stage": "test", "time": "2026-09-01T09:00:00+08:00"}


def test_the_document_is_public(api: Any) -> None:
    answer = api().get("/openapi.json")
    assert answer.status == 200
    assert answer.json["openapi"] == "3.1.0"
    assert "/v1/vouchers" in answer.json["paths"]


@pytest.mark.parametrize("path", ["/docs", "/card"])
@pytest.mark.parametrize("lang", ["zh", "en", None])
def test_pages_are_strict_and_load_nothing_from_outside(api: Any, path: str, lang: str | None) -> None:
    page = api().get(path, {"lang": lang} if lang else None)
    assert page.status == 200, page.text[:300]
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert f'lang="{"en" if lang == "en" else "zh-CN"}"' in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    for link in links:
        assert not re.match(r"(https?:)?//|/", link), link
    assert "<style" not in page.text
    assert not re.search(r"<script(?![^>]*src=)", page.text)
    assert not re.search(r"\son\w+=", page.text)
    for link in links:
        if link.startswith("static/"):
            assert api().get(f"/{link}").status == 200


def test_a_page_in_another_language_is_refused(api: Any) -> None:
    assert api().get("/docs", {"lang": "fr"}).status == 400


def test_the_browsers_language_counts_where_none_is_asked_for(api: Any) -> None:
    page = api().get("/card", headers={"Accept-Language": "en-GB"})
    assert "My training vouchers" in page.text
    assert page.headers["Content-Language"] == "en"


def test_only_files_of_the_pages_are_served(api: Any) -> None:
    script = api().get("/static/common.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    for name in ("pages.py", "..%2Fpages.py", "nothing.css", "%2e%2e%2froutes.py"):
        assert api().get(f"/static/{name}").status in (403, 404)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_documentation_is_light_and_leads_nowhere_that_is_not(api: Any, lang: str) -> None:
    text = api().get("/docs", {"lang": lang}).text
    assert len(text.encode()) <= 680_000  # places of codes, and every word of answers
    assert len(gzip.compress(text.encode())) <= 100_000
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids
    examples = re.findall(r'data-examples="([^"]+)"', text)
    assert len(examples) > 180
    assert set(examples) <= {endpoint.name for endpoint in ENDPOINTS}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_documentation_is_complete(api: Any, lang: str) -> None:
    text = api().get("/docs", {"lang": lang}).text
    for code in REASONS:
        assert f"<code>{code}</code>" in text
    for endpoint in ENDPOINTS:
        assert f"<code>{endpoint.path}</code>" in text
    for role in Role:
        if role not in (Role.SYSTEM, Role.PUBLIC):
            assert f"<code>{role.value}</code>" in text
    for word in ("X-Message-Signature", "body_sha256", "X-Local-Now", "Idempotency-Key"):
        assert word in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_event_stands_in_the_documentation_and_in_the_document(api: Any, lang: str) -> None:
    text = api().get("/docs", {"lang": lang}).text
    document = api().get("/openapi.json").json
    names = sorted(name for told in TOLD.values() for name in told.names)
    assert sorted(document["components"]["schemas"]["WebhookEvent"]["enum"]) == names
    assert sorted(document["webhooks"]) == sorted([*names, PING])
    for name in names:
        row = re.search(rf"<tr><td><code>{name}</code></td><td>(.+?)</td><td>(.+?)</td></tr>", text)
        assert row is not None, name
        assert html.unescape(row[1]) == words.of_event(name)[lang == "en"]
        assert row[2] == (f"<code>{right}</code>" if (right := right_of(name)) else "—"), name


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_example_of_a_signature_verifies_its_own_vector_and_refuses_others(api: Any, lang: str) -> None:
    told = webhook_example(api().get("/docs", {"lang": lang}).text)
    assert told["message"]["type"] == "class.approved"
    verified, now = told["verified"], int(told["headers"]["webhook-timestamp"])
    given = [told["keys"], told["headers"], told["raw"], told["message"]["client_id"]]
    assert verified(*given, now=now + 299) == told["message"]
    for place, wrong in ((2, told["raw"].replace(b"approved", b"returned")), (3, "cli_other")):
        with pytest.raises(ValueError, match="not signed"):
            verified(*[*given[:place], wrong, *given[place + 1 :]], now=now)
    with pytest.raises(ValueError, match="not of now"):
        verified(*given, now=now + 301)


def test_how_long_links_and_forms_last_is_told_as_it_is(api: Any) -> None:
    limits = api().get("/docs", {"lang": "en"}).text.partition('<h2 id="limits">')[2].partition("<h2")[0]
    plain = " ".join(re.sub(r"<[^>]+>", "", limits).split())
    assert f"Links to files are good for {LINK_SECONDS // 60} minutes" in plain
    assert f"forms and links to upload by {UPLOAD_SECONDS // 60} minutes" in plain
    assert LINK_SECONDS != UPLOAD_SECONDS


def _operation(text: str, name: str) -> str:
    return text.partition(f'<details id="{name}">')[2].partition("</details>")[0]


def test_what_takes_a_sheet_says_so_and_nothing_else_does(api: Any) -> None:
    text = api().get("/docs", {"lang": "en"}).text
    for endpoint in ENDPOINTS:
        told = _operation(text, endpoint.name)
        assert ("or an xlsx or csv file" in told) == (endpoint.sheet and endpoint.body is not None), endpoint
        assert ("form fields" in told) == endpoint.takes_fields, endpoint


def test_an_operations_codes_are_its_own_and_those_told_once_for_its_kind(api: Any) -> None:
    text = api().get("/docs", {"lang": "en"}).text
    for endpoint in ENDPOINTS:
        errors = _operation(text, endpoint.name).partition("Other errors")[2].partition("</p>")[0]
        own = {code for codes in re.findall(r"<code>([^<]+)</code>", errors) for code in codes.split()}
        once = said_once(endpoint)
        assert own | once == {code for codes in codes_of(endpoint).values() for code in codes}, endpoint
        assert not own & once
    told = text.partition('<h2 id="codes">')[2].partition("<table>")[0]
    for kind in SHARED:
        assert (f"<code>{' '.join(kind.codes)}</code>" in told) == kind.is_said_once


def test_a_default_stands_in_the_table_of_a_query(api: Any) -> None:
    told = _operation(api().get("/docs").text, "list_webhook_deliveries")
    assert "MessageState = &#34;pending&#34;" in told
    assert "= 50" in told


def test_a_type_whose_fields_its_docstring_explains_says_so_in_both_languages(api: Any) -> None:
    told = {lang: html.unescape(api().get("/docs", {"lang": lang}).text) for lang in ("zh", "en")}
    schemas = pages.api_document()["components"]["schemas"]
    shown = re.findall(r'<details id="type-(\w+)">', told["en"])
    explained = [name for name in shown if "`" in schemas[name].get("description", "")]
    assert len(explained) > 90
    for name in explained:
        chinese, english = words.meaning_of_type(name, schemas[name])
        assert chinese, name
        assert f"<p>{chinese}</p>" in told["zh"], name
        assert f"<p>{english}</p>" in told["en"], name
    assert words.told().types.keys() <= set(shown)


def test_every_member_of_an_enumeration_that_a_field_leads_to_is_told(api: Any) -> None:
    text = api().get("/docs").text
    for name in ("Mismatch", "FootageStatus", "MessageState", "ClassStatus"):
        members = pages.api_document()["components"]["schemas"][name]["enum"]
        told = text.partition(f'<details id="type-{name}">')[2].partition("</details>")[0]
        assert f"<code>{' | '.join(members)}</code>" in told, name


def test_scripts_name_only_paths_that_exist() -> None:
    import app  # noqa: F401 - declares every endpoint

    declared = [re.sub(r"{\w+}", "[^/]+", endpoint.path) for endpoint in ENDPOINTS]
    named = set()
    for name in pages.STATIC:
        text, _ = pages.static_file(name) or ("", "")
        named |= set(re.findall(r"`(v1/[^`?]*)|\"(v1/[^\"?]*)", text))
    assert len(named) >= 8
    for parts in named:
        link = "".join(parts)
        path = "/" + re.sub(r"\$\{action[^}]*\}", "(approve|export|redrive)", link)
        pattern = re.sub(r"\$\{[^}]+\}", r"\\[\\^/\\]\\+", path)
        assert any(re.fullmatch(pattern, known_path) for known_path in declared), link
