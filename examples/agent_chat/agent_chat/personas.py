"""Who the users of a load are and what they ask: a function of the seed and of numbers, nothing else."""

from __future__ import annotations

import hashlib
import re

NAMES = (
    *("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"),
    *("kim", "liam", "mallory", "nina", "oscar", "peggy", "quentin", "rupert", "sybil", "trent"),
)
TOPICS = (
    "Why is my invoice higher than last month",
    "Please plan my move to Lisbon in autumn",
    "How much is {left} * {right}",
    "Summarise the talk with my doctor about treatment",
    "Which contract should I cancel first",
    "What remains of {left} + {right} after taxes",
)
MARKER = re.compile(r"PRIV-[0-9A-F]{12}")
USER_ID = re.compile(r"user-[a-z0-9]+-[0-9a-f]{6}")


def name_of(number: int) -> str:
    """Return the login name of the user with this number."""
    lap, index = divmod(number, len(NAMES))
    return f"{NAMES[index]}{lap + 1}" if lap else NAMES[index]


def marker_of(seed: int, number: int) -> str:
    """Return the text that only this user's questions contain."""
    return f"PRIV-{hashlib.blake2b(f'{seed}:{number}'.encode(), digest_size=6).hexdigest().upper()}"


def question_of(seed: int, user: int, number: int, marker: str) -> str:
    """Return what a user asks in a round."""
    topic = TOPICS[(seed + user + number) % len(TOPICS)].format(left=17 + user, right=23 + number)
    return f"{topic}? My private reference is {marker}, question {number + 1}."
