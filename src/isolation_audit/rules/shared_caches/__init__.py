"""Caches before the application that serve everybody, and one user's answers that they are told they may keep."""
