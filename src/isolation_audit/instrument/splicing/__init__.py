"""Instructions of ours in the code of a function: written, and put in without moving what is its own."""
