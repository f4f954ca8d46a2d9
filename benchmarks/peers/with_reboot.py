"""Reboot: states behind gRPC with RocksDB below, and code that ``rbt`` generates.

``rbt serve`` puts Envoy in front, which is in no package. Its own test harness runs one server
without it, in the process of the client: so does this, with a state folder that is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import subprocess
import sys
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reboot.aio.applications import Application
from reboot.aio.auth.authorizers import allow
from reboot.aio.contexts import EffectValidation
from reboot.aio.reboot import Reboot
from reboot.aio.workflows import at_least_once

API = """
from reboot.api import API, Field, Methods, Model, Reader, Shared, Transaction, Type
from reboot.api import Workflow, Writer


class CounterState(Model):
    value: int = Field(tag=1, default=0)


class StepsState(Model):
    done: int = Field(tag=1, default=0)


class Number(Model):
    value: int = Field(tag=1)


class Between(Model):
    giver: str = Field(tag=1)
    taker: str = Field(tag=2)


counter = Methods(
    add=Writer(request=Number, response=Number, mcp=None),
    total=Reader(request=None, response=Number, mcp=None),
)
steps = Methods(
    sequence=Workflow(request=Number, response=Number, mcp=None),
    fan_out=Workflow(request=Number, response=Number, mcp=None),
    transfer=Transaction(request=Between, response=None, mode=Shared(), mcp=None),
)
api = API(
    Counter=Type(state=CounterState, methods=counter),
    Steps=Type(state=StepsState, methods=steps),
)
"""
GENERATE_SECONDS = 120.0


def generated() -> tuple[Any, Any]:
    """The classes that ``rbt generate`` makes of the API, made once in this environment."""
    digest = hashlib.sha256(f"{version('reboot')}{API}".encode()).hexdigest()[:12]
    folder = Path(sys.prefix) / f"bench-{digest}"
    code = folder / "generated"
    if not (code / "bench" / "v1" / "bench_rbt.py").exists():
        place = folder / "api" / "bench" / "v1"
        place.mkdir(parents=True, exist_ok=True)
        (place / "bench.py").write_text(API, encoding="utf-8")
        binaries = Path(sys.prefix) / "bin"
        command = [str(binaries / "rbt"), "generate", f"--working-directory={folder}"]
        done = subprocess.run(
            [*command, f"--python={code}", "api"],
            env=os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"},
            capture_output=True, text=True, timeout=GENERATE_SECONDS,
        )  # fmt: skip
        if done.returncode:
            msg = f"rbt generate failed: {(done.stdout + done.stderr).strip()[-300:]}"
            raise RuntimeError(msg)
    sys.path[:0] = [str(code), str(folder / "api")]
    from bench.v1.bench_rbt import Counter, Steps

    return Counter, Steps


def servicers(counter: Any, steps: Any) -> list[type]:
    """What the states do."""

    class CounterServicer(counter.Servicer):
        def authorizer(self) -> Any:
            return allow()

        async def add(self, context: Any, request: Any) -> Any:
            del context
            self.state.value += request.value
            return counter.AddResponse(value=self.state.value)

        async def total(self, context: Any) -> Any:
            del context
            return counter.TotalResponse(value=self.state.value)

    class StepsServicer(steps.Servicer):
        def authorizer(self) -> Any:
            return allow()

        @classmethod
        async def sequence(cls, context: Any, request: Any) -> Any:
            number = request.value
            for place in range(3):
                number = await step(context, f"step{place}", number)
            return steps.SequenceResponse(value=number)

        @classmethod
        async def fan_out(cls, context: Any, request: Any) -> Any:
            parts = (step(context, f"s{place}", place) for place in range(request.value))
            return steps.FanOutResponse(value=sum(await asyncio.gather(*parts)))

        async def transfer(self, context: Any, request: Any) -> None:
            moves = sorted([(request.giver, -1), (request.taker, 1)])  # or they lock each other
            for key, amount in moves:
                await counter.ref(key).add(context, value=amount)

    return [CounterServicer, StepsServicer]


async def step(context: Any, name: str, number: int) -> int:
    """Add 1, and have it remembered that this was done."""

    async def add_one() -> int:
        return number + 1

    return int(await at_least_once(name, context, add_one, type=int))


class System:
    """One server in this process, its database below a folder."""

    name = "reboot"
    durability = (
        "RocksDB on the disk, which syncs each write before it is answered; one server in the "
        "client's process, without Envoy, effect validation off"
    )
    client = "asyncio: one gRPC request for each in flight"
    shape = "asyncio"

    def version(self) -> str:
        return version("reboot")

    async def start(self, folder: Path) -> None:
        key = f"v1:{secrets.token_hex(32)}"
        os.environ.setdefault("REBOOT_CRYPTO_ROOT_KEYS", key)
        self.counter, self.steps = generated()
        application = Application(servicers=servicers(self.counter, self.steps))
        self.reboot = Reboot(
            application_name="bench",
            state_directory=folder,
            in_process=True,
            initialize_tracing=False,
        )
        await self.reboot.start()
        await self.reboot.up(
            servicers=application.servicers,
            legacy_grpc_servicers=application.legacy_grpc_servicers,
            web_framework=application.web_framework,
            servers=1,
            local_envoy=False,
            effect_validation=EffectValidation.DISABLED,
        )

    async def stop(self) -> None:
        await self.reboot.stop()

    def _context(self) -> Any:
        return self.reboot.create_external_context(name="bench")

    async def call(self, key: str) -> int:
        return int((await self.counter.ref(key).add(self._context(), value=1)).value)

    async def total(self, key: str) -> int:
        """A counter that nobody has added to does not exist; adding nothing makes it."""
        return int((await self.counter.ref(key).add(self._context(), value=0)).value)

    balance = total

    async def sequence(self, number: int) -> int:
        steps = self.steps.ref(uuid.uuid4().hex)
        return int((await steps.sequence(self._context(), value=number)).value)

    async def fan_out(self, width: int) -> int:
        steps = self.steps.ref(uuid.uuid4().hex)
        return int((await steps.fan_out(self._context(), value=width)).value)

    async def transfer(self, giver: str, taker: str) -> int:
        """Both in one transaction of Reboot's, under its locks."""
        steps = self.steps.ref(uuid.uuid4().hex)
        await steps.transfer(self._context(), giver=giver, taker=taker)
        return 1
