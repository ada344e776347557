"""IA207: ids that stand for one user."""
