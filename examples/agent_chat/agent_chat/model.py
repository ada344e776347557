"""A language model small enough to live in the process, with continuous batching like a real inference server.

Requests wait until ``batch_size`` of them have come together or ``batch_window`` seconds have passed. The batch is
answered after ``seconds``, as a real model thinks for a while, in an order drawn from the seed and the batch's number
over the requests sorted by prompt. So who wakes up first depends on what was asked, never on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import contextvars
import random

from agent_chat.contexts import digest

_VERBS = ("compare", "check", "outline", "verify", "weigh", "summarise", "narrow down", "re-read")
_THINGS = ("the earlier notes", "the numbers", "the open points", "the constraints", "the likely causes", "the options")
_ENDINGS = (
    "then decide",
    "then ask back",
    "and keep it short",
    "and name the source",
    "before answering",
    "step by step",
)


class LanguageModel:
    """Answers prompts in batches; one for the process, as a model's memory allows no more."""

    def __init__(self, seed: int, batch_size: int, batch_window: float, seconds: float = 0.0) -> None:
        self.seed = seed
        self.batch_size = batch_size
        self.batch_window = batch_window
        self.seconds = seconds
        self.batches = 0
        self._waiting: list[tuple[str, asyncio.Future[str]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._nobody = contextvars.Context()  # a batch serves several users, so it runs in nobody's context

    async def complete(self, prompt: str) -> str:
        """Return the model's answer; the same prompt has always the same answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        self._waiting.append((prompt, future))
        if len(self._waiting) >= self.batch_size:
            batch = self._take()
            # In no case at once: the last to come must wait as well.
            loop.call_later(self.seconds, self._answer, batch, context=self._nobody)
        elif self._timer is None:
            self._timer = loop.call_later(self.batch_window, self._window_over, context=self._nobody)
        return await future

    def _take(self) -> list[tuple[str, asyncio.Future[str]]]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        return batch

    def _window_over(self) -> None:
        self._timer = None
        batch = self._take()
        asyncio.get_running_loop().call_later(self.seconds, self._answer, batch, context=self._nobody)

    def _answer(self, batch: list[tuple[str, asyncio.Future[str]]]) -> None:
        self.batches += 1
        batch.sort(key=lambda request: request[0])
        random.Random(f"{self.seed}:{self.batches}").shuffle(batch)
        for prompt, future in batch:
            if not future.done():  # done already when its user went away
                future.set_result(generate(prompt))


def generate(prompt: str) -> str:
    """Return a plausible sentence that depends on the prompt and on nothing else."""
    number = int(digest("generate", prompt, size=6), 16)
    number, verb = divmod(number, len(_VERBS))
    number, thing = divmod(number, len(_THINGS))
    return f"{_VERBS[verb].capitalize()} {_THINGS[thing]}, {_ENDINGS[number % len(_ENDINGS)]}."
