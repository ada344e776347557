"""What calls tell, and what is followed from one call to the next: runs, rooms, bound ids, service levels, spans."""
