"""Compatibility of a deprecated class with its replacement, read from the source; nothing is imported."""
