"""IA106 to IA109: by which way engines are built."""
