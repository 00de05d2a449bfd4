"""Here you find what App Runner's managed runtimes keep of what a build installs, and what of it is a package's.

The revised build (Python 3.11, Node.js 18 and 22) copies /app alone into the image that runs; the older runtimes run in
the image that they were built in. https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html
"""

import re

_REVISED = re.compile(r"PYTHON_3\d\d|NODEJS_(?:18|2\d)")
_BY_PIP = re.compile(
    r"\b(?:pip[\d.]*|python[\d.]*\s+-m\s+pip)\s+install\b(?![^&|;\n]{0,200}(?:\s-t\b|--target|--prefix))"
    r"|\b(?:poetry|pipenv|pdm) (?:install|sync)\b|\buv pip (?:install|sync)\b"
)
_INTO_THE_FOLDER = re.compile(r"venv|virtualenv|PYTHONUSERBASE|in-project|IN_PROJECT")
_BY_NPM = re.compile(
    r"\b(?:npm|pnpm)\s+(?:i|install|add)\b[^&|;\n]{0,120}?\s(?:-g|--global|--location=global)\b|\byarn global add\b"
    r"|\bcorepack (?:enable|prepare)\b"
)
_INSTALLED = re.compile(r"([A-Za-z0-9][\w.]*(?:-[A-Za-z_][\w.]*)*)-\d[\w.!+]*")
_PROGRAMS_OF_PYTHON = re.compile(
    r"gunicorn|uvicorn|hypercorn|daphne|waitress-serve|flask|fastapi|django-admin|celery|streamlit|alembic|"
    r"poetry|pipenv|uv|pdm|gradio|chainlit|mlflow|uwsgi|sanic|litestar|granian"
)
_PROGRAMS_OF_NODE = re.compile(
    r"pm2|pm2-runtime|pnpm|yarn|ts-node|tsx|nodemon|serve|http-server|nest|next|tsc|bun|forever|"
    r"concurrently"
)
_OWN_MODULES = re.compile(
    r"app|application|main|src|api|server|config|settings|core|backend|wsgi|asgi|manage|project|run|utils|"
    r"models|routes|lib"
)


def is_revised(runtime: str) -> bool:
    """Whether the image that runs gets /app of the build and nothing else."""
    return bool(_REVISED.fullmatch(runtime))


def installs_by_pip(command: str) -> bool:
    """Whether it installs packages of Python outside of the project's folder."""
    return bool(_BY_PIP.search(command)) and not _INTO_THE_FOLDER.search(command)


def installs_by_npm(command: str, program: str) -> bool:
    """Whether it installs this program of Node.js outside of the project's folder."""
    found = _BY_NPM.search(command)
    return bool(found) and (
        "corepack" in command or bool(re.search(rf"(?<![\w-]){re.escape(program)}(?![\w-])", command))
    )


def installed_by_pip(text: str) -> frozenset[str]:
    """The modules that `Successfully installed Flask-3.0.3 python-dotenv-1.0.1` may stand for."""
    names = {plain(one) for one in _INSTALLED.findall(text)}
    return frozenset(names | {part for name in names for part in name.split("_")})


def plain(name: str) -> str:
    """The name of a package as Python writes its module."""
    return re.sub(r"[-.]", "_", name.lower())


def is_program_of_python(name: str) -> bool:
    """Whether a usual package of Python brings this program."""
    return bool(_PROGRAMS_OF_PYTHON.fullmatch(name))


def is_program_of_node(name: str) -> bool:
    """Whether a usual package of Node.js brings this program."""
    return bool(_PROGRAMS_OF_NODE.fullmatch(name))


def is_own_module(name: str) -> bool:
    """Whether people name their own modules so."""
    return bool(_OWN_MODULES.fullmatch(name))
