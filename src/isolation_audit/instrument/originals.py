"""Python's builtins as they were at the start: the application may exchange its own, such as ``builtins.len``.

A module whose functions run for each store and read sets ``__builtins__`` to these before it defines them. So they call
none of the application's functions, and do not fail where one of them fails.
"""

from __future__ import annotations

import builtins
from typing import Any, Final

BUILTINS: Final[Any] = dict(vars(builtins))
