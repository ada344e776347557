"""IA404: cached values of one user, handed to another."""
