"""A server proves who it is by its certificate, or nothing is sent to it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

import perdure
from perdure.gateway import asgi
from perdure.gateway.serving import Certificate, Serving, listen
from tests.contracts.clients import TOKEN, app

MAKE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_a_certificate_proves_who_the_server_is(tmp_path: Path) -> None:
    path, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [*MAKE.split(), *name, "-keyout", key, "-out", path]
    subprocess.run(command, check=True, capture_output=True)
    listener = listen("127.0.0.1", 0)
    url = f"https://localhost:{listener.getsockname()[1]}"
    with app.open(":memory:") as local:
        gateway = asgi(local, token=TOKEN)
        serving = Serving(gateway, listener, certificate=Certificate(path, key))
        serving.start()
        try:
            with (
                perdure.connect(url, token=TOKEN) as client,
                pytest.raises(perdure.ServerUnreachableError, match="prove who it is"),
            ):
                client.count()
            trusting = ssl.create_default_context(cafile=path)
            with perdure.connect(url, token=TOKEN, verify=trusting) as client:
                assert client.count() == {}
        finally:
            serving.stop()
