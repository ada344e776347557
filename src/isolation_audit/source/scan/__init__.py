"""The static half: finds what is deprecated in source text, by binding. Nothing that is scanned is imported or run."""
