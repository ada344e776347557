"""``python -m isolation_audit`` is the same as ``isolation-audit``."""

from isolation_audit.cli import main

main()
