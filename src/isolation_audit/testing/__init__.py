"""What tests of applications need of the auditor: audits of single blocks. The pytest plugin stands beside it."""

from isolation_audit.testing.audits import Audit, audited

__all__ = ["Audit", "audited"]
