"""Here you find the key of the fingerprints: a secret that the stack generates, read once per process."""

import threading
from typing import TYPE_CHECKING

from apprunner_watcher.redaction import Fingerprints

if TYPE_CHECKING:
    from apprunner_watcher.aws.clients import Clients


class FingerprintKey:
    """Gives the fingerprints of the stack's key, or of a throw-away one where there is no stack."""

    def __init__(self, clients: "Clients", arn: str) -> None:
        """`arn`: of the secret; empty for a throw-away key. Nothing is read yet."""
        self._clients, self._arn = clients, arn
        self._fingerprints = None if arn else Fingerprints.throw_away()
        self._reading = threading.Lock()

    def __call__(self) -> Fingerprints:
        """The fingerprints. Raises what boto3 raises, and reads again the next time."""
        with self._reading:
            if self._fingerprints is None:
                answer = self._clients.secretsmanager.get_secret_value(SecretId=self._arn)
                self._fingerprints = Fingerprints(answer["SecretString"].encode())
            return self._fingerprints
