"""The client API over HTTP against the same model."""

from __future__ import annotations

import pytest

from tests.models.api import Api
from tests.models.machine import Models
from tests.models.over_http import OverHttp
from tests.models.profiles import TIMES, sized

pytestmark = pytest.mark.timeout(60 * TIMES)


class OverHttpAndSqlite(Models):
    can = OverHttp.can

    def reach(self) -> Api:
        return OverHttp()


TestOverHttp = OverHttpAndSqlite.TestCase
TestOverHttp.settings = sized(3)
