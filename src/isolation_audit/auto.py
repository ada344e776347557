"""``import isolation_audit.auto`` before the application's own imports starts the auditor, if it is configured."""

from isolation_audit.activate import start

start()
