"""Give a gRPC server its certificate, and again whenever its files change: they are renewed without a restart."""

import pathlib
from typing import Final

import grpc

from functions.runtime import logs
from functions.runtime.settings import Hosting, SettingsError

_log: Final = logs.logger("tls")


class _Files:
    """The files of a server's certificate; asked at every handshake, from a thread of gRPC's own."""

    def __init__(self, hosting: Hosting) -> None:
        self._key = pathlib.Path(hosting.tls_key_path)
        self._chain = pathlib.Path(hosting.tls_certificate_path)
        self._ca = pathlib.Path(hosting.tls_client_ca_path) if hosting.tls_client_ca_path else None
        self._marks = self._look()

    def read(self) -> grpc.ServerCertificateConfiguration:
        pair = (self._key.read_bytes(), self._chain.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], self._ca.read_bytes() if self._ca else None)

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Give what changed; None keeps what there is, as does what cannot be read yet."""
        try:
            marks = self._look()
            if marks == self._marks:
                return None
            fresh = self.read()
        except (OSError, ValueError) as error:
            _log.error("certificate_not_renewed", reason=str(error))
            return None
        self._marks = marks
        _log.info("certificate_renewed", path=str(self._chain))
        return fresh

    def _look(self) -> list[tuple[int, int, int]]:
        found = [file.stat() for file in (self._key, self._chain, self._ca) if file is not None]
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in found]


def server_credentials(hosting: Hosting) -> grpc.ServerCredentials | None:
    """Give what a server shows, and whom it asks to show a certificate; None where it listens in clear.

    Raises:
        SettingsError: A file cannot be read.
    """
    if not hosting.tls_certificate_path:
        return None
    try:
        files = _Files(hosting)
        first = files.read()
    except OSError as error:
        msg = f"cannot start: {error}"
        raise SettingsError(msg) from error
    return grpc.dynamic_ssl_server_credentials(
        first,
        files.renewed,  # type: ignore[arg-type] # None keeps what there is, as gRPC documents
        require_client_authentication=bool(hosting.tls_client_ca_path),
    )
