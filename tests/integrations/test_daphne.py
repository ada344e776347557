"""An ASGI application without a framework on Daphne: whose its requests are, and what it sends to whom."""

from __future__ import annotations

import pytest
from plain_asgi import judge

pytest.importorskip("daphne")


@pytest.mark.parametrize("leaking", [True, False])
def test_requests_and_websockets_of_a_plain_application(tmp_path, leaking):
    judge("on_daphne.py", tmp_path, leaking=leaking)
