"""The application's code is put together in a way that its framework or language refuses, with any setting."""

from apprunner_watcher.knowledge.local_run import docker_run
from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, weight
from apprunner_watcher.snapshot import Snapshot

_LONGEST = 60  # of a title


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a framework that names a mistake in what was registered, declared or imported, before anything listens."""
    found = [match for _, match in matches.of(*RULE.application_patterns) if not match.line.is_warning]
    if not found or snapshot.application_log.listening or weight(snapshot) in {None, Confidence.POSSIBLE}:
        return None
    error = found[0][0]
    cut = f"{error[:_LONGEST]}…" if len(error) > _LONGEST else error
    return Finding(Confidence.LIKELY, (Evidence.of(found[0].line),), {"error": cut, "docker_run": docker_run(snapshot)})


RULE = Rule(
    id="app-crash-wiring",
    code="app-crash",
    title="The application's code is refused while it is loaded: {error}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The framework reads what the code registers, declares and imports before it serves, and ends at the first thing"
        " that contradicts itself. No setting cures it; often a package was updated past what the code was written for."
    ),
    fix=(
        Step("Cure what the line names in the code, or set the package back to the version that it was written for."),
        Step("Lock the versions of all packages, and build the image from the lock file."),
        Step("See it locally, with the variables set in your shell as the service has them.", "{docker_run}"),
    ),
    false_alarms="What a framework only warns of while it goes on to listen does not end the process.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-create-failure.html",
    rollback="helps",
    check=check,
    application_patterns={
        "node": (
            r"Nest can't resolve dependencies of the \S+|Nest cannot (?:create|export) [^\n]{1,60}|Nest could not find \S+ element|A circular dependency has been detected"
            r"|(?:Router|app)\.use\(\) requires a middleware function|(?:Route|Router)\.\w+\(\) requires (?:a )?callback functions?"
            r"|Missing parameter name at (?:index )?\d+|Unexpected [(?+*!\[] at (?:index )?\d+, expected END"  # path-to-regexp
            r"|FST_ERR_(?:DUPLICATED_ROUTE|PLUGIN_VERSION_MISMATCH|\w+_ALREADY_PRESENT|DEC_\w+|INSTANCE_ALREADY_LISTENING)|Method '\w+' already declared for route"
            r"|expected '[^']+' fastify version, '[^']+' is installed|OverwriteModelError|MissingSchemaError"  # Mongoose
            r"|No metadata for \"\w+\" was found|Entity metadata for \S+ was not found|CircularRelationsError"  # TypeORM
            r"|Schema must contain uniquely named types|from another module or realm|defined in resolvers, but not in schema|CannotDetermineOutputTypeError"
            r"|SyntaxError: Identifier '\w+' has already been declared|ReferenceError: Cannot access '\w+' before initialization"
        ),
        "python": (
            r"\(most likely due to a circular import\)|ImportError: cannot import name '(?!\w+_pb2|app'|application'|create_app'|celery')\w+' from '[\w.]+' \(/(?![^)]{0,200}(?:site-packages|dist-packages|lib/python))[^)]{1,200}\.py\)|partially initialized module '[\w.]+' has no attribute"
            r"|View function mapping is overwriting an existing endpoint|The name '[\w.-]+' is already registered for|can no longer be called on the (?:application|blueprint)"
            r"|Working outside of (?:application|request) context"  # Flask
            r"|Invalid args for response field|Prefix and path cannot be both empty|must not have a response body|A path prefix must start with"  # FastAPI
            r"|A non-annotated attribute was detected|`\w+` keyword is removed|has conflict with protected namespace|has been removed in V2"  # pydantic
            r"|is not fully defined; you should define|`BaseSettings` has been moved to"
            r"|Apps aren't loaded yet|Models aren't loaded yet|Application labels aren't unique|doesn't declare an explicit app_label|Conflicting '\w+' models in application"
            r"|Cannot import '[\w.]+'\. Check that '[^']+' is correct|does not appear to have any patterns in it|AUTH_USER_MODEL refers to model '[^']+' that has not been installed"
            r"|\((?:fields|models|admin|urls|auth)\.E\d{3}\)|SystemCheckError: System check identified"
            r"|Table '[^']+' is already defined for this MetaData|One or more mappers failed to initialize|Attribute name 'metadata' is reserved|NoForeignKeysError|NoReferencedTableError"
            r"|Duplicated timeseries in CollectorRegistry|There is no current event loop in thread|cannot be called from a running event loop|no running event loop"
            r"|TypeError: (?!dataclass\b)[^\n]{0,80}got an unexpected keyword argument '\w+'|Descriptors cannot (?:not )?be created directly"
            r"|SyntaxError: (?:unterminated (?:triple-quoted )?string literal|'[(\[{]' was never closed|unmatched '|EOL while scanning|non-default argument follows|'\w+' outside (?:function|loop)|cannot assign to)"
            r"|(?:IndentationError|TabError): \w[^\n]{0,80}"
        ),
        "java": (
            r"required a bean of type '(?!javax?\.|jakarta\.|org\.springframework\.)[^']+' that could not be found|required a single bean, but \d+ were found"
            r"|dependencies of some of the beans in the application context form a cycle|bean with that name has already been defined in|ConflictingBeanDefinitionException"
            r"|attempt was made to call a method that does not exist|LoggerFactory is not a Logback LoggerContext|NoSuch(?:Method|Field)Error: (?!\W{0,3}[\w.$]{0,60} ?java[./])\W?\w|IncompatibleClassChangeError|AbstractMethodError"
            r"|Ambiguous mapping\. Cannot map|Not a managed type: class|No property '?\w+'? found for type|missing ServletWebServerFactory bean"
            r"|Unsatisfied dependency for type \S+ and qualifiers|Ambiguous dependencies for type"  # Quarkus
        ),
        "dotnet": (
            r"Unable to resolve service for type '[^']+' while attempting to activate|Cannot consume scoped service '[^']+' from singleton|A circular dependency was detected for the service"
            r"|Unable to find the required services\. Please add|No constructor for type '[^']+' can be instantiated|Body was inferred but the method does not allow inferred body"
            r"|EndpointRoutingMiddleware matches endpoints|Scheme already exists: \w+|MissingMethodException: Method not found"
        ),
        "ruby": (
            r"expected file \S+ to define constant|Invalid route name, already in use|superclass mismatch for class|uninitialized constant ActiveSupport::LoggerThreadSafeLevel"
            r"|\.rb:\d+: syntax error|\.rb:\d+: syntax errors? found"
        ),
        "php": (
            r"PHP Fatal error: +(?:Cannot (?:re)?declare|Declaration of|Class \S+ contains \d+ abstract|Trait \"[^\"]+\" not found|Access level to)|Target class \[[^\]]+\] does not exist"
            r"|Cannot autowire service|has a dependency on a non-existent service|Circular reference detected for service"
        ),
        "go": (
            r"panic: (?:http: multiple registrations for|pattern \"[^\"]+\" \(registered at|flag redefined|http: invalid pattern)|^panic: handlers are already registered"
            r"|conflicts with existing wildcard|panic: chi: |duplicate metrics collector registration attempted|is already registered\b[^\n]{0,80}namespace conflict|function \"\w+\" not defined"
            r"|fatal error: all goroutines are asleep|panic: interface conversion: |panic: proto: "
        ),
        "rust": (
            r"there is no reactor running, must be called from|Cannot (?:start|drop) a runtime (?:from within a runtime|in a context)|Overlapping method route|Path segments must not start with `"
        ),
    },
    is_generic=True,
)
