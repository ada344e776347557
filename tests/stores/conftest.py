"""One Redis a test."""

import pytest


@pytest.fixture
def redis(tmp_path):
    """A running Redis; see ``redis_server.RedisServer``."""
    from redis_server import redis_server

    with redis_server(tmp_path) as server:
        yield server
