"""Where frameworks keep the body of a response, and what is left alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiohttp import web
from starlette.responses import JSONResponse, StreamingResponse
from werkzeug.wrappers import Response

from isolation_audit.content.bodies import body_of


@pytest.mark.parametrize("value", [None, "text", {"body": "x"}, object(), int])
def test_what_is_no_response(value):
    assert body_of(value) == (False, None)


def test_a_body_that_is_there():
    assert body_of(JSONResponse(["alice"])) == (True, b'["alice"]')
    assert body_of(Response("alice")) == (True, [b"alice"])
    assert body_of(web.Response(text="alice")) == (True, b"alice")


def test_data_that_is_not_rendered_yet():
    pytest.importorskip("rest_framework")
    program = """
from django.conf import settings
settings.configure()
from rest_framework.response import Response
from isolation_audit.content.bodies import body_of
print(body_of(Response({"owner": "alice"})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=280)
    assert done.stdout == "(True, {'owner': 'alice'})\n", done.stderr


def test_a_stream_is_left_alone():
    parts = iter([b"alice"])
    assert body_of(Response(parts)) == (True, parts)
    assert body_of(StreamingResponse(parts)) == (True, None)
    assert next(parts) == b"alice"
