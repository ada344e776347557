"""What can be set from outside: by the command line or, for ``uvicorn agent_chat.app:app``, by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from agent_chat.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

EngineName = Literal["legacy", "user"]
ENGINES: tuple[EngineName, ...] = ("legacy", "user")


@dataclass(frozen=True)
class Settings:
    """One server's settings; the defaults suit a walk through the demo by hand."""

    engine: EngineName = "user"
    seed: int = 1
    batch_size: int = 8
    batch_window: float = 0.02
    model_seconds: float = 0.0
    database: str = ":memory:"
    secret: str = "agent-chat-demo-secret"  # noqa: S105 - a demo's default; AGENT_CHAT_SECRET overrides it
    operator_key: str = "demo-operator"
    fault: str | None = None
    slow_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")
        if self.batch_size < 1:
            raise ValueError(f"batch size must be at least 1, not {self.batch_size}")
        if self.batch_window < 0:
            raise ValueError(f"batch window must not be negative, but is {self.batch_window}")
        if not 0 <= self.model_seconds < float("inf"):
            raise ValueError(f"model seconds must be a length of time, not {self.model_seconds}")
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}, not {self.fault!r}")
        if self.fault is not None and self.engine != "user":
            raise ValueError(f"fault {self.fault} must be tried with the user engine, not with {self.engine!r}")
        if self.slow_seconds is not None and not 0 <= self.slow_seconds < float("inf"):
            raise ValueError(f"slow seconds must be a length of time, not {self.slow_seconds}")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read ``AGENT_CHAT_ENGINE``, ``AGENT_CHAT_SEED`` and so on; what is not set keeps its default."""
        values = os.environ if env is None else env

        def get(name: str, default: object) -> str:
            return values.get(f"AGENT_CHAT_{name}", str(default))

        return cls(
            engine=cast("EngineName", get("ENGINE", cls.engine)),
            seed=int(get("SEED", cls.seed)),
            batch_size=int(get("BATCH_SIZE", cls.batch_size)),
            batch_window=float(get("BATCH_WINDOW", cls.batch_window)),
            model_seconds=float(get("MODEL_SECONDS", cls.model_seconds)),
            database=get("DATABASE", cls.database),
            secret=get("SECRET", cls.secret),
            operator_key=get("OPERATOR_KEY", cls.operator_key),
            fault=get("FAULT", "") or None,
            slow_seconds=float(slow) if (slow := get("SLOW_SECONDS", "")) else None,
        )
