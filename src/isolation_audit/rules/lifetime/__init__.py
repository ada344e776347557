"""IA501 and IA502: what outlives its unit of work, and what grows with each."""
