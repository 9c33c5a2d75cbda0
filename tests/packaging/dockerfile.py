"""The Dockerfile's instructions, carried out without a container engine: its folders below one of ours.

Here: reading the instructions and running them. What needs root or another image is left out: FROM, USER and the
making of the user.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("venv", "app", "data")


@dataclass
class Image:
    """What the instructions make, below `root`."""

    root: Path
    repository: Path
    environment: dict[str, str] = field(default_factory=dict)
    health_command: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    workdir: str = "/"

    def here(self, text: str) -> str:
        """A text with the image's folders named as they lie below `root`."""
        return re.sub(rf"(?<![\w/.$])/({'|'.join(FOLDERS)})\b", lambda match: f"{self.root}/{match.group(1)}", text)

    def build(self, overrides: Mapping[str, str]) -> None:
        """Carry out the instructions in their order; `overrides` stand above the image's own variables."""
        for folder in FOLDERS[1:]:
            (self.root / folder).mkdir()
        for instruction, rest in instructions(self.repository / "Dockerfile"):
            self._carry_out(instruction, rest, overrides)

    def run_environment(self, overrides: Mapping[str, str]) -> dict[str, str]:
        """The variables with which the image's commands run."""
        path = f"{self.root}/venv/bin:{os.defpath}"
        plain = {name: value for name, value in self.environment.items() if name != "PATH"}
        return {"HOME": str(self.root), "PATH": path, **plain, **overrides}

    def _carry_out(self, instruction: str, rest: str, overrides: Mapping[str, str]) -> None:
        match instruction:
            case "ENV":
                pairs = (pair.split("=", 1) for pair in shlex.split(rest))
                self.environment.update({name: self.here(value) for name, value in pairs})
            case "WORKDIR":
                self.workdir = self.here(rest)
            case "COPY" if not rest.startswith("--from"):
                *sources, destination = rest.split()
                self._copy(sources, Path(self.workdir, self.here(destination)), destination.endswith("/"))
            case "RUN" if "useradd" not in rest:
                self._run(rest, overrides)
            case "HEALTHCHECK":
                self.health_command = json.loads(rest[rest.index("[") :])
            case "ENTRYPOINT":
                self.entrypoint = [self.here(part) for part in json.loads(rest)]

    def _copy(self, sources: list[str], destination: Path, is_folder: bool) -> None:
        for name in sources:
            source = self.repository / name
            target = destination / source.name if is_folder and source.is_file() else destination
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def _run(self, command: str, overrides: Mapping[str, str]) -> None:
        here = {**os.environ, **self.environment, **overrides}
        here["PATH"] = f"{Path(sys.executable).parent}:{here['PATH']}"
        done = subprocess.run(
            ["sh", "-c", self.here(command)], cwd=self.workdir, env=here, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Each instruction with what follows it, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)]
