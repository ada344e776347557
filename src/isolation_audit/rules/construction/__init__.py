"""IA1xx: how engines are built."""
