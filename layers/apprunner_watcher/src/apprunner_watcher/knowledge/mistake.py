"""Here you find what a stack trace tells of the application's own code: a mistake in it, and the place."""

import re

from apprunner_watcher.log import Line, Trace
from apprunner_watcher.snapshot import Snapshot


def is_own(trace: Trace, snapshot: Snapshot) -> bool:
    """Whether a mistake of the code raised it, in a file of the application, and nothing speaks of its surroundings."""
    if not _MISTAKE.search(trace.says) or _ABOUT_SURROUNDINGS.search(trace.says):
        return False
    texts = [row for line in trace.lines for row in line.text.split("\n")]
    of_stream = [line for line in snapshot.application_log.failing if line.stream == trace.root.stream]
    if any(_READS_SURROUNDINGS.search(line.text) for line in of_stream) or snapshot.application_log.listening:
        return False
    frames = [text for text in texts if _FRAME.search(text) and not _OF_RUNTIME.search(text)]
    if not frames:
        return False
    # Python prints the frame that raised last, the others first
    raised = frames[-1] if _PYTHON_FRAME.match(frames[-1]) else frames[0]
    return not _OF_LIBRARY.search(raised)


def place_of(trace: Trace) -> Line | None:
    """The frame of the application's own code that is nearest to where the root exception was raised."""
    if _FRAME.search(trace.root.text):
        return None  # it names the place itself
    at = next(place for place, line in enumerate(trace.lines) if line is trace.root)
    # Python prints the frames above the error, the nearest last; the others below
    above = (line for line in reversed(trace.lines[:at]) if _PYTHON_FRAME.match(line.text))
    return next(filter(_is_of_own_code, (*above, *trace.lines[at + 1 :])), None)


def _is_of_own_code(line: Line) -> bool:
    is_frame = "\n" not in line.text and bool(_FRAME.search(line.text))
    return is_frame and not _OF_RUNTIME.search(line.text) and not _OF_LIBRARY.search(line.text)


_MISTAKE = re.compile(
    # Python, JavaScript
    r"(?<![\w.])(?:TypeError|NameError|AttributeError|IndexError|UnboundLocalError|ZeroDivisionError|RecursionError|IndentationError|TabError|ReferenceError)(?:$|:)"
    r"|(?<![\w.])KeyError: (?:'[a-z][\w .-]*'|\d+)$|SyntaxError: (?:Identifier '\w+' has already been declared|unterminated string literal|'[(\[{]' was never closed|unmatched|expected ':'|EOL while scanning)"
    # Java, .NET
    r"|\b(?:NullPointer|ArrayIndexOutOfBounds|IndexOutOfBounds|StringIndexOutOfBounds|ClassCast|Arithmetic|IndexOutOfRange|InvalidCast|DivideByZero)Exception\b"
    # Go, Rust, Ruby, Elixir
    r"|panic: runtime error: (?:invalid memory address|index out of range|slice bounds|integer divide)|panic: assignment to entry in nil map"
    r"|called `Option::unwrap\(\)` on a `None` value|index out of bounds: the len is|attempt to (?:subtract|add|multiply) with overflow|attempt to divide by zero"
    r"|\((?:NoMethodError|ZeroDivisionError|IndexError|FrozenError|Zeitwerk::NameError)\)$|\((?:UndefinedFunctionError|ArithmeticError)\)"
)
# what is the matter may then be a setting, a version, a connection, and not the code
_ABOUT_SURROUNDINGS = re.compile(
    r"(?i)connect|refused|time(?:d ?)?out|permission|denied|environ|\benv\b|process\.env|getenv|not found|no such|missing|required|auth|passw|credential|token|secret|certificate|\bssl|\btls"
    r"|host|\bdns|socket|invalid url|fetch failed|config|setting|unexpected keyword|has no attribute|module|version|received undefined|must be of type string|\bdatabase\b|not available"
    # what an older runtime does not have, or what is imported in the wrong format
    r"|is not a (?:function|constructor)|class extends value|not subscriptable|unsupported operand"
    r"|(?:'|: )(?:require|exports|__dirname|__filename|fetch|File|Blob|Headers|Request|Response|FormData|crypto|structuredClone|AbortController|ReadableStream|WebSocket|globalThis|navigator|unicode|xrange|basestring|raw_input)'? is not defined"
    # what is called on strings, which mostly come from variables that are not set
    r"|(?:reading|property) '(?:split|replace|replaceAll|trim|startsWith|endsWith|includes|toLowerCase|toUpperCase|substring|slice|match|length|toString)'"
    r"|NoneType|for nil|\bNone\b(?!`)"
)
# the line of code that reads them, or what was said of them before
_READS_SURROUNDINGS = re.compile(
    r"process\.env|= \*\*\*|os\.environ|getenv|\bENV\[|ENV\.fetch|config\.get|settings\.|\bcreateClient|\bconnect\("
    r"|\bECONN|\bETIMEDOUT|\bENOTFOUND|[Cc]onnection (?:refused|failed|error|timed out)|(?i:\b(?:fail(?:ed|ure)|unable|could not|cannot) (?:to )?(?:connect|load|open|fetch)\b)"
    r"|(?i:\b(?:is|are|was) (?:not set|missing|undefined|not defined in)\b|access ?denied|permission denied)"
)
_FRAME = re.compile(r"^\s+at |^\s*File \"|^\s+from \S+:\d+|^\S+\.rb:\d+|^\t/?\S+\.go:\d+|^\s+\d+: |^\s+\(\S+ [\d.]+\) ")
_PYTHON_FRAME = re.compile(r"^\s*File \"")
_OF_RUNTIME = re.compile(
    r"\bnode:internal|\(internal/|<anonymous>\)?$|<frozen |^\s+at (?:java\.base/|java\.|jdk\.|System\.)|runtime/panic\.go|/usr/local/go/src/"
)
_OF_LIBRARY = re.compile(
    r"node_modules|site-packages|dist-packages|/lib/python\d|/gems/|/vendor/|/go/pkg/mod/|\bnode:|\.cargo/registry|/rustc/"
    r"|^\s+at (?:javax?|jakarta|jdk|sun|com\.sun|kotlinx?|scala|reactor|org\.(?:springframework|hibernate|apache|postgresql|flywaydb|liquibase|eclipse|jboss|yaml|slf4j|mongodb)"
    r"|com\.(?:zaxxer|mysql|fasterxml|amazonaws|google|mongodb|netflix|microsoft|oracle)|io\.(?:netty|lettuce|micrometer|quarkus|vertx|micronaut)|software\.amazon|Microsoft|Npgsql|System)\."
)
