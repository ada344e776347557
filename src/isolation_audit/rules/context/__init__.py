"""IA503 and IA504: work that runs with the wrong context."""
