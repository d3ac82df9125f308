"""What Apache Kafka runs on: a Java runtime, and its jars as Maven has them."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streams.settings import ConfigurationError

JAVA_VERSION: Final = 17
POM: Final = Path(__file__).with_name("pom.xml")
_CACHE: Final = Path(__file__).resolve().parents[2] / ".kafka"
_VERSION: Final = re.compile(r'version "(\d+)')


def require_java() -> str:
    """Return the path of a Java runtime that runs Kafka.

    Raises:
        ConfigurationError: If there is none, or only an older one.
    """
    remedy = "install the package openjdk-17-jre-headless"
    java = shutil.which("java")
    if java is None:
        raise ConfigurationError(f"Apache Kafka needs Java {JAVA_VERSION} or newer: {remedy}")
    said = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    found = _VERSION.search(said)
    if found is None or int(found[1]) < JAVA_VERSION:
        version = f"Java {found[1]}" if found else "of no version that it tells"
        raise ConfigurationError(
            f"Apache Kafka needs Java {JAVA_VERSION} or newer, and {java} is {version}: {remedy}"
        )
    return java


def require_jars(pom: Path = POM, *, cache: Path = _CACHE) -> Path:
    """Return the folder of Kafka's jars; Maven copies them there the first time.

    Its name is the pom's checksum, so another version is another folder. It appears when it is
    whole; who asks for it meanwhile waits.

    Raises:
        ConfigurationError: If Maven is missing, or can't get them.
    """
    folder = cache / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigurationError(
            "Apache Kafka's jars are got with Maven, which is missing: install the package maven"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache), tempfile.TemporaryDirectory(dir=cache, prefix="incomplete-") as name:
        if folder.is_dir():
            return folder
        incomplete = Path(name) / "jars"
        copying = subprocess.run(
            [
                *(maven, "--quiet", "--batch-mode", "--file", str(pom)),
                *("dependency:copy-dependencies", f"-DoutputDirectory={incomplete}"),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if copying.returncode:
            errors = [line for line in copying.stdout.splitlines() if "ERROR" in line]
            raise ConfigurationError(
                f"Maven can't get Apache Kafka's jars: {errors[0] if errors else copying.stderr}"
            )
        incomplete.rename(folder)
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
