"""Durations, as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """``12 ms`` below a second, ``14.06 s`` above it."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{float(f'{seconds:.4g}'):,.10g} s"
