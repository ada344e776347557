"""IA9xx: the auditor about itself."""
