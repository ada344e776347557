"""What agents can use; a tool is made for one run and holds that run's user."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_chat.history import ChatHistory
    from agent_chat.model import LanguageModel
    from agent_chat.runs import AgentRun

_EXPRESSION = re.compile(r"(\d{1,9})\s*([-+*])\s*(\d{1,9})")
_OPERATORS: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Tool(Protocol):
    """Something an agent can use."""

    name: str

    async def use(self) -> dict[str, Any]:
        """Do the work and return the result."""


class HistorySearch:
    """Looks through what its user said before, and lets the model judge what it found."""

    name = "search_history"

    def __init__(self, run: AgentRun, history: ChatHistory, model: LanguageModel) -> None:
        self._run = run
        self._history = history
        self._model = model

    async def use(self) -> dict[str, Any]:
        """Return earlier messages of the user that share a long word with the question."""
        words = re.findall(r"[a-z]{5,}", self._run.question.lower())[:4]
        hits = self._history.search(self._run.context.user_id, words, before_run=self._run.context.run_id)
        verdict = await self._model.complete(f"rank: {self._run.question} among {hits}")
        return {"hits": hits, "verdict": verdict}


class Calculator:
    """Works out the first sum or product in a question."""

    name = "calculator"

    def __init__(self, left: int, sign: str, right: int) -> None:
        self._left, self._sign, self._right = left, sign, right

    async def use(self) -> dict[str, Any]:
        """Return the expression and its value."""
        value = _OPERATORS[self._sign](self._left, self._right)
        return {"expression": f"{self._left} {self._sign} {self._right}", "value": value}


class Notebook:
    """Keeps the question as a note of its user."""

    name = "notebook"

    def __init__(self, run: AgentRun, history: ChatHistory) -> None:
        self._run = run
        self._history = history

    async def use(self) -> dict[str, Any]:
        """Write the note."""
        context = self._run.context
        note = f"asked: {self._run.question}"
        self._history.add(context.user_id, context.run_id, "note", note)
        return {"note": note}


def tools_for(run: AgentRun, history: ChatHistory, model: LanguageModel) -> list[Tool]:
    """Return the tools for a question: always the history, then the calculator or the notebook."""
    match = _EXPRESSION.search(run.question)
    second: Tool = Calculator(int(match[1]), match[2], int(match[3])) if match else Notebook(run, history)
    return [HistorySearch(run, history, model), second]
