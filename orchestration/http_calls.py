"""``ctx.call_http``: an HTTP request by an activity, and the polling of what is accepted.

A server that answers 202 with a ``Location`` works on it: the location is asked again, behind
durable timers, until the answer is another one. The
request itself is an activity's (``http_activity.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import attrs
import msgspec

from perdure.actors.context import to_micros
from perdure.errors import InvalidInputError
from perdure.orchestration.entity_calls import EntityCalls
from perdure.orchestration.retry import RetryPolicy
from perdure.orchestration.tasks import Task

HTTP = "perdure.http"
"""The name of the activity; ``with_activities({"perdure.http": …})`` replaces it in tests."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
POLL_SECONDS = 10
MOST_POLL_SECONDS = 24 * 3600
_KEPT_ELSEWHERE = frozenset({"accept", "accept-language", "user-agent"})


@attrs.frozen
class HttpResponse:
    """What a server has answered.

    Attributes:
        status_code: of the answer; errors such as 404 are answers too.
        headers: by name in lower case; of one that comes several times all, with commas.
        content: the body as text.
    """

    status_code: int
    headers: dict[str, str]
    content: str

    def json(self) -> Any:
        """The body as plain JSON values.

        Raises:
            InvalidInputError: it is no JSON.
        """
        try:
            return msgspec.json.decode(self.content)
        except msgspec.MsgspecError as error:
            msg = f"the body of the answer {self.status_code} is no JSON: {error}"
            raise InvalidInputError(msg) from error


@attrs.frozen
class HttpRequest:
    """What the activity is asked for; it is stored in the history as it is.

    Attributes:
        method: in capitals.
        url: with its scheme.
        headers: to send.
        content: the body; ``None`` for none.
        timeout_seconds: for each of connecting, sending and reading.
        retries: an answer that tells of a passing trouble counts as a failure.
    """

    method: str
    url: str
    headers: dict[str, str]
    content: str | None = None
    timeout_seconds: float = 100.0
    retries: bool = False


class HttpCalls(EntityCalls):
    """The part of an orchestrator's context that is about HTTP."""

    def call_http(
        self,
        method: str,
        url: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        retry_policy: RetryPolicy | None = None,
        timeout: timedelta = timedelta(seconds=100),
        asynchronous_pattern_enabled: bool = True,
    ) -> Task[HttpResponse]:
        """Send an HTTP request: at least once, its answer recorded once.

        Needs ``pip install 'perdure[http-client]'`` where the activity runs.

        Args:
            method: ``GET``, ``POST`` …
            url: of a public host, or of one named in ``app.allow_http``.
            content: the body: text as it is, other values as JSON.
            headers: to send. They are stored in the history.
            retry_policy: how to try again when there is no answer, or 408, 429, 500, 502, 503
                or 504; those are answers like any other unless given.
            timeout: of connecting, of sending and of reading, each.
            asynchronous_pattern_enabled: ask again after an answer 202 with a ``Location``,
                after its ``Retry-After``, until there is another answer.

        Raises:
            InvalidInputError: nothing was asked for.
        """
        self._execution.require_open()
        request = _request(method, url, content, headers, timeout, retry_policy)
        outer: Task[HttpResponse] = Task()

        def ask(request: HttpRequest) -> None:
            asked = self.call_activity(
                HTTP, request, retry_policy=retry_policy, return_type=HttpResponse
            )
            asked.follow(lambda task: came(request, task))

        def came(request: HttpRequest, task: Task[HttpResponse]) -> None:
            if task.is_failed:
                outer.fail(task.get_exception())
                return
            response = task.get_result()
            location = response.headers.get("location", "")
            if response.status_code != 202 or not (location and asynchronous_pattern_enabled):
                outer.complete(response)
                return
            try:
                poll = poll_of(request, location)
            except InvalidInputError as error:
                outer.fail(error)
                return
            due = self._execution.now + _delay_micros(response, self._execution.now)
            timer = self._timer(due, f"the next look at {poll.url}")
            timer.follow(lambda _: ask(poll))

        ask(request)
        return outer


def _request(
    method: str,
    url: str,
    content: Any,
    headers: Mapping[str, str] | None,
    timeout: timedelta,
    retry_policy: RetryPolicy | None,
) -> HttpRequest:
    verb = str(method).upper()
    if verb not in METHODS:
        msg = f"method={method!r}: use one of {', '.join(sorted(METHODS))}"
        raise InvalidInputError(msg)
    if timeout <= timedelta():
        msg = f"timeout={timeout!r}: use a positive timedelta"
        raise InvalidInputError(msg)
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if any(character in text for text in (*sent, *sent.values()) for character in "\r\n\0"):
        msg = "a header has a line break in its name or value; leave that out"
        raise InvalidInputError(msg)
    body: str | None = content if content is None or isinstance(content, str) else None
    if content is not None and body is None:
        body = msgspec.json.encode(content).decode()
        sent.setdefault("content-type", "application/json")
    seconds = timeout.total_seconds()
    return HttpRequest(verb, checked_url(url), sent, body, seconds, retry_policy is not None)


def checked_url(url: str) -> str:
    """*url* itself.

    Raises:
        InvalidInputError: it is none of HTTP, or holds credentials.
    """
    try:
        parts = urlsplit(url)
        named = parts.hostname
        _ = parts.port
    except ValueError as error:
        msg = f"url={url!r}: {error}"
        raise InvalidInputError(msg) from error
    if parts.scheme not in {"http", "https"} or not named:
        msg = f"url={url!r}: use http:// or https:// and a host"
        raise InvalidInputError(msg)
    if parts.username is not None or parts.password is not None:
        msg = f"the url of {named!r} holds a name or password; send them as a header"
        raise InvalidInputError(msg)
    return url


def poll_of(request: HttpRequest, location: str) -> HttpRequest:
    """How to ask for what was accepted.

    To another origin no header goes that could be a credential.

    Raises:
        InvalidInputError: the location is not to be followed.
    """
    url = checked_url(urljoin(request.url, location))
    before, after = urlsplit(request.url), urlsplit(url)
    if before.scheme == "https" and after.scheme != "https":
        msg = f"{request.url} refers to {url}, which is not encrypted; it is not asked"
        raise InvalidInputError(msg)
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in {"content-type", "content-length"}
    }
    if _origin(before) != _origin(after):
        headers = {name: headers[name] for name in headers if name in _KEPT_ELSEWHERE}
    return HttpRequest("GET", url, headers, None, request.timeout_seconds, request.retries)


def _origin(parts: Any) -> tuple[str, str | None, int]:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname, port


def _delay_micros(response: HttpResponse, now: int) -> int:
    """How long to wait before the next look, by ``Retry-After``; a second at least."""
    said = response.headers.get("retry-after", "").strip()
    seconds: float = POLL_SECONDS
    if said.isdecimal():
        seconds = int(said[:9])
    elif said:
        try:
            seconds = (to_micros(parsedate_to_datetime(said)) - now) / 1_000_000
        except (ValueError, OverflowError):
            seconds = POLL_SECONDS
    return int(min(max(seconds, 1), MOST_POLL_SECONDS) * 1_000_000)
