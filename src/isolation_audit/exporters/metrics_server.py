"""The HTTP server of /metrics: for scrapers that ask for it by its own address, and neither slow nor many."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from isolation_audit.instrument.barrier import enter_auditor, leave_auditor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SECONDS: Final = 10.0
"""For one scrape, from its connection to its last byte."""

AT_ONCE: Final = 16
"""Scrapes that are served at the same time; the connection of a further one is closed."""

_WRONG_HOST: Final = b"/metrics is served on a loopback address, and answers to no other name\n"


class MetricsServer(ThreadingMixIn, WSGIServer):
    """One thread a scrape. None of them holds up the end of the process."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, port: int, application: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._open: dict[Any, float] = {}
        super().__init__((address, port), _Quiet)
        self.set_app(application if not _is_loopback(self.server_address[0]) else _ByAddress(application))

    def server_bind(self) -> None:
        # Not the base class's: it asks the resolver for this host's name, which may take seconds and is used by nobody.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def verify_request(self, request: Any, _client_address: Any) -> bool:
        """Note when a scrape began; False for one too many."""
        if len(self._open) >= AT_ONCE:
            return False
        self._open[request] = time.monotonic()
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # A scrape is the auditor's own work: no request of the application, and nothing of it is watched.
        enter_auditor(threading.get_ident())
        try:
            super().process_request_thread(request, client_address)
        finally:
            leave_auditor(threading.get_ident())

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Break off what takes too long: one that sends a byte now and then would keep its thread for ever."""
        for request, begun in list(self._open.items()):
            if time.monotonic() - begun > SECONDS:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self._open.pop(request, None)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A scraper that went away is no news for the application's standard error."""


class _Quiet(WSGIRequestHandler):
    timeout = SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """No line for each scrape."""


class _ByAddress:
    """Answers to the names of this machine alone: a web page must not read the metrics through a name of its own that
    leads to a loopback address."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_loopback(_name(environ.get("HTTP_HOST", ""))):
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
        return [_WRONG_HOST]


def _name(host: str) -> str:
    """The name or address in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(name: Any) -> bool:
    try:
        return str(name).lower() == "localhost" or ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False
