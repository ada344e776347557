"""The environment variables by which processes of one run find each other, declared once. Imports nothing."""

SWITCH = "ISOLATION_AUDIT"
ON = ("1", "true", "yes", "on")
"""What switches the auditor on."""

SUPERVISED_VARIABLE = "ISOLATION_AUDIT_SUPERVISED"
"""``1`` in the processes of ``isolation-audit run``."""
REPORT_VARIABLE = "ISOLATION_AUDIT_REPORT"
"""The folder of the report."""
RAW_IDS_VARIABLE = "ISOLATION_AUDIT_RAW_IDS"
RUN_VARIABLE = "ISOLATION_AUDIT_RUN"
"""Names the run that a process belongs to; processes with the same one join one report."""
KEY_VARIABLE = "ISOLATION_AUDIT_KEY"
"""The key of the pseudonyms, so that all processes call a user by one name."""
