"""A framework asks for a package, an extension or a program that it needs for what the application uses of it."""

from apprunner_watcher.rule import Confidence, Evidence, Finding, Matches, Phase, Rule, Step, at_most, gravest, weight
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find the framework's request."""
    confidence = weight(snapshot)
    if not confidence:
        return None
    sure = matches.of("python", "node", "ruby", "php", "java")
    found = [
        one for one in sure or matches.of("hint", "php_hint", "java_hint", "asks_hint") if not one[1].line.is_warning
    ]
    if not found:
        return None
    match, confidence = gravest([match for _, match in found], confidence)
    runtime = next(name for name, one in found if one is match)
    package = next((text for text in match.found.groups() if text), match[0])
    return Finding(
        confidence if sure else at_most(Confidence.LIKELY, confidence),
        (Evidence.of(match.line),),
        {"package": package, runtime.removesuffix("_hint"): "yes"},
    )


RULE = Rule(
    id="optional-package-missing",
    code="module-missing",
    title="A package that the framework asks for is not in the image: {package}",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service_log"}),
    why=(
        "Frameworks leave drivers and helpers to be installed by those who need them. The application uses one, and the"
        " image does not have it."
    ),
    fix=(
        Step("Install the package that the line names, and lock it with the others.", when="python"),
        Step("Add the package that the line names to dependencies in package.json, not devDependencies.", when="node"),
        Step("Add the gem to the Gemfile, outside of the development and test groups.", when="ruby"),
        Step(
            "Install the PHP extension in the Dockerfile (docker-php-ext-install pdo_pgsql, pecl install redis) and enable"
            " it.",
            when="php",
        ),
        Step("Put the driver's jar among the application's dependencies, at run time too.", when="java"),
        Step("Install the program that the line names in the image's final stage.", when="hint"),
        Step(
            "Rebuild without cache and prove it on the image before you deploy.",
            "docker run --rm --platform linux/amd64 YOUR_IMAGE",
        ),
    ),
    false_alarms="A framework that only recommends a package warns and goes on: then it listens.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    rollback="helps",
    check=check,
    gives_way_to=frozenset({"libc-mismatch", "native-module-platform", "shared-library-missing"}),
    application_patterns={
        "python": (
            r"\bError loading (psycopg2?|MySQLdb|cx_Oracle|oracledb)(?: or \w+)? module\b"  # Django
            r"|\bForm data requires \"([\w-]+)\" to be installed|\b([\w-]+) is not installed, run `pip install|\b(jinja2) must be installed to use Jinja2Templates"
            r"|To use the fastapi command, please install \"(fastapi\[standard\])\"|\b(\w+) worker requires \w+ [\d.]+ or higher"
            r"|Missing optional dependency '([\w.-]+)'|\bCouldn't import (Django)\. Are you sure|Missing dependencies for (SOCKS) support"  # pandas, manage.py
        ),
        "node": (
            r"[Uu]nable to determine transport target for \"([^\"]+)\""  # pino
            r"|\bPlease install (pg|mysql2?|sqlite3|tedious|mariadb|oracledb)(?: package)? manually"  # Sequelize
            r"|\b(\w+) package has not been found installed"  # TypeORM
            r"|ensure to install the \"([^\"]+)\" package|The \"([^\"]+)\" package is missing\. Please, make sure to install"  # Nest
        ),
        "ruby": (
            r"\bCould not load the '([\w-]+)' gem\b|"
            r"Specified '(\w+)' for database adapter, but the gem is not loaded|\b([\w-]+) is not part of the bundle\. Add it"
            r"|ExecJS::RuntimeUnavailable|Could not find a (JavaScript runtime)"
        ),
        "php": (
            r"dependencies require the following (PHP extensions) to be installed|PDOException: (could not find driver)|(could not find driver) \((?:Connection|SQL)"
            r"|[Pp]lease (?:provide|install|enable) the (\w+) (?:PHP )?extension"
            r"|Try running \"composer require ([\w/-]+)\""  # Symfony
        ),
        "java": (
            r"(?:Cannot load|Failed to load) driver class:? ([\w.]+)|(JavaFX runtime components) are missing"
            r"|Implementation of (JAXB-API) has not been found|because no ((?:Jakarta |Bean )Validation provider) could be found"
        ),
        "php_hint": (
            r"[Cc]all to undefined function (?:[\w\\]*\\)?((?:mb|curl|pg|mysqli|ldap|bc|image|simplexml|ctype|iconv|openssl|pcntl|posix|token|json|intl|gmp|imap|sodium|socket|exif)_?\w*)\("
        ),
        # a well-formed address of a usual database: what is to understand it is not in the class path
        "java_hint": (
            r"No suitable driver found for (jdbc:(?:postgresql|mysql|mariadb|sqlserver|clickhouse|redshift|vertica)://)"
            # Flyway, whose databases are modules of their own since version 10
            r"|No database found to handle (jdbc:(?:postgresql|mysql|mariadb|sqlserver|oracle|db2|redshift)):"
        ),
        # what asks for an installation while it fails
        "asks_hint": (
            r"(?:Error|Exception|ERROR|FATAL)\b[^\n]{0,160}?\b(?:npm (?:install|i)|yarn add|pnpm add|pip3? install|composer require|gem install|poetry add|uv add) (?!-g\b|--global|-U\b|--upgrade|\S*@(?:latest|next|\^?\d))(?:--?[\w-]+ )*[`'\"]?(@?\w[\w./\[\]-]*)"
        ),
        "hint": (
            r"'([\w-]+)' package is required|You will need to (?:pip )?install \"?([\w\[\]-]+)|find (ffmpeg or avconv)|You must have (ImageMagick) or GraphicsMagick installed|ImportError: [^\n]{0,60}?\b([\w-]+) (?:package |library )?(?:is not installed|must be installed|(?:is|are) required\b(?![^\n]{0,80}but found)|not found, please install|needs? to be installed)"
            r"|ImportError: [^\n]{0,80}requires the ([\w-]+) library but it was not found|[Pp]lease (?:run )?`?pip3? install ([\w\[\]-]+)"
            # programs that libraries call
            r"|(?:FileNotFoundError: [^\n]{0,40}No such file or directory: '|\bspawn )(ffmpeg|ffprobe|wkhtmltopdf|pdftoppm|pdftotext|tesseract|magick|soffice|libreoffice|chromedriver|chromium(?:-browser)?|google-chrome|pandoc|pg_dump|mysqldump|exiftool|unzip)\b(?:'| ENOENT)"
            r"|do not have the required (package\(s\)) installed|Could not find (Chrome) \(ver|Executable doesn't exist at (\S*ms-playwright\S*)"
        ),
    },
)
