"""Prints pip constraints that pin every direct dependency to the lowest version that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

HIGHER = {
    "wrapt": "1.17.0",
    "click": "8.1.3",
    "pytest": "7.2.0",
    "starlette": "0.37.2",
    "uvicorn": "0.29",
    "websockets": "12.0",
    "jinja2": "3.1.2",
    "rich": "12.4.4",
}
"""Where the tests need more than we do: Flask 3, pytest-rerunfailures, and servers that have what came later.
tests/installation has the lowest of these."""

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
requirements = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
for requirement in requirements:
    if found := re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement):
        print(f"{found[1]}=={HIGHER.get(found[1], found[2])}")
