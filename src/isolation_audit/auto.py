"""``import isolation_audit.auto`` before the application's own imports starts the auditor with the configuration found."""

from isolation_audit.activate import start

start()
