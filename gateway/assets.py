"""The page's files, served as they are to whoever reaches the server: HTML, CSS, JavaScript.

They hold no data, so they need no token; what they then ask for does. Nothing else is served:
a path is looked up among the files that were there at the start, never in the file system.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from perdure.gateway.http.answers import missing

FOLDER = Path(__file__).with_name("page")

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served; licences and the like are not."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Scripts and styles come from files of this server alone, and no text ever becomes either."""


@attrs.frozen
class Asset:
    """One file, ready to be sent."""

    content: bytes
    headers: Mapping[str, str]


class Assets:
    """The files of the page, by the path below the gateway."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets = dict(_read(folder))

    def routes(self) -> list[Route]:
        """Where they are served."""
        paths = ["/", "/page/{path:path}"]
        return [Route(path, self.send, methods=["GET"]) for path in paths]

    def has(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a request is for one of them."""
        return scope["method"] in ("GET", "HEAD") and _place(scope) in self._assets

    async def send(self, request: Request) -> Response:
        """GET ``/`` and ``/page/…``."""
        asset = self._assets.get(_place(request.scope))
        if asset is None:
            return missing("there is no such file")
        if request.headers.get("if-none-match") == asset.headers["ETag"]:
            return Response(None, 304, asset.headers)
        return Response(asset.content, 200, asset.headers)


def _place(scope: MutableMapping[str, Any]) -> str:
    """The path below the gateway, wherever it is mounted."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path or "/"


def _read(folder: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(folder.rglob("*")):
        kind = _TYPES.get(path.suffix)
        if kind is None:
            continue
        content = path.read_bytes()
        headers = {
            "Content-Type": kind,
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-cache",  # kept by the browser, and asked for again by its tag
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        name = path.relative_to(folder).as_posix()
        asset = Asset(content, headers)
        yield ("/" if name == "index.html" else f"/page/{name}"), asset
