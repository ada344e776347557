"""The configuration of a run that has no file: where the environment is silent, it needs none of what reads one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from isolation_audit.config.finding import DEPTH_VARIABLE, STORE_VARIABLE

if TYPE_CHECKING:
    from isolation_audit.config.model import Config


def default_config() -> Config:
    """The configuration of a run that has no file: nothing but the environment speaks.

    Raises:
        ConfigError: the environment says something impossible.
    """
    if {DEPTH_VARIABLE, STORE_VARIABLE} & os.environ.keys():
        from isolation_audit.config.files import parse_config

        return parse_config({}, environ=os.environ)
    from isolation_audit.config.model import Config

    return Config()
