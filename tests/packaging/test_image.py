"""The image: the commands of its Dockerfile build an environment in which its three commands start and answer."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.commands import REPOSITORY
from tests.packaging.dockerfile import Image, instructions

START_SECONDS = 60.0
STOP_SECONDS = 30.0
BUILD_OVERRIDES = {"UV_COMPILE_BYTECODE": "0", "UV_LINK_MODE": "hardlink"}
"""Only what makes the build last: the image compiles and copies, this test does without."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the Dockerfile makes, in a folder."""
    if _engine_works():
        pytest.skip("a container engine is there: `make image` builds the image itself")
    if not _has_cached_packages():
        pytest.skip("the packages are not in uv's cache: building would take minutes")
    made = Image(tmp_path_factory.mktemp("image"), REPOSITORY)
    made.build(BUILD_OVERRIDES)
    return made


def test_the_web_server_answers_the_health_check_and_ends_on_sigterm(image: Image) -> None:
    port = _free_port()
    health = [part.replace(":3000", f":{port}") for part in image.health_command]
    with _running(image, "webserver", PORT=str(port)) as process:
        assert _holds(lambda: _succeeds(image, health), process), process.args
    assert process.returncode in (0, -signal.SIGTERM)


def test_the_daemon_lives_and_ends_on_sigterm(image: Image) -> None:
    with _running(image, "daemon") as process:
        assert _holds(lambda: _succeeds(image, ["dagster-daemon", "liveness-check"]), process), process.args
    assert process.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize("command", [["crm", "sources", "check"], ["sources", "check"]])
def test_any_other_command_is_one_of_crm(image: Image, command: list[str]) -> None:
    done = subprocess.run(
        [*image.entrypoint, *command],
        cwd=image.workdir,
        env=image.run_environment({}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "are declared well" in done.stdout


def test_a_persons_own_settings_of_dagster_stand(image: Image, tmp_path: Path) -> None:
    own = tmp_path / "dagster.yaml"
    own.write_text("telemetry: {enabled: false}\n")
    environment = image.run_environment({"DAGSTER_HOME": str(tmp_path)})
    subprocess.run([*image.entrypoint, "--help"], cwd=image.workdir, env=environment, check=True, capture_output=True)
    assert own.read_text() == "telemetry: {enabled: false}\n"


def test_the_image_runs_as_a_user_without_rights() -> None:
    users = [rest for name, rest in instructions(REPOSITORY / "Dockerfile") if name == "USER"]
    assert users and users[-1] not in ("root", "0")


def test_the_services_of_the_compose_file_are_commands_of_the_entrypoint_and_have_health_checks() -> None:
    composed = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    services = composed["services"]
    assert {name: service.get("command") for name, service in services.items() if name != "postgres"} == {
        "webserver": ["webserver"],
        "daemon": ["daemon"],
    }
    assert "healthcheck" in services["postgres"] and "healthcheck" in services["daemon"]
    named = {each["env"] for each in _postgres_settings().values() if isinstance(each, dict)}
    assert named <= services["daemon"]["environment"].keys()


def _postgres_settings() -> dict[str, object]:
    settings: dict[str, object] = yaml.safe_load((REPOSITORY / "docker" / "dagster.yaml").read_text())["storage"][
        "postgres"
    ]["postgres_db"]
    return settings


@contextmanager
def _running(image: Image, command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    log = image.root / f"{command}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*image.entrypoint, command],
            cwd=image.workdir,
            env=image.run_environment(variables),
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _holds(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if is_so():
            return True
        time.sleep(0.5)
    return False


def _succeeds(image: Image, command: list[str]) -> bool:
    environment = image.run_environment({})
    found = shutil.which(command[0], path=environment["PATH"]) or command[0]
    done = subprocess.run(
        [found, *command[1:]], cwd=image.workdir, env=environment, capture_output=True, timeout=START_SECONDS
    )
    return done.returncode == 0


def _engine_works() -> bool:
    engine = shutil.which("docker") or shutil.which("podman")
    return bool(engine) and subprocess.run([str(engine), "info"], capture_output=True).returncode == 0


def _has_cached_packages() -> bool:
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
    return any(cache.glob("archive-*/*"))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
