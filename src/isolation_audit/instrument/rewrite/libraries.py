"""Modules of libraries that keep something for whoever calls them: what is written there is the application's state.

Each is here for leaks that were seen: one history, memory or schema for all users, made once and handed to everybody.
"""

from __future__ import annotations

from typing import Final

KEEPING: Final = (
    "autogen_core.memory",
    "autogen_core.model_context",
    "langchain.memory",
    "langchain_classic.memory",
    "langchain_community.chat_message_histories",
    "langchain_core.chat_history",
    "langchain_core.memory",
    "langgraph.checkpoint.memory",
    "llama_index.core.memory",
    "llama_index.core.storage.chat_store",
    "marshmallow.schema",
    "semantic_kernel.contents.chat_history",
)
