"""What was found, kept once with its count."""
