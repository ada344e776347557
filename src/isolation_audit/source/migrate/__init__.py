"""Rewrites references to what is deprecated, where that is safe, in transactions that can be undone."""
