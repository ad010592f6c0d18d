"""The pages carry nothing from outside, say what the document says, and speak two languages."""

import gzip
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.console import pages
from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.kernel.principal import Role
from chalicelib.kernel.reasons import REASONS


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
    assert len(text.encode()) <= 650_000
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
