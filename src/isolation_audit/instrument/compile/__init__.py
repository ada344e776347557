"""Compiled hooks: for each watched function the few comparisons by which a clean call is known, as code in its shim."""
