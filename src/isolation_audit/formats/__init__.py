"""How findings are written for other programs: the same for those of source and for those of run time."""
