"""The server is told to load an object that the module does not have."""

from apprunner_watcher.rule import (
    Confidence,
    Evidence,
    Finding,
    Matches,
    Phase,
    Rule,
    Step,
    at_most,
    gravest,
    weight_of_last_words,
)
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a server of applications that says what it looked for."""
    confidence = weight_of_last_words(snapshot)
    if not confidence:
        return None
    for name, limit in (
        ("object", Confidence.CERTAIN),
        ("module", Confidence.LIKELY),  # the server's module itself may be what is missing
        ("vague", Confidence.POSSIBLE),  # any error while the module is loaded ends like this
    ):
        if found := matches.application(name):
            match, confidence = gravest(found, confidence)
            wanted = next((text for text in match.found.groups() if text), "the application")
            return Finding(at_most(limit, confidence), (Evidence.of(match.line),), {"object": wanted})
    return None


RULE = Rule(
    id="app-object-not-found",
    code="app-object-not-found",
    title="The server does not find the application object: {object}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "The start command names a module and an object in it (`main:app`). The module was looked for, and has no such"
        " object, or it is not what the server can serve."
    ),
    fix=(
        Step(
            "Name the object as the code does: `MODULE:OBJECT` for gunicorn, uvicorn, hypercorn and waitress, FLASK_APP for"
            " Flask, the config.ru for Rack. A factory needs `--factory` (uvicorn) or `MODULE:create_app()` (gunicorn)."
        ),
        Step("Start in the folder that the module's path begins in (WORKDIR, or --chdir and --app-dir)."),
        Step(
            "Prove it on the image before you deploy.",
            "docker run --rm --platform linux/amd64 YOUR_IMAGE",
        ),
    ),
    false_alarms=(
        "A module that the application imports and that is not installed is module-missing; its traceback stands above"
        " the server's words."
    ),
    docs="https://docs.gunicorn.org/en/stable/run.html",
    rollback="helps",
    check=check,
    application_patterns={
        "object": (
            r"Failed to find (?:attribute|application object):? '([^']+)'|Failed to parse '([^']+)' as an attribute name or function call|Application object must be callable"  # gunicorn
            r"|Error loading ASGI app\. (?:Attribute \"([^\"]+)\" not found|Import string \"([^\"]+)\" must be in format)|Error loading ASGI app factory"  # uvicorn
            r"|Cannot load application from '([^']+)', application not found|NoAppError"  # hypercorn
            r"|\bmodule '[\w.]+' has no attribute '(app|application|asgi|wsgi|asgi_app|wsgi_app|create_app|server|api|celery|get_app|make_app|init_app|flask_app|fastapi_app|dash_app|web_?app|asgi_application|wsgi_application)'"
            r"|does not define an? \"(application|app)\" attribute/class|^\d+\. module '[\w.]+' has no attribute '(\w+)'|[Bb]ad object name '([^']+)'|Malformed application '([^']+)'"  # waitress
            r"|unable to find ['\"]([^'\"]+)['\"] callable in file"  # uWSGI
            r"|[Ff]ailed to find (?:Flask|Quart) application or factory in module '?\"?([\w.]+)|Could not locate a (Flask|Quart|Litestar) application|Could not find (Litestar) instance or factory"
            r"|Detected factory '?\"?([\w.]+)'?\"? in module|Detected multiple (Flask applications) in module|valid (Flask application) was not obtained"
            r"|Could not find (FastAPI app) in module|Could not find a (default file) to run, please provide an explicit path|Module is not a (Sanic app)"
            r"|Unable to load celery application\.\s+Module '[^']+' has no attribute '([^']+)'|Module '[\w.]+' has no attribute '(celery|app)'"
            r"|is expected to contain a function named '?([\w.-]+)|Function '([^']+)' is not defined in the provided module|MissingTargetException"  # functions-framework
            r"|Handler '([^']+)' missing on module|Runtime\.HandlerNotFound: (\S+)|Runtime\.MalformedHandlerName: Bad handler '([^']+)'"
            r"|missing (run or map statement)|No (application) configured, nothing to run"  # Rack, Puma
            r"|Cannot find '(\w+)' in ASGI_APPLICATION module|Main method not found in class ([\w.$]+)"
        ),
        "module": (
            r"Error loading ASGI app\. Could not import module \"([^\"]+)\"|Cannot load application from '([^']+)', module not found"
            r"|WSGI application '([^']+)' could not be loaded|^Error: Could not import ['\"]([\w.]+)['\"]\.|Cannot import ASGI_APPLICATION module '?\"?([\w.]+)"
            r"|No (application module) specified|The module (\S+) was not found\.|configuration (\S*config\.ru) not found"
            r"|type named '(?:Startup\w+)' or '(Startup)' could not be found in assembly|Provided code is not a (loadable module)"
            r"|(?:(\w+)\.)?__call__\(\) missing \d required positional arguments?: '(?:send|receive|start_response)|There was an exception \((?:ImportError|ModuleNotFoundError)\) (importing your module)"
        ),
        "vague": (
            r"unable to load (app) 0 \(mountpoint=|TypeError: '(module)' object is not callable|no python (application) found, check your startup logs"
        ),
    },
)
