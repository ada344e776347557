"""IA7xx: what takes longer than a team allows."""
