"""What the auditor costs, as ratios to what stands beside it: ``python -m benchmarks``, or ``make bench``."""
