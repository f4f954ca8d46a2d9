"""The rules: what is called where, and what to write instead. Data only."""

from __future__ import annotations

import attrs

ORCHESTRATOR = "an orchestrator"
OPERATION = "an operation"
ASYNC_ACTIVITY = "an async activity"


@attrs.frozen
class Rule:
    """What is wrong with code in one kind of function.

    Attributes:
        code: names it, and in ``# noqa: PD101`` allows it.
        what: the fault; ``{name}`` is what was found, ``{place}`` where.
        remedy: what to write instead.
    """

    code: str
    what: str
    remedy: str

    def message(self, name: str, place: str) -> str:
        """What is told of one finding."""
        return f"{self.what.format(name=name, place=place)}: use {self.remedy}"


@attrs.frozen
class Calls:
    """Calls that a rule forbids in some kinds of functions.

    Attributes:
        rule: which.
        places: the kinds of functions.
        names: full names; one that ends in a dot stands for all that begin so.
    """

    rule: Rule
    places: frozenset[str]
    names: tuple[str, ...]


def _calls(code: str, what: str, remedy: str, names: str, *places: str) -> Calls:
    return Calls(Rule(code, what, remedy), frozenset(places), tuple(names.split()))


_BLOCKING = (
    "time.sleep input subprocess. os.system requests. urllib.request. http.client. "
    "socket.create_connection socket.getaddrinfo httpx.get httpx.post httpx.put httpx.patch "
    "httpx.delete httpx.head httpx.request httpx.stream httpx.Client"
)
_ASYNCIO = "{name} works in no orchestrator"

CALLS = (
    _calls(
        "PD101",
        "{name} gives another time on replay",
        "ctx.current_utc_datetime",
        "time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter "
        "time.perf_counter_ns time.localtime time.gmtime time.ctime datetime.datetime.now "
        "datetime.datetime.utcnow datetime.datetime.today datetime.date.today",
        ORCHESTRATOR,
    ),
    _calls(
        "PD102",
        "{name} gives another value on replay",
        "ctx.random or ctx.new_uuid()",
        "random. secrets. uuid.uuid1 uuid.uuid4 os.urandom numpy.random.",
        ORCHESTRATOR,
    ),
    _calls(
        "PD103",
        "{name} does I/O, which is done again on replay",
        "await ctx.call_activity(…) and do I/O in an activity",
        "open io.open input os.system os.getenv os.listdir os.remove os.mkdir subprocess. "
        "socket. requests. httpx. aiohttp. urllib.request. http.client. sqlite3. shutil.",
        ORCHESTRATOR,
    ),
    _calls(
        "PD104",
        "{name} blocks the node",
        "await ctx.create_timer(…) instead of time.sleep",
        "time.sleep",
        ORCHESTRATOR,
    ),
    _calls(
        "PD105",
        "{name} is lost in a restart",
        "await ctx.call_activity(…) instead of a thread",
        "threading. multiprocessing. concurrent.futures. _thread. asyncio.to_thread",
        ORCHESTRATOR,
    ),
    _calls(
        "PD106",
        _ASYNCIO,
        "await ctx.create_timer(…) instead of asyncio.sleep",
        "asyncio.sleep trio.sleep anyio.sleep",
        ORCHESTRATOR,
    ),
    _calls(
        "PD106",
        _ASYNCIO,
        "perdure.when_all([…]) over tasks of ctx instead of create_task or gather",
        "asyncio.gather asyncio.create_task asyncio.ensure_future asyncio.TaskGroup",
        ORCHESTRATOR,
    ),
    _calls(
        "PD106",
        _ASYNCIO,
        "perdure.when_any([…]) over tasks of ctx, one of them ctx.create_timer(…)",
        "asyncio.wait asyncio.wait_for asyncio.timeout asyncio.timeout_at asyncio.as_completed",
        ORCHESTRATOR,
    ),
    _calls(
        "PD106",
        _ASYNCIO,
        "what ctx offers; do I/O in activities",
        "asyncio. trio. anyio.",
        ORCHESTRATOR,
    ),
    _calls(
        "PD201",
        "{name} blocks the turn of {place}",
        "an activity or another process for work that waits, and signal its result",
        _BLOCKING,
        OPERATION,
    ),
    _calls(
        "PD301",
        "{name} blocks the event loop under {place}",
        "a plain def, which runs in a thread, or await an async library",
        _BLOCKING,
        ASYNC_ACTIVITY,
    ),
)
"""For each call the first that fits counts."""

SYNTAX = Rule("PD001", "the file cannot be read ({name})", "Python of this version")
GLOBAL = Rule(
    "PD107",
    "{name} is a global that changes, and is another on replay",
    "an entity, or the orchestrator's input",
)
LOST_TASK = Rule(
    "PD108",
    "the task of {name}(…) is lost: nobody sees its result or failure",
    "await, now or later",
)
SET_ORDER = Rule(
    "PD109",
    "the order of {name} differs between processes, and with it what is asked of ctx",
    "sorted(…)",
)
LEAKED_LOCK = Rule(
    "PD110",
    "{name}(…) locks, and nothing lets go before the orchestrator ends",
    "async with",
)
WAITING = Rule(
    "PD202",
    "{name}(…) waits for another actor inside {place}",
    "a signal instead",
)
MUTABLE_DEFAULT = Rule(
    "PD203",
    "the default of field {name} is one object for all entities",
    "perdure.field(factory=…)",
)

RULES = (
    SYNTAX,
    *(calls.rule for calls in CALLS),
    GLOBAL,
    LOST_TASK,
    SET_ORDER,
    LEAKED_LOCK,
    WAITING,
    MUTABLE_DEFAULT,
)
"""All of them."""

TASK_METHODS = frozenset(
    {
        "call_activity",
        "call_sub_orchestrator",
        "call_entity",
        "call_http",
        "create_timer",
        "wait_for_external_event",
    }
)
"""What of a context gives a task."""

SECTIONS = frozenset({"lock_entities", "transaction"})
"""What of a context locks."""

MUTATORS = frozenset(
    "append extend insert remove pop popitem clear update setdefault add discard "
    "appendleft popleft".split()
)
"""Methods that change a list, dict, set or deque."""

CONTAINERS = frozenset(
    {
        "list",
        "dict",
        "set",
        "bytearray",
        "collections.defaultdict",
        "collections.deque",
        "collections.Counter",
        "collections.OrderedDict",
    }
)
"""Calls that make something that changes."""


def forbidden(name: str, place: str) -> Rule | None:
    """The rule against calling *name* in *place*."""
    for calls in CALLS:
        if place in calls.places and any(
            name == one or (one.endswith(".") and name.startswith(one)) for one in calls.names
        ):
            return calls.rule
    return None
