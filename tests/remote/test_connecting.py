"""Where a client connects to, and with what: checked before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.remote.known import Known
from perdure.remote.place import Place, place_of
from tests.contracts.clients import Counter, app, ordering

SECRET = "s" * 40


def place(url: str, environment: dict[str, str] | None = None, **given: Any) -> Place:
    options: dict[str, Any] = {"verify": True, "allow_plain_http": False, **given}
    token, file = options.pop("token", None), options.pop("token_file", None)
    return place_of(url, token, file, environment=environment or {}, **options)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1",
        "127.0.0.1:7071",
        "http://",
        "http://127.0.0.1:99999",
        "http://user:secret@127.0.0.1:7071",
        "http://127.0.0.1:7071/?code=secret",
        "http://[::1",
        "",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(perdure.InvalidInputError) as caught:
        place(url)
    assert "user:secret" not in str(caught.value)


def test_the_base_address_of_the_field_will_do() -> None:
    base = "https://a.example/shop/runtime/webhooks/durabletask/"

    assert place(base).url == "https://a.example/shop"


def test_a_token_goes_to_another_machine_with_tls_only() -> None:
    with pytest.raises(perdure.InvalidInputError, match="in the clear") as caught:
        place("http://a.example", token=SECRET)
    assert SECRET not in str(caught.value)
    assert place("https://a.example", token=SECRET).token == SECRET
    assert place("http://a.example").token is None
    assert place("http://a.example", token=SECRET, allow_plain_http=True).token == SECRET
    for local in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        assert place(local, token=SECRET).is_local


def test_the_token_is_the_given_one_then_that_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "a.db.token"
    file.write_text("f" * 40 + "\n")
    url = "http://127.0.0.1:7071"
    named = {"PERDURE_TOKEN_FILE": str(file)}
    given = {"PERDURE_TOKEN": "e" * 40}

    assert place(url).token is None
    assert place(url, named).token == "f" * 40
    assert place(url, named | given).token == "e" * 40
    assert place(url, named | given, token_file=file).token == "f" * 40
    assert place(url, named | given, token=SECRET).token == SECRET
    assert SECRET not in repr(place(url, token=SECRET))
    with pytest.raises(perdure.InvalidInputError, match="cannot be read"):
        place(url, token_file=tmp_path / "nothing")
    with pytest.raises(perdure.InvalidInputError, match="characters"):
        place(url, token="two\nlines")


def test_with_an_app_its_names_count_and_without_one_their_own() -> None:
    other = perdure.App("other", version="7")

    @other.entity(name="renamed")
    class Thing(perdure.Entity):
        value: int = 0

    with_app, without = Known(other), Known(None)

    assert with_app.entity(Thing).kind == "renamed"
    assert without.entity(Thing).kind == "thing"
    assert without.entity("thing").cls is Thing
    assert with_app.entity("counter").function is not None
    assert with_app.programs.version == "7"
    with pytest.raises(perdure.UnknownEntityError, match="'other'"):
        with_app.entity(Counter)
    with pytest.raises(perdure.UnknownOrchestratorError):
        with_app.programs.registry.orchestrator(ordering)
    assert Known(app).programs.registry.orchestrator(ordering).name == "ordering"
    with pytest.raises(perdure.DefinitionError):
        without.entity(int)
