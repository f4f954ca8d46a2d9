"""The OpenAPI document: it describes what there is, and whoever follows it meets no failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from starlette.testclient import TestClient

from perdure.gateway import Gateway, asgi
from tests.gateway.conftest import ORIGIN, TOKEN
from tests.gateway.shop import Counter, app, approval, doubled

pytestmark = pytest.mark.filterwarnings("ignore")
NO_FAILURE: Any = getattr(checks, "not_a_server_error")  # noqa: B009 - its type is not known
KEY = {"x-functions-key": TOKEN}
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with app.open(":memory:") as client:
        client.entity(Counter, "a").call(Counter.add, 1).get(timeout=30)
        client.start(doubled, 2, instance_id="done").result(timeout=30)
        client.start(approval, instance_id="chair")
        yield asgi(client, token=TOKEN, hosts=["testserver"])


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> Any:
    http = TestClient(gateway, base_url=ORIGIN, headers=KEY)
    return http.get("/api/v1/openapi.json").json()


@pytest.fixture
def described(gateway: Gateway) -> Any:
    """What schemathesis asks for; a stream has no end, so it is not asked for."""
    schema: Any = schemathesis.openapi.from_asgi("/api/v1/openapi.json", gateway, headers=KEY)
    schema.config.generation.with_security_parameters = False
    return schema.exclude(path_regex="/(feed|stream)$")


def test_it_describes_every_route_and_nothing_else(gateway: Gateway, document: Any) -> None:
    table = {(o.method.lower(), re.sub(r":\w+}", "}", o.path)) for o in gateway.operations}
    told = {(method, path) for path, item in document["paths"].items() for method in item}
    names = [one["operationId"] for item in document["paths"].values() for one in item.values()]

    assert document["openapi"] == "3.1.0"
    assert told == table
    assert len(names) == len(set(names))


def test_it_tells_what_is_needed_and_what_the_limits_are(document: Any) -> None:
    purge = document["paths"]["/runtime/webhooks/durabletask/instances"]["delete"]
    top = document["paths"]["/api/v1/instances"]["get"]["parameters"]

    assert purge["x-perdure-role"] == "admin"
    assert purge["parameters"][0] == {
        "name": "createdTimeFrom",
        "in": "query",
        "description": "only started then or later",
        "required": True,
        "schema": {"type": "string", "format": "date-time"},
    }
    assert {"minimum": 1, "maximum": 1000, "type": "integer"} in [p["schema"] for p in top]
    assert document["paths"]["/api/v1/login"]["post"]["security"] == []


@pytest.mark.timeout(120)
def test_no_request_that_it_allows_meets_a_server_error(described: Any) -> None:
    asked: set[str] = set()

    def ask(case: Any) -> None:
        answer = case.call(headers=KEY)
        case.validate_response(answer, checks=[NO_FAILURE], headers=KEY)
        assert answer.status_code != 401 or case.path.endswith("/login")
        asked.add(f"{case.method} {case.path}")

    operations = [found.ok() for found in described.get_all_operations()]
    for operation in operations:
        QUICK(given(case=operation.as_strategy())(ask))()

    assert len(asked) == len(operations) > 40


@pytest.mark.timeout(120)
def test_no_sequence_of_requests_meets_a_server_error(described: Any) -> None:
    class Asking(described.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": KEY}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            case.validate_response(response, checks=[NO_FAILURE], headers=KEY)

    Asking.run(settings=settings(QUICK, max_examples=60, stateful_step_count=8))
