"""The one auditor of a process, and what becomes of it when that forks, ends, or turns to greenlets."""
