"""The client API over HTTP: the field's routes and ours, through the whole gateway."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.testclient import TestClient

from perdure import errors
from perdure.gateway import asgi
from tests.models.api import Command, Entry, Refused, Status
from tests.models.boxes import WITH_RESULT
from tests.models.embedded import OnSqlite, findings

TOKEN = "a-token-of-the-models-of-40-characters.."
ORIGIN = "http://127.0.0.1:7071"
FIELD = "/runtime/webhooks/durabletask"
OURS = "/api/v1"
TOKEN_HEADER = "x-ms-continuation-token"


class OverHttp:
    """The Api over HTTP, on threads and SQLite."""

    can = frozenset[str]()

    def __init__(self) -> None:
        self._life = OnSqlite()
        self.advance = self._life.advance
        self.settle = self._life.settle
        self._http = self._reach()

    def _reach(self) -> TestClient:
        gateway = asgi(self._life.client, token=TOKEN)
        http = TestClient(gateway, base_url=ORIGIN, headers={"x-functions-key": TOKEN})
        http.__enter__()
        return http

    def crash(self) -> None:
        self._http.__exit__()
        self._life.crash()
        self._http = self._reach()

    def reopen(self) -> None:
        self._http.__exit__()
        self._life.reopen()
        self._http = self._reach()

    def end(self) -> None:
        self._http.__exit__()
        self._life.end()

    def findings(self) -> list[str]:
        return findings(self._life.client)

    # ---- asking ---------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        request_id: str | None = None,
        **parameters: str,
    ) -> Any:
        named = {} if request_id is None else {"idempotency-key": request_id}
        answer = self._http.request(
            method, path, json=body, params=parameters, headers=named, follow_redirects=False
        )
        if answer.status_code >= 400:
            kind = answer.json().get("ExceptionType", "")
            raise Refused(kind.rsplit(".", 1)[-1] or str(answer.status_code))
        return answer.json() if answer.content else None

    def _pages(self, path: str, page: int, **parameters: str) -> list[Any]:
        """All pages of a list."""
        found: list[Any] = []
        token: str | None = ""
        while token is not None:
            answer = self._http.get(
                path,
                params={"top": str(page), **parameters},
                headers={TOKEN_HEADER: token} if token else {},
            )
            assert answer.status_code == 200, answer.text
            assert len(answer.json()) <= page
            found += answer.json()
            token = answer.headers.get(TOKEN_HEADER)
        return found

    # ---- entities -------------------------------------------------------------------------

    def signal(
        self,
        key: str,
        operation: str,
        arguments: list[Any],
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        assert delay is None
        body = body_of(operation, arguments)
        self._ask("POST", box_url(key), body=body, request_id=request_id, op=operation)

    def call(
        self, key: str, operation: str, arguments: list[Any], request_id: str | None = None
    ) -> Any:
        answer = self._ask(
            "POST",
            box_url(key),
            body=body_of(operation, arguments),
            request_id=request_id,
            op=operation,
            wait="true",
        )
        if answer is None and request_id and operation in WITH_RESULT:
            raise Refused(errors.RequestMismatchError)  # the id was a signal's: no result
        return answer

    def delete(self, key: str) -> None:
        self._ask("DELETE", box_url(key))

    def state(self, key: str) -> dict[str, Any] | None:
        return self._found(box_url(key))

    def _found(self, path: str, **parameters: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._ask("GET", path, **parameters)
        except Refused as refusal:
            if refusal.kind in ("404", "InstanceNotFoundError"):
                return None
            raise
        return found

    def as_of(self, key: str, version: int) -> dict[str, Any] | None:
        return self._found(f"{OURS}/entities/box/{segment(key)}/as_of", version=str(version))

    def history(self, key: str, after: int) -> list[Entry]:
        url = f"{OURS}/entities/box/{segment(key)}/history"
        events = self._pages(url, 3, after=str(after))
        return [Entry(each["version"], each["operation"], each["kind"]) for each in events]

    def boxes(self, page: int) -> list[tuple[str, dict[str, Any]]]:
        items = self._pages(f"{FIELD}/entities/Box", page, fetchState="true")
        return [(item["entityId"]["key"], item["state"]) for item in items]

    def watched(self, key: str, amount: int) -> list[int]:
        raise NotImplementedError

    def changes(self) -> dict[str, list[Entry]]:
        raise NotImplementedError

    # ---- orchestrations -------------------------------------------------------------------

    def start(
        self,
        instance: str,
        total: int,
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        assert delay is None
        path = f"{FIELD}/orchestrators/clerk/{segment(instance)}"
        links = self._ask("POST", path, body=total, request_id=request_id)
        assert links["id"] == instance

    def start_or_get(self, instance: str, total: int, *, replace_finished: bool) -> None:
        raise NotImplementedError

    def signal_with_start(self, instance: str, command: Command, total: int) -> None:
        raise NotImplementedError

    def raise_event(
        self, instance: str, command: Command, request_id: str | None = None
    ) -> None:
        path = f"{instance_url(instance)}/raiseEvent/DO"
        self._ask("POST", path, body=command, request_id=request_id)

    def tell(self, instance: str, what: str) -> None:
        try:
            if what == "purge":
                self._ask("DELETE", instance_url(instance))
            else:
                self._ask("POST", f"{instance_url(instance)}/{what}")
        except Refused as refusal:
            # the field's statuses for the wrong status: 400, and 410 where it has ended
            if refusal.kind in ("400", "410"):
                raise Refused(errors.WrongStatusError) from refusal
            raise

    def terminate(self, instance: str, output: str) -> None:
        self._ask("POST", f"{instance_url(instance)}/terminate", reason=output)

    def restart(self, instance: str) -> None:
        path = f"{instance_url(instance)}/restart"
        try:
            links = self._ask("POST", path, restartWithNewInstanceId="false")
        except Refused as refusal:
            if refusal.kind == "InvalidInputError":  # as in the field
                raise Refused(errors.InstanceNotFoundError) from refusal
            raise
        assert links["id"] == instance

    def status(self, instance: str) -> Status | None:
        payload = self._found(instance_url(instance))
        return None if payload is None else status_of(payload)

    def result(self, instance: str) -> Any:
        raise NotImplementedError

    def query(self, statuses: list[str] | None, prefix: str, page: int) -> list[Status]:
        wanted = {"instanceIdPrefix": prefix}
        if statuses is not None:
            wanted["runtimeStatus"] = ",".join(statuses)
        return list(map(status_of, self._pages(f"{FIELD}/instances", page, **wanted)))

    def count(self, prefix: str) -> dict[str, int]:
        counts: dict[str, int] = self._ask("GET", f"{OURS}/counts", instanceIdPrefix=prefix)
        return counts

    def purge_all(self, statuses: list[str]) -> bool:
        wanted = {
            "createdTimeFrom": "2000-01-01T00:00:00Z",
            "runtimeStatus": ",".join(statuses),
        }
        try:
            answer = self._ask("DELETE", f"{FIELD}/instances", **wanted)
        except Refused as refusal:
            if refusal.kind == "InstanceNotFoundError":
                return False
            raise
        return bool(answer["instancesDeleted"] > 0)


def segment(text: str | bytes) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def box_url(key: str) -> str:
    return f"{FIELD}/entities/Box/{segment(key)}"


def instance_url(instance: str) -> str:
    return f"{FIELD}/instances/{segment(instance)}"


def body_of(operation: str, arguments: list[Any]) -> Any:
    """One argument is the body, several are an object."""
    names = {"say": ("word", "times"), "pass_on": ("key", "amount"), "remind": _REMIND}
    if operation in names:
        return dict(zip(names[operation], arguments, strict=False))
    return arguments[0] if arguments else None


_REMIND = ("seconds", "amount")


def status_of(payload: dict[str, Any]) -> Status:
    """What is compared of a status; the output of one that failed says why."""
    failed = payload["runtimeStatus"] in ("Failed", "Canceled")
    return Status(
        instance_id=payload["instanceId"],
        name=payload["name"],
        status=payload["runtimeStatus"],
        input=payload["input"],
        output=None if failed else payload["output"],
        custom=payload["customStatus"],
    )
