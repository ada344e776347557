"""Protocols: the order in which a run's events may come, as a small language, compiled to an automaton."""

from isolation_audit.analysis.orders.automaton import Automaton, compile_order
from isolation_audit.analysis.orders.grammar import OrderError, parse_order

__all__ = ["Automaton", "OrderError", "compile_order", "parse_order"]
