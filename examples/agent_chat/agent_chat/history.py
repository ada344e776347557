"""What users said and were told: a SQLite table in which every row has its user."""

from __future__ import annotations

import sqlite3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, run_id TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_user ON messages (user_id, id);
CREATE TABLE IF NOT EXISTS counters (user_id TEXT PRIMARY KEY, runs INTEGER NOT NULL);
"""


class ChatHistory:
    """The history of all users; every question about it names the user."""

    def __init__(self, database: str = ":memory:") -> None:
        self._db = sqlite3.connect(database, isolation_level=None, timeout=5.0)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def next_run(self, user_id: str) -> int:
        """Return the number of the user's next run; processes that share a database file share the count."""
        rows = self._db.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (user_id) DO UPDATE SET runs = runs + 1 RETURNING runs",
            (user_id,),
        ).fetchall()
        return int(rows[0][0])

    def add(self, user_id: str, run_id: str, role: str, text: str) -> None:
        """Append a message; the role says who spoke: ``user``, ``agent`` or ``note``."""
        self._db.execute(
            "INSERT INTO messages (user_id, run_id, role, text) VALUES (?, ?, ?, ?)", (user_id, run_id, role, text)
        )

    def search(self, user_id: str, words: list[str], *, before_run: str, limit: int = 3) -> list[str]:
        """Return the user's latest messages that contain any of the words, without those of the run that asks."""
        if not words:
            return []
        condition = " OR ".join(["instr(lower(text), ?) > 0"] * len(words))
        rows = self._db.execute(
            f"SELECT text FROM messages WHERE user_id = ? AND run_id <> ? AND ({condition}) ORDER BY id DESC LIMIT ?",
            (user_id, before_run, *(word.lower() for word in words), limit),
        ).fetchall()
        return [str(row[0]) for row in rows]
