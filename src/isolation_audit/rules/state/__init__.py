"""Depth ``state``: which unit of work has written what another one reads, and whether that is a leak."""
