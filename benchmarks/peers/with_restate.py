"""Restate: a server of its own that drives handlers in a process of theirs, through HTTP.

Run as a script, this file is that process of handlers.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import restate

SERVER = "npm/node_modules/.bin/restate-server"
READY_SECONDS = 60.0


def handlers() -> Any:
    """The services, as an ASGI application."""
    steps = restate.Service("Steps")

    @steps.handler()
    async def sequence(ctx: restate.Context, number: int) -> int:
        for place in range(3):
            number = await ctx.run_typed(f"step{place}", add_one, number=number)
        return number

    @steps.handler()
    async def fan_out(ctx: restate.Context, width: int) -> int:
        steps_ = [ctx.run_typed(f"s{n}", add_one, number=n) for n in range(width)]
        await restate.gather(*steps_)
        return sum([await one for one in steps_])

    counter = restate.VirtualObject("Counter")

    @counter.handler()
    async def add(ctx: restate.ObjectContext, amount: int) -> int:
        value = (await ctx.get("value", type_hint=int) or 0) + amount
        ctx.set("value", value)
        return value

    @counter.handler(kind="shared")
    async def total(ctx: restate.ObjectSharedContext) -> int:
        return await ctx.get("value", type_hint=int) or 0

    @steps.handler()
    async def transfer(ctx: restate.Context, between: list[str]) -> int:
        await ctx.object_call(add, key=between[0], arg=-1)
        return await ctx.object_call(add, key=between[1], arg=1)

    return restate.app(services=[steps, counter])


async def add_one(number: int) -> int:
    return number + 1


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class System:
    """Server and handlers are processes; this one is the client at the server's ingress."""

    name = "restate"
    durability = "one node, log and state in RocksDB on the disk, its defaults; see the note"
    client = (
        "asyncio and aiohttp with kept-open connections to the ingress, one for each in flight"
    )
    shape = "asyncio"

    def version(self) -> str:
        found = subprocess.run([self._server(), "--version"], capture_output=True, text=True)
        return f"{found.stdout.split()[-1]}, sdk {version('restate-sdk')}"

    def _server(self) -> str:
        return str(Path(sys.prefix) / SERVER)

    async def start(self, folder: Path) -> None:
        ports = {name: free_port() for name in ("ingress", "admin", "node", "handlers")}
        self.url = f"http://127.0.0.1:{ports['ingress']}"
        self.log = (folder / "server.log").open("ab")
        environment = os.environ | {
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ports['ingress']}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ports['admin']}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{ports['node']}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{ports['node']}",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }
        arguments = [
            self._server(),
            "--no-logo",
            "--base-dir",
            str(folder),
            "--node-name",
            "n1",
        ]
        self.children = [
            subprocess.Popen(
                arguments, env=environment, stdin=subprocess.DEVNULL,
                stdout=self.log, stderr=self.log,
            ),
            subprocess.Popen(
                [sys.executable, __file__, str(ports["handlers"])], stdin=subprocess.DEVNULL,
                stdout=self.log, stderr=self.log,
            ),
        ]  # fmt: skip
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=120),
        )
        await self._register(ports)

    async def _register(self, ports: dict[str, int]) -> None:
        deployment = {"uri": f"http://127.0.0.1:{ports['handlers']}", "force": True}
        deadline = time.monotonic() + READY_SECONDS
        last: object = None
        while time.monotonic() < deadline:
            try:
                admin = f"http://127.0.0.1:{ports['admin']}/deployments"
                async with self.http.post(admin, json=deployment) as response:
                    last = await response.text()
                    if response.status < 300:
                        break
            except aiohttp.ClientError as error:
                last = error
            await asyncio.sleep(0.02)
        else:
            msg = f"the server did not take its handlers: {last}"
            raise RuntimeError(msg)
        await self.total("ready")

    async def stop(self) -> None:
        await self.http.close()
        for child in self.children:
            child.kill()
            child.wait()

    async def _ask(self, path: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        headers = {} if value is None else {"content-type": "application/json"}
        asked = self.http.post(
            f"{self.url}/{path}",
            data=body,
            headers=headers,
            skip_auto_headers=["content-type"],  # Restate refuses one where there is no body
        )
        async with asked as response:
            answer = await response.read()
            if response.status >= 300:
                msg = f"{path}: {response.status} {answer[:300]!r}"
                raise RuntimeError(msg)
            return json.loads(answer)

    async def sequence(self, number: int) -> int:
        return int(await self._ask("Steps/sequence", number))

    async def fan_out(self, width: int) -> int:
        return int(await self._ask("Steps/fan_out", width))

    async def signal(self, key: str) -> None:
        await self._ask(f"Counter/{key}/add/send", 1)

    async def call(self, key: str) -> int:
        return int(await self._ask(f"Counter/{key}/add", 1))

    http_call = call

    async def total(self, key: str) -> int:
        return int(await self._ask(f"Counter/{key}/total"))

    async def transfer(self, giver: str, taker: str) -> int:
        """Two calls from one invocation: both happen, each once, without locks."""
        return int(await self._ask("Steps/transfer", [giver, taker]))

    async def balance(self, key: str) -> int:
        return await self.total(key)


def serve(port: int) -> None:
    """Serve the handlers with hypercorn, as Restate's guide has it."""
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.h2_max_concurrent_streams = 2147483647
    config.keep_alive_max_requests = 2147483647
    config.keep_alive_timeout = 2147483647
    asyncio.run(hypercorn(handlers(), config))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
