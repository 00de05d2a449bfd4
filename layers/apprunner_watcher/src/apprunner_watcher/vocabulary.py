"""Here you find the published codes: what the user must change, in the words that filters and subscriptions use.

A code, once published, is never used for something else. A rule may be finer than a code; several rules may give one.
"""

from collections.abc import Mapping

CAUSES: Mapping[str, Mapping[str, str]] = {
    "Image": {
        "image-architecture": "the image is not built for linux/amd64",
        "image-not-found": "the tag or digest is not in the repository, or there is no such repository",
        "image-wrong-region": "a private ECR image lies in another Region than the service",
        "image-manifest-unsupported": "App Runner cannot use the image's manifest or index",
        "image-too-large": "the image does not fit the ephemeral storage",
        "access-role-invalid": "the access role does not let App Runner pull from ECR",
    },
    "Start of the container": {
        "start-command-needs-shell": "the start command is written for a shell and is run without one",
        "start-command-not-found": "what the start command names is not in the image, or not where it is looked for",
        "start-command-stale": "a start command of an earlier update overrides the image's own",
        "entrypoint-line-endings": "the entrypoint script has Windows line ends, or no usable first line",
        "entrypoint-permission-denied": "the container's user may not execute or read the entrypoint",
        "process-exits-at-once": "the main process ends by itself, with exit code 0",
        "module-missing": "a package, module or generated client is not in the image",
        "module-format": "an ES module and CommonJS are mixed up",
        "native-module-platform": "a native module was built for another platform",
        "runtime-version-mismatch": "the image's language runtime is not the version that the application needs",
        "build-output-missing": "the image lacks what the application's build puts out",
        "app-object-not-found": "the server is to load an object that the module does not have",
        "address-in-use": "another process of the container already has the port",
        "web-server-config-invalid": "the web server refuses its own configuration",
        "shared-library-missing": "a system library is not in the image, or is too old",
        "libc-mismatch": "a binary was linked against another C library than the image has",
        "app-crash": "the application's own code raises while it starts",
        "silent-exit": "the container ends, or never opens its port, without one line of log",
        "container-never-started": "the image was pulled, and nothing ever ran",
        "out-of-memory": "the memory does not suffice",
        "storage-full": "the ephemeral storage is full",
        "segmentation-fault": "native code crashes",
        "path-not-writable": "the container's user may not write a path that the application needs",
        "privileged-port": "a user other than root binds a port below 1024",
        "worker-timeout": "the server ends a worker that does not come up in time",
    },
    "Configuration of the application": {
        "env-var-missing": "an environment variable that the application requires is not set, or empty",
        "config-validation-failed": "the application's own start-up check refuses a value that is set",
        "config-value-malformed": "a value is set and cannot be parsed, or not be used as it is",
        "dev-server": "a development server is what runs",
    },
    "Health check": {
        "port-mismatch": "the application listens on another port than the service's",
        "bind-address": "the application listens where nobody outside of the container reaches it",
        "health-path-not-found": "the path of the health check answers 404",
        "health-path-unauthorized": "the path of the health check answers 401 or 403",
        "health-path-redirects": "the path of the health check answers with a redirect",
        "health-path-errors": "the path of the health check answers with a server error",
        "host-header-rejected": "the application refuses the Host header of the health check",
        "slow-start": "the application comes up, later than the health check allows",
        "health-check-overwritten": "the settings of the health check are not the ones that last worked",
    },
    "Database, cache and other dependencies": {
        "egress-no-connector": "a dependency is private, and the service has no VPC connector",
        "egress-no-internet": "through its VPC connector the service does not reach the internet",
        "vpc-endpoint-missing": "through its VPC connector the service does not reach one API of AWS",
        "security-group-blocks": "a security group or network ACL refuses the dependency's port",
        "dependency-subnet-routing": "the dependency's own subnets have no usable route",
        "dependency-unreachable": "a named dependency refuses the connection or does not answer",
        "dependency-on-localhost": "a client looks for its dependency inside the container",
        "dependency-name-unresolved": "the name of a dependency does not resolve",
        "tls-required": "a dependency wants TLS, or the TLS set-up to it fails",
        "dependency-credentials-wrong": "a dependency refuses user, password, or the name of its database",
        "connections-exhausted": "the database or the pool has no connection left",
        "dependency-not-ready": "a dependency is still starting up, and the application does not wait",
        "database-not-migrated": "tables, columns or types are missing",
        "database-migration-failed": "a migration that runs at the start fails",
        "database-version-unsupported": "the database server is too old or too new",
    },
    "Permissions of the running service": {
        "instance-role-missing": "there is no instance role, and one is needed",
        "instance-role-trust": "the instance role does not trust tasks.apprunner.amazonaws.com",
        "instance-role-permission": "the instance role lacks the permission for a call of the application",
        "secret-access-denied": "a secret or parameter that is referenced cannot be read, or does not exist",
        "kms-decrypt-denied": "the key of a secret refuses the instance role",
        "credentials-expected-in-env": "the application demands static AWS keys although a role provides them",
    },
    "Build from source": {
        "build-command-failed": "a command of the build exits with an error",
        "runtime-version-unsupported": "the managed runtime or its version is not offered",
        "build-output-not-carried": "what the build made outside of /app is not there at run time",
        "source-directory-wrong": "the build looks in a folder without the project",
        "config-file-invalid": "apprunner.yaml is missing or malformed",
        "os-package-manager": "the build calls a package manager that the build image does not have",
        "source-connection-broken": "the connection to the source provider, or the branch, cannot be used",
    },
    "Network set-up of the service, quotas, platform": {
        "connector-public-subnets": "the VPC connector's subnets are public, and traffic has no way out of them",
        "connector-subnet-unusable": "a subnet of the VPC connector cannot be used",
        "connector-inoperative": "the VPC connector says ACTIVE and does not work",
        "quota-exceeded": "a quota of App Runner, or of what it runs on, is exceeded",
        "auto-deployment-unsupported": "automatic deployment cannot work with this repository",
        "auto-scaling-invalid": "the auto scaling configuration is out of range",
        "custom-domain-validation": "the certificate of a custom domain cannot be validated",
        "websocket-unsupported": "App Runner does not pass WebSocket connections on",
        "operation-in-progress": "two operations of the service collide",
        "service-in-failed-state": "the service is in a state in which the call cannot work",
        "caller-permission": "who called App Runner lacks a permission",
        "iam-propagation": "a role was used moments after it was made",
        "proxy-protocol": "the application misreads the headers of App Runner's proxy",
    },
}
"""By group, in the order of a deployment: the codes of causes, and what the user must change."""

