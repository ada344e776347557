"""Found first on PYTHONPATH by every Python process below ``isolation-audit run``; leaves no trace on ``sys.path``."""

import sys
from pathlib import Path

_here = str(Path(__file__).resolve().parent)
sys.path[:] = [entry for entry in sys.path if entry != _here]

# The application's own sitecustomize comes first, as it would have without us.
_ours = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "sitecustomize":
        raise
    if _ours is not None:
        sys.modules["sitecustomize"] = _ours

try:
    from isolation_audit import activate
except ImportError as _error:
    print(f"isolation-audit: not active in {sys.executable}: {_error}", file=sys.stderr)
else:
    activate.from_environment()
