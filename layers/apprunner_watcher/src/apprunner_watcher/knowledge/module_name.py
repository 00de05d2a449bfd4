"""Here you find what the name of a module that was not found tells: a package, a build's output, a native part."""

import re

_BUILD_OUTPUT = re.compile(
    r"^(?:file://)?\.{0,2}/(?:[\w./@-]*/)?(?:dist|build|out|\.next|\.output|\.nuxt|\.svelte-kit|\.medusa)(?:/|$)"
)
_MADE_OTHERWISE = re.compile(r"node_modules/|/build/(?:Release|Debug)/|\bgenerated\b|\.prisma")
# optional binary parts of packages: they are installed for one platform only
_NATIVE = re.compile(
    r"\.node$|(?:^|[/@.-])(?:linux|linuxmusl|darwin|win32|freebsd)-(?:x64|arm64|64|ia32)\b|/build/(?:Release|Debug)\b"
    r"|^(?:pydantic_core\._pydantic_core|psycopg2\._psycopg|bcrypt\._bcrypt|cryptography\.hazmat\.bindings\._rust|PIL\._imaging"
    r"|numpy\.(?:_?core|random)\.[\w.]+|pandas\._libs[\w.]*|grpc\._cython[\w.]*|lxml\.etree|orjson\.orjson|rpds\.rpds|jiter\.jiter"
    r"|tokenizers\.tokenizers|tiktoken\._tiktoken|asyncpg\.protocol\.protocol|aiohttp\._[\w.]+|yaml\._yaml|ujson\._ujson|nacl\._sodium)$"
    # Ruby's: the folder of a version of Ruby, or the name of the extension
    r"|^(?:[\w/.-]*/)?\d\.\d/\w+$|^(?:nokogiri/nokogiri|mysql2/mysql2|sqlite3/sqlite3_native|google/protobuf_c|grpc/grpc_c|bootsnap/bootsnap"
    r"|puma/puma_http11|racc/cparse|msgpack/msgpack|bcrypt_ext|pg_ext|ffi_c|nio4r_ext|unf_ext|sassc/libsass|ox/ox)$"
)
_HAS_EXTENSION = re.compile(r"\.(?:[cm]?[jt]sx?|json|node|wasm)$")
# they came with a version of Node.js (the part behind node: or the slash), or came or went with one of Python
_BUILT_IN = re.compile(
    r"^(?:node:\w+(?:/\w+)?|(?:fs|timers|stream|readline|dns)/\w+|diagnostics_channel|worker_threads|perf_hooks|async_hooks"
    r"|tomllib|zoneinfo|dataclasses|contextvars|graphlib|asyncio\.\w+"
    r"|imp|cgi|asyncore|asynchat|smtpd|audioop|pipes|crypt|telnetlib|nntplib|lib2to3"
    r"|ConfigParser|urllib2|StringIO|Queue|cPickle|urlparse|httplib|__builtin__)$"
)


def is_build_output(path: str) -> bool:
    """Whether a build makes this file or folder; a client that is generated is a module."""
    return bool(_BUILD_OUTPUT.match(path)) and not _MADE_OTHERWISE.search(path)


def lacks_extension(path: str) -> bool:
    """Whether it names a file without its extension, which CommonJS completes and ES modules do not."""
    return path.startswith(("/", "file:///")) and not _HAS_EXTENSION.search(path)


def is_native(name: str) -> bool:
    """Whether it is the part of a package that is built for one platform."""
    return bool(_NATIVE.search(name))


def is_built_in(name: str) -> bool:
    """Whether only some versions of the language's own library have it."""
    return bool(_BUILT_IN.match(name))
