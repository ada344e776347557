"""IA3xx: the order of a run's events."""
