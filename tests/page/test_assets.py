"""The page's files: served with a policy, to anybody, and nothing beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from perdure.gateway import asgi
from perdure.gateway.assets import FOLDER
from perdure.orchestration.client import EmbeddedClient
from tests.page.shop import app

TOKEN = "a-token-of-the-page-tests-of-40-characters"
ORIGIN = "http://127.0.0.1:7071"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*"))
SCRIPTS = [FOLDER / name for name in FILES if name.endswith(".js") and "vendor" not in name]


@pytest.fixture(scope="module")
def memory() -> EmbeddedClient:
    return app.open(":memory:")


@pytest.fixture
def http(memory: EmbeddedClient) -> TestClient:
    """Asks without a token."""
    return TestClient(asgi(memory, token=TOKEN), base_url=ORIGIN)


def test_it_needs_no_token_and_has_a_strict_policy(http: TestClient) -> None:
    answer = http.get("/")

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("LICENSE")])
def test_each_file_is_served_with_its_type_and_kept_by_its_tag(
    http: TestClient, name: str
) -> None:
    path = "/" if name == "index.html" else f"/page/{name}"
    answer = http.get(path)

    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"].split("/")[0] in ("text", "image")
    tag = {"if-none-match": answer.headers["etag"]}
    assert http.get(path, headers=tag).status_code == 304


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/../assets.py", "/page/%2e%2e/assets.py", "/x"]
)
def test_nothing_else_is(http: TestClient, path: str) -> None:
    assert http.get(path).status_code == 401


def test_other_names_and_other_sites_are_refused_here_too(http: TestClient) -> None:
    assert http.get("/", headers={"host": "evil.example"}).status_code == 421
    assert http.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_it_works_where_the_gateway_is_mounted(memory: EmbeddedClient) -> None:
    gateway = asgi(memory, token=TOKEN, mounted_at="/durable")
    mounted = TestClient(Starlette(routes=[Mount("/durable", gateway)]), base_url=ORIGIN)

    assert mounted.get("/durable/").status_code == 200
    assert mounted.get("/durable/page/main.js").status_code == 200
    assert mounted.get("/durable/api/v1/overview").status_code == 401


def test_the_html_names_no_other_origin_and_holds_no_script_or_style() -> None:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")

    assert re.findall(r'(?:src|href)="(?!page/)', html) == []
    assert re.findall(r"<style|\son\w+=|<script>|style=", html) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_says_its_idea_first_is_short_and_makes_no_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.startswith("// ")
    assert len(text.splitlines()) <= 300
    unsafe = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|setHTML"
    assert re.findall(unsafe, text) == []
    assert re.findall(r"https?://", text) == []
