"""Found first on PYTHONPATH by every Python process below ``isolation-audit run``; leaves no trace on ``sys.path``."""

# ruff: noqa: INP001 - the folder is an entry of sys.path, not a package
import os
import sys

# Compared as written and resolved: an environment behind a symbolic link is on PYTHONPATH under its other name, and
# what stayed on sys.path would be found again below.
_here = (os.path.dirname(__file__), os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
sys.path[:] = [entry for entry in sys.path if entry not in _here and os.path.realpath(entry) != _here[1]]

# The application's own sitecustomize comes first, as it would have without us; what it raises is its own affair.
_ours = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "sitecustomize":
        raise
    if _ours is not None:
        sys.modules["sitecustomize"] = _ours
finally:
    if os.environ.get("ISOLATION_AUDIT", "").lower() in ("1", "true", "yes", "on"):
        try:
            from isolation_audit import activate

            activate.from_environment()
        except Exception as _error:  # an environment without the auditor's packages, or with a broken one
            if sys.stderr is not None:
                _why = " ".join(str(_error).split())
                print(f"isolation-audit: not active in {sys.executable}: {_why}", file=sys.stderr)