REMARKS: Mapping[str, str] = {
    "secret-in-plain-text": "a secret stands in an environment variable",
    "secret-reused": "two variables hold the same secret",
    "value-has-whitespace": "a value has blanks or line breaks where none belong",
    "placeholder-or-default-value": "a value is a default, an example or a stub",
    "cors-wildcard": "any origin is admitted",
    "dependency-open-to-world": "a database or cache admits every address",
    "default-security-group": "a dependency uses the VPC's default security group",
    "patience-shorter-than-start": "the health check gives up sooner than the application starts",
    "tcp-check-on-http": "the health check only opens the port of an HTTP service",
    "mutable-tag-auto-deploy": "automatic deployment follows a tag that moves",
    "runtime-end-of-support": "the managed runtime is past its end of support",
    "dockerfile-healthcheck-ignored": "the image has a HEALTHCHECK, which App Runner does not use",
    "second-port-unreachable": "the application opens another port, which App Runner does not serve",
    "healthy-image-expiring": "the last healthy image is about to leave the repository",
    "unknown-running-image": "what runs cannot be told apart from a newer image of the same tag",
}
"""What is worth fixing and is not the cause. The code of a cause may be a remark as well."""


def meaning(code: str) -> str:
    """What a code says, empty for one that is not published."""
    causes = {name: words for group in CAUSES.values() for name, words in group.items()}
    return causes.get(code) or REMARKS.get(code, "")
