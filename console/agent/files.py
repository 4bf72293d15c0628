"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o640) -> None:
    """Put `content` in the place of `path`, on the disk when this returns. Raises OSError.

    What root writes belongs to whom the folder belongs to: the sensor, which is not root, must read it.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(handle, "wb") as stream:
            os.fchmod(handle, mode)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        partial.unlink(missing_ok=True)
