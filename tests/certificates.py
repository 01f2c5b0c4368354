import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PLEX_DIRECT = f"{'0123456789abcdef' * 2}.plex.direct"


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate.

    Attributes:
        file: what a client needs to trust it.
        context: what a server needs to show it.
    """

    file: Path
    context: ssl.SSLContext


def make_certificate(folder: Path, name: str) -> Certificate:
    """Make a certificate.

    Args:
        folder: where its files go.
        name: as a certificate has it: `IP:127.0.0.1`, `DNS:*.plex.direct`.
    """
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl for a certificate")
    file, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=Plex", "-addext", f"subjectAltName={name}"),
            *("-keyout", str(key), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)
