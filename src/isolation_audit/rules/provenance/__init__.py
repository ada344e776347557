"""Provenance: what came in through a unit of work, and whether what leaves in it came in with it."""
