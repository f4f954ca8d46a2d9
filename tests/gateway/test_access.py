"""Roles, one-time links, sessions of browsers, and the audit log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from perdure.errors import InvalidInputError, StoreOpenError
from perdure.gateway import Token, asgi
from perdure.gateway.http.operations import ADMIN, OPERATE, READ, ROLES
from perdure.gateway.security.access import (
    ANYONE,
    LINK_SECONDS,
    OWNER,
    SESSION_SECONDS,
    Access,
    role_for_message,
)
from perdure.gateway.security.audit import AuditFile
from perdure.gateway.security.token_file import TokenFile
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN, TOKEN
from tests.gateway.shop import app

API = ORIGIN + "/api/v1"
SECRETS = {role: f"the secret of {role} ".ljust(40, "x") for role in ROLES}
JSON = {"content-type": "application/json"}


@pytest.fixture
def roles(client: EmbeddedClient) -> Iterator[TestClient]:
    """A gateway with a token for each role."""
    tokens = [Token.of(f"my {role}", role, secret) for role, secret in SECRETS.items()]
    with TestClient(asgi(client, token=TOKEN, tokens=tokens), base_url=ORIGIN) as http:
        yield http


def bearer(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SECRETS[role]}"}


def table() -> list[tuple[str, str, str]]:
    """Every method, path and role."""
    with app.open(":memory:") as client:
        operations = asgi(client, token=TOKEN).operations
    plain = str.maketrans("", "", "{}")
    return [
        (o.method, o.path.translate(plain).replace(":path", "").replace(":int", ""), o.role)
        for o in operations
        if o.role and not o.path.endswith(("feed", "stream"))
    ]


@pytest.mark.parametrize(("method", "path", "needed"), table())
@pytest.mark.parametrize("role", ROLES)
def test_each_route_asks_for_its_role(
    roles: TestClient, method: str, path: str, needed: str, role: str
) -> None:
    path = path.replace("message_id", "7").replace("/operation", "/suspend")
    allowed = ROLES.index(role) >= ROLES.index(needed)

    answer = roles.request(method, path, headers=bearer(role))

    assert (answer.status_code == 403) == (not allowed), answer.text
    assert answer.status_code != 401
    if not allowed:
        assert repr(needed) in answer.json()["Message"]


@pytest.mark.parametrize(
    ("target", "operation", "role"),
    [
        ("order", "purge", ADMIN),
        ("order", "terminate", OPERATE),
        ("@counter@a", "add", OPERATE),
        ("@perdure.schedule@x", "put", ADMIN),
        ("@perdure.schedule@x", "delete", ADMIN),
        ("@perdure.schedule@x", "pause", OPERATE),
    ],
)
def test_a_message_needs_the_role_of_what_it_does(
    target: str, operation: str, role: str
) -> None:
    assert role_for_message(target, operation) == role


def test_what_is_inside_of_a_request_is_authorised_too(roles: TestClient) -> None:
    path = f"{BASE}/entities/perdure.schedule/x?op=delete"

    assert roles.post(path, headers=bearer(OPERATE)).status_code == 403
    assert roles.post(path, headers=bearer(ADMIN)).status_code == 202


def test_two_tokens_in_one_request_must_be_the_same(roles: TestClient) -> None:
    headers = bearer(READ) | {"x-functions-key": SECRETS[ADMIN]}

    assert roles.get("/api/v1/session", headers=headers).status_code == 401


def test_a_token_that_can_be_guessed_or_has_no_role_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="guessed"):
        Token.of("x", READ, "short")
    with pytest.raises(InvalidInputError, match="use one of"):
        Token.of("x", "root", "x" * 40)
    assert "x" * 40 not in repr(Token.of("x", READ, "x" * 40))


# ---- browsers ---------------------------------------------------------------------------


def logged_in(http: TestClient, role: str = ADMIN) -> TestClient:
    """A browser that has followed a link."""
    url = http.post("/api/v1/login-links", headers=bearer(role)).json()["url"]
    assert url.startswith(f"{ORIGIN}/#login=")
    answer = http.post("/api/v1/login", json={"secret": url.partition("=")[2]})
    assert answer.status_code == 200
    return http


def test_a_link_logs_a_browser_in_once(roles: TestClient) -> None:
    url = roles.post("/api/v1/login-links", headers=bearer(OPERATE)).json()["url"]
    secret = {"secret": url.partition("=")[2]}

    first = roles.post("/api/v1/login", json=secret)
    second = roles.post("/api/v1/login", json=secret)

    assert first.json() == {"name": "my operate", "role": OPERATE}
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert second.status_code == 401
    assert roles.get("/api/v1/session").json() == {
        "name": "my operate",
        "role": OPERATE,
        "by": "session",
    }


@pytest.mark.parametrize("body", [{}, {"secret": 1}, {"secret": "x", "more": 1}, [], None])
def test_a_login_without_a_secret_is_refused(roles: TestClient, body: Any) -> None:
    assert roles.post("/api/v1/login", json=body).status_code == 400
    assert roles.post("/api/v1/login", json={"secret": "x" * 43}).status_code == 401


def test_a_change_in_a_session_needs_the_origin_of_the_page(roles: TestClient) -> None:
    logged_in(roles)
    path = f"{BASE}/entities/counter/a?op=add"

    def post(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return roles.post(path, content=b"1", headers=JSON | sent).status_code

    assert post() == 403
    assert post(origin="http://evil.example") == 403
    assert post(origin="http://127.0.0.1:8080") == 403
    assert post(sec_fetch_site="same-site") == 403
    assert post(origin=ORIGIN, content_type="text/plain") == 415
    assert post(origin=ORIGIN) == 202
    assert post(sec_fetch_site="same-origin") == 202


def test_a_session_ends(roles: TestClient) -> None:
    logged_in(roles)
    kept = roles.cookies.get("perdure_session")
    assert kept is not None

    assert roles.post("/api/v1/logout", headers={"origin": ORIGIN}).status_code == 200

    cookie = {"cookie": f"perdure_session={kept}"}
    assert roles.get("/api/v1/session", headers=cookie).status_code == 401


def test_two_cookies_of_one_name_are_none(roles: TestClient) -> None:
    logged_in(roles)
    kept = roles.cookies.get("perdure_session")
    roles.cookies.clear()

    cookie = {"cookie": f"perdure_session={kept}; perdure_session=x"}
    assert roles.get("/api/v1/session", headers=cookie).status_code == 401


def test_links_and_sessions_last_so_long_and_not_longer() -> None:
    now = 0.0
    access = Access(lambda: [Token.of(OWNER.name, OWNER.role, TOKEN)], now=lambda: now)
    first, second = access.new_link(OWNER), access.new_link(OWNER)
    now = LINK_SECONDS
    opened = access.log_in(first)
    assert opened is not None
    session = opened[0]
    now = LINK_SECONDS + 0.1
    assert access.log_in(second) is None
    now = LINK_SECONDS + SESSION_SECONDS
    assert access.identify([], session) is not None
    now += 0.1
    assert access.identify([], session) is None


def test_a_session_ends_with_its_token(tmp_path: Path) -> None:
    file = TokenFile(str(tmp_path / "shop.db"))
    secret = file.add("me", OPERATE, datetime.now(UTC))
    access = Access(file.tokens)
    identity = access.identify([secret], None)
    assert identity is not None
    opened = access.log_in(access.new_link(identity))
    assert opened is not None
    assert access.identify([], opened[0]) is not None

    file.remove("me")

    assert access.identify([], opened[0]) is None
    assert access.identify([secret], None) is None


def test_without_authentication_everybody_is_somebody() -> None:
    access = Access.by(None)

    assert access.identify([], None) == ANYONE
    assert access.identify(["anything"], None) == ANYONE


# ---- the file of tokens -----------------------------------------------------------------


def test_tokens_are_kept_as_hashes_that_only_their_owner_reads(tmp_path: Path) -> None:
    file = TokenFile(str(tmp_path / "shop.db"))
    secret = file.add("grafana", READ, datetime.now(UTC))

    assert secret not in Path(file.path).read_text(encoding="utf-8")
    assert Path(file.path).stat().st_mode & 0o777 == 0o600
    assert [(entry.name, entry.role) for entry in file.entries()] == [("grafana", READ)]
    for name in ("grafana", "owner"):
        with pytest.raises(InvalidInputError, match="another name"):
            file.add(name, READ, datetime.now(UTC))
    with pytest.raises(InvalidInputError, match="no token"):
        file.remove("nobody")


@pytest.mark.parametrize("content", ["no JSON", "{}", '[{"name":1}]'])
def test_a_file_of_tokens_that_is_damaged_is_told(tmp_path: Path, content: str) -> None:
    file = TokenFile(str(tmp_path / "shop.db"))
    Path(file.path).write_text(content, encoding="utf-8")
    Path(file.path).chmod(0o600)

    with pytest.raises(StoreOpenError, match="holds no tokens"):
        file.tokens()
    Path(file.path).chmod(0o640)
    with pytest.raises(StoreOpenError, match="others may"):
        file.tokens()


# ---- the audit log ----------------------------------------------------------------------


def test_what_was_done_to_a_store_is_written_down_without_secrets(
    roles: TestClient, tmp_path: Path
) -> None:
    file = AuditFile(str(tmp_path / "audit.log"))
    roles.post(f"{BASE}/orchestrators/approval/chair", headers=bearer(ADMIN))
    event = f"{BASE}/instances/chair/raiseEvent/other"
    roles.post(event, json="a secret input", headers=bearer(ADMIN))
    roles.post(f"{BASE}/instances/chair/terminate?reason=private", headers=bearer(OPERATE))
    roles.delete(f"{BASE}/instances/chair", headers=bearer(READ))
    roles.delete(f"{BASE}/instances/nobody", headers=bearer(ADMIN))
    roles.post("/api/v1/login", json={"secret": "guessed"})
    file.close()

    text = (tmp_path / "audit.log").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]

    assert [(e["who"], e["path"].rpartition("/")[2], e["result"]) for e in entries] == [
        ("my operate", "{operation}", "done"),
        ("my read", "{instance_id}", "refused"),
        ("my admin", "{instance_id}", "refused"),
        ("", "login", "refused"),
    ]
    assert entries[0]["target"] == {"instance_id": "chair", "operation": "terminate"}
    assert [entry["status"] for entry in entries] == [202, 403, 404, 401]
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600
    for secret in (*SECRETS.values(), "a secret input", "guessed", "private"):
        assert secret not in text


def test_an_audit_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    before = logging.getLogger("perdure.audit").handlers[:]
    with pytest.raises(StoreOpenError, match="audit log"):
        AuditFile(str(tmp_path))
    assert logging.getLogger("perdure.audit").handlers == before
