"""The lowest version of every package that pyproject.toml allows, as constraints for pip: `make test-lowest`."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in (*project["dependencies"], *extras["effect"], *extras.get("app", ())):
    match = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)(?:,.*)?", requirement)
    if match is None:
        raise SystemExit(f"{requirement}: a lower bound is needed, as in 'numpy>=2.0'")
    print(f"{match[1]}=={match[2]}.*" if match[2].count(".") < 2 else f"{match[1]}=={match[2]}")
