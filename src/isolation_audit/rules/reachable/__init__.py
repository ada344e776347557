"""IA401, IA403: what can be reached where it should not be."""
