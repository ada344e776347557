"""IA2xx: two witnesses name different users."""
