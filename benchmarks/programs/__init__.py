"""Applications, clients and peers that the parts run."""
