"""Here you find what we never say: secrets are taken out here, before a snapshot exists.

Values of environment variables become what may be known of them; texts lose what looks like a secret, and what is one
of the service's own values.
"""

from apprunner_watcher.redaction.redactor import LONGEST_LINE, Redactor, printable
from apprunner_watcher.redaction.values import HIDDEN, LONGEST_SHOWN, SHORTEST_KNOWN, is_plain_word, is_secret_name
from apprunner_watcher.redaction.variables import (
    Fingerprints,
    Variable,
    is_usual,
    same,
    secrets_of,
    stand_in,
    variable,
)

__all__ = [
    "HIDDEN",
    "LONGEST_LINE",
    "LONGEST_SHOWN",
    "SHORTEST_KNOWN",
    "Fingerprints",
    "Redactor",
    "Variable",
    "is_plain_word",
    "is_secret_name",
    "is_usual",
    "printable",
    "same",
    "secrets_of",
    "stand_in",
    "variable",
]
