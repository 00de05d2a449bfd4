"""A secret stands in an environment variable, where everybody reads it who may look at the service."""

from apprunner_watcher.knowledge.known_secrets import secrets
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Occasion, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot

_MOST_NAMES = 12


def check(snapshot: Snapshot, _matches: Matches) -> Finding | None:
    """Find variables that hold passwords, keys or tokens, or connection strings with a password."""
    names = [one.name for one in secrets(snapshot.configuration.variables)]
    if not names:
        return None
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    listed = f"{', '.join(names[:_MOST_NAMES])}{more}"
    count = "A secret stands" if len(names) == 1 else f"{len(names)} secrets stand"
    return Finding(Confidence.CERTAIN, (Evidence.setting("RuntimeEnvironmentVariables", listed),), {"secrets": count})


RULE = Rule(
    id="secret-in-plain-text",
    code="secret-in-plain-text",
    title="{secrets} in plain text in the service's environment variables",
    phase=Phase.START,
    looks_at=frozenset({"configuration"}),
    why=(
        "App Runner shows the values of environment variables to everybody who may call DescribeService, and they stay in"
        " whatever describes the service: templates, pipelines, terminals."
    ),
    fix=(
        Step(
            "Put each into Secrets Manager or Parameter Store, refer to it under RuntimeEnvironmentSecrets, allow the"
            " instance role to read it, and change the secret itself."
        ),
    ),
    false_alarms="A value that only has the name of a secret, and is meant to be known, may stay where it is.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="does-not-help",
    check=check,
    is_remark=True,
    occasions=frozenset({Occasion.DEPLOYMENT, Occasion.LIVE}),
)
