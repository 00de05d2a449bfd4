"""Here you find how a program is refused: the words of container runtimes, init programs and shells, and what it is.

runc says `exec /app/server: exec format error`, once it said `standard_init_linux.go:228: exec user process caused: …`;
crun, tini, dumb-init, su-exec, s6, gVisor, supervisord and the shells have words of their own. A running program that
fails to start a helper is another matter: Go says `fork/exec …`, Python `[Errno 8] …`.
"""

import re

_OPENING = r"[\"'`\u2018]?"
_CLOSING = r"[\"'`\u2019]?"
_BEFORE = (
    r"(?:"
    r"exec: (?:fatal: )?(?:unable to exec )?"  # runc, Go's LookPath, s6
    r"|exec(?: container process)?(?: \(missing dynamic library\?\))? "  # runc, tini, crun
    r"|failed to (?:load|run command|execute) "  # gVisor, nohup, setpriv
    r"|couldn't exec |can't execute |cannot execute |sudo: unable to execute "  # supervisord, busybox, sudo
    r"|(?:/[\w/]{1,40}/)?(?:su-exec|env|chroot|gosu): |\[dumb-init\] "
    r"|[\w./-]{1,80}: (?:line )?\d+: (?:exec: )?"  # a script and its line
    r"|(?:/[\w/]{1,40}/)?(?:ba|da|a)?sh: (?:exec: )?"
    r")"
)
_SHELL_SCRIPT = re.compile(r"\.(?:ba|z|a)?sh$|entry-?point(?!\.(?:py|js|rb|php))[\w.-]*$", re.IGNORECASE)
_OF_BASE_IMAGE = re.compile(r"^/(?:usr/local/bin/)?docker-(?:php-)?entrypoint(?:\.sh)?$")
_INIT = re.compile(r"\[FATAL tini |\[dumb-init\] |\b(?:s6-[\w-]+|su-exec|gosu|sudo|supervisor\w*): ")
# written by installers, with a `#!` line that names the interpreter of the environment
_CONSOLE_SCRIPT = re.compile(
    r"/(?:\.?venv|env|virtualenv|\.local)/bin/(?!python)"
    r"|(?:^|/)(?:uvicorn|gunicorn|hypercorn|daphne|flask|fastapi|celery|alembic|streamlit|pip3?|poetry|django-admin|npm|npx"
    r"|yarn|pnpm|next|nest|bundle|rails|rake|puma|composer)$"
)


def refusal(error: str) -> str:
    """A pattern for a program that is refused with `error`, which is a pattern as well.

    Its group `program` is empty where only the error is told.
    """
    named = rf"(?:^|[\s:|\]\"]){_BEFORE}{_OPENING}(?P<program>[^\s\"'`\u2018\u2019:]+){_CLOSING}(?: failed)?: "
    return rf"{named}(?:cannot execute binary file: )?(?:{error})|\bexec user process caused:?[ \"]+(?:{error})"


def is_shell_script(program: str) -> bool:
    """Whether its name is that of a script for a shell, which somebody wrote."""
    return bool(_SHELL_SCRIPT.search(program))


def is_of_base_image(program: str) -> bool:
    """Whether it is the entrypoint of Docker's official images, which works."""
    return bool(_OF_BASE_IMAGE.search(program))


def is_told_by_init(text: str) -> bool:
    """Whether an init of the image tells it: that one at least could be executed, so the image's platform is right."""
    return bool(_INIT.search(text))


def is_console_script(program: str) -> bool:
    """Whether a package manager wrote it: a few lines for an interpreter that the `#!` line names."""
    return bool(_CONSOLE_SCRIPT.search(program))
