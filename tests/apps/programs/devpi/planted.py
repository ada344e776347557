"""Two leaks: what is known of a user kept for all, and the login of whoever has asked for the API before."""

import runpy
import sys
from pathlib import Path

from devpi_server.views import PyPIView

kept = {}
last = {}
known, api = PyPIView.user_get, PyPIView.apiconfig_index


def kept_for_all(self):
    try:
        known(self)
    except Exception as answer:  # as devpi's views give their answers
        raise kept.setdefault("user", answer) from None


def last_reader(self):
    now = self.get_auth_status()
    before, last["status"] = last.get("status", now), now
    self.get_auth_status = lambda: before
    api(self)


PyPIView.user_get, PyPIView.apiconfig_index = kept_for_all, last_reader

if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    runpy.run_path(sys.argv[0], run_name="__main__")
