"""The whole client API against a model of plain dicts, in this process."""

from __future__ import annotations

import pytest

from tests.models.api import EVERYTHING, Api
from tests.models.embedded import Embedded, OnSqlite, Simulated, SimulatedOnSqlite
from tests.models.machine import Models
from tests.models.profiles import TIMES, sized

pytestmark = pytest.mark.timeout(60 * TIMES)


class InSimulatedTime(Models):
    can = EVERYTHING

    def reach(self) -> Api:
        return Embedded(Simulated())


class InSimulatedTimeOnSqlite(Models):
    can = EVERYTHING

    def reach(self) -> Api:
        return Embedded(SimulatedOnSqlite())


class OnThreadsAndSqlite(Models):
    can = EVERYTHING

    def reach(self) -> Api:
        return Embedded(OnSqlite())


TestInSimulatedTime = InSimulatedTime.TestCase
TestInSimulatedTime.settings = sized(30)
TestInSimulatedTimeOnSqlite = InSimulatedTimeOnSqlite.TestCase
TestInSimulatedTimeOnSqlite.settings = sized(5)
TestOnThreadsAndSqlite = OnThreadsAndSqlite.TestCase
TestOnThreadsAndSqlite.settings = sized(5)
