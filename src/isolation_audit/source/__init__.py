"""The static half: reads and rewrites source, and imports nothing of the run time."""
