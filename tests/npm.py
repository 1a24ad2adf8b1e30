"""Libraries of Node.js that judge what we say, installed for the time of a test and pinned by the test itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def install(library: str, folder: Path) -> Path:
    """Install `library` into `folder` and return it; where there is no node, or nowhere to get it from, say so."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(f"node and npm are not here, so {library} judges nothing")
    quickly = ["--prefer-offline", "--fetch-retries=1", "--fetch-timeout=20000"]
    command = ["npm", "install", library, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", *quickly]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
        reason = "" if done.returncode == 0 else done.stderr[-500:]
    except subprocess.TimeoutExpired:
        reason = "it took too long"
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"npm does not install {library}: {reason}")
    if reason:
        pytest.skip(f"npm does not install {library}, so it judges nothing: {reason}")
    return folder
