"""IA203 and its notes: what leaves names somebody else."""
