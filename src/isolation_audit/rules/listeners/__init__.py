"""Listeners on buses of events: whose they are, and what they take."""
