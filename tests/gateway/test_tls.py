"""TLS: the gateway speaks it with a certificate, and cookies are kept to it."""

from __future__ import annotations

import http.client
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from perdure.errors import InvalidInputError
from perdure.gateway import asgi
from perdure.gateway.serving import Certificate, Serving, check_exposure, listen
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import TOKEN

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for localhost that signs itself."""
    path, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    )
    where = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(path)]
    subprocess.run([*command.split(), *where, *files], check=True, capture_output=True)
    return Certificate(str(path), str(key))


def test_it_speaks_tls_and_nothing_else(
    client: EmbeddedClient, certificate: Certificate
) -> None:
    gateway = asgi(client, token=TOKEN)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = Serving(gateway, listener, certificate=certificate)
    serving.start()
    try:
        trusted = ssl.create_default_context(cafile=certificate.path)
        connection = http.client.HTTPSConnection("localhost", port, context=trusted, timeout=30)
        key = {"authorization": f"Bearer {TOKEN}"}
        connection.request("POST", "/api/v1/login-links", headers=key)
        url = connection.getresponse().read().decode()
        assert f"https://localhost:{port}/#login=" in url
        secret = url.partition("#login=")[2].rstrip('"}')
        body = f'{{"secret":"{secret}"}}'
        json = {"content-type": "application/json"}
        connection.request("POST", "/api/v1/login", body, json)
        answer = connection.getresponse()
        assert "Secure" in str(answer.headers["set-cookie"])
        connection.close()

        plain = http.client.HTTPConnection("localhost", port, timeout=30)
        plain.request("GET", "/")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
    finally:
        serving.stop()


def test_a_certificate_that_is_none_is_told(client: EmbeddedClient, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing", encoding="ascii")

    for path in (tmp_path / "none.pem", tmp_path / "missing.pem"):
        with listen("127.0.0.1", 0) as listener, pytest.raises(InvalidInputError, match="cert"):
            Serving(asgi(client, token=TOKEN), listener, certificate=Certificate(str(path)))


def test_with_tls_others_may_be_served_by_the_names_that_are_given() -> None:
    check_exposure("0.0.0.0", has_token=True, public_url=None, has_tls=True, names=["shop"])
    check_exposure("192.168.1.5", has_token=True, public_url=None, has_tls=True)
    with pytest.raises(InvalidInputError, match="--allow-host"):
        check_exposure("0.0.0.0", has_token=True, public_url=None, has_tls=True)
    with pytest.raises(InvalidInputError, match="without a token"):
        check_exposure("0.0.0.0", has_token=False, public_url=None, has_tls=True, names=["x"])
