"""IA501, IA502, IA506: what outlives its unit of work, what grows with each, and what runs on."""
