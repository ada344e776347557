"""IA6xx: what is built twice at the same time."""
