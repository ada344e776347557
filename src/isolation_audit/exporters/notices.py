"""Notices: what the auditor has to say about its own ways out, one line each, on standard error."""

from __future__ import annotations

import sys

from isolation_audit.analysis.texts import shown


def notice(text: str) -> None:
    """Say ``text`` once and go on, whatever becomes of standard error."""
    try:
        sys.stderr.write(f"isolation-audit: {shown(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # closed, broken or None: there is nobody to tell, and this is no reason to disturb the application
