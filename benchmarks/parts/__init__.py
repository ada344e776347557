"""The parts: each module declares rows and measures them. They are measured in this order."""

MODULES = (
    "calls",
    "chat",
    "web_requests",
    "state_requests",
    "rooms",
    "processes",
    "content",
    "growth",
    "scan",
    "demo",
    "lineage",
    "sessions",
    "sinks",
    "library_calls",
    "lifetimes",
    "ways_out",
    "provenance",
    "state",
)
