"""The HTTP session of OTLP export: what is sent goes to the address that was named, and nowhere else."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import requests


class Session(requests.Session):
    """Follows no redirect. Some versions of the SDK would follow one, the others take it for success."""

    def request(self, *given: Any, **named: Any) -> requests.Response:
        """One request; an answer that leads elsewhere is an error."""
        named["allow_redirects"] = False
        answer = super().request(*given, **named)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
            raise requests.TooManyRedirects(f"status {answer.status_code}; redirects are not followed")
        return answer
