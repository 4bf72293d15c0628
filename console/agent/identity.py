"""Who this sensor is to its console: name, token and the certificate it talks to, in one file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.agent.files import write_whole

FILE = "identity.json"


class IdentityError(Exception):
    """There is no identity, or it cannot be read; the message says what to do."""


class Identity(BaseModel):
    """As enrolled. `certificates` are SHA-256 fingerprints, whole or their beginnings."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    sensor: str = Field(min_length=1, max_length=128)
    token: str = Field(min_length=1)
    url: str
    site: str = "default"
    certificates: tuple[str, ...] = ()
    enrolled: str = ""

    def save(self, folder: Path) -> None:
        """Keep it; nobody but the owner may read it. Raises OSError."""
        write_whole(folder / FILE, self.model_dump_json(indent=1).encode(), 0o600)


def load_identity(folder: Path) -> Identity | None:
    """The identity in the state folder; None where the sensor was never enrolled."""
    path = folder / FILE
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise IdentityError(
            f"{path}: damaged ({error.errors()[0]['msg']}); enrol the sensor again"
        ) from error
