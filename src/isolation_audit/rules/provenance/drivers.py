"""Drivers that bring data in unseen: where one of them is at work, an unexplained name may have come in through it."""

from __future__ import annotations

import sys
from typing import Final

_UNWATCHED: Final = {
    "pyodbc": "pyodbc",
    "pymssql": "pymssql",
    "oracledb": "oracledb",
    "cx_Oracle": "cx_Oracle",
    "duckdb": "duckdb",
    "clickhouse_driver": "clickhouse-driver",
    "clickhouse_connect": "clickhouse-connect",
    "cassandra": "cassandra-driver",
    "neo4j": "neo4j",
    "pylibmc": "pylibmc",
    "ldap": "python-ldap",
    "ldap3": "ldap3",
    "pycurl": "pycurl",
    "tortoise": "tortoise-orm",
    "prisma": "prisma",
    "snowflake.connector": "snowflake-connector-python",
    "google.cloud.bigquery": "google-cloud-bigquery",
}
"""Modules -> what people install."""

_WATCHED_ABOVE: Final = {
    "pyodbc": ("sqlalchemy.dialects.mssql.pyodbc",),
    "pymssql": ("sqlalchemy.dialects.mssql.pymssql",),
    "oracledb": ("django.db.backends.oracle.base", "sqlalchemy.dialects.oracle.oracledb"),
    "cx_Oracle": ("django.db.backends.oracle.base", "sqlalchemy.dialects.oracle.cx_oracle"),
    "clickhouse_driver": ("clickhouse_sqlalchemy",),
}
"""Where their rows are seen, if that is loaded: in what is built on them."""


def unwatched_drivers() -> list[str]:
    """Those that this process has loaded, and that nothing watched is built on."""
    loaded = sys.modules
    return [
        name
        for module, name in _UNWATCHED.items()
        if module in loaded and not any(above in loaded for above in _WATCHED_ABOVE.get(module, ()))
    ]
