"""The application says in another language than English that a variable is not set."""
# ruff: noqa: RUF001  # other languages have other letters

from apprunner_watcher.knowledge.wanted import SET_IT, Wanted, first_of, missed
from apprunner_watcher.rule import Finding, Matches, Phase, Rule, Step
from apprunner_watcher.snapshot import Snapshot


def check(snapshot: Snapshot, matches: Matches) -> Finding | None:
    """Find a name in capitals beside words for "is not set", and the service not setting that variable."""
    found = (*matches.application("name_first"), *matches.application("name_last"))
    return missed((Wanted(match.line, first_of(match.found)) for match in found), snapshot)


_NAME = r"[`'\"«»„“”「『$%]{0,2}\{?(?<![A-Z0-9_])((?=[A-Z0-9]{1,60}_)[A-Z][A-Z0-9_]{2,80})\}?[`'\"»«“”」』]{0,2}"

RULE = Rule(
    id="env-var-missing-other-languages",
    code="env-var-missing",
    title="The environment variable {name} is not set",
    phase=Phase.START,
    looks_at=frozenset({"application_log", "configuration", "service", "service_log"}),
    why="The application reads it while it starts, and does not come up without it.",
    fix=(
        SET_IT,
        Step("Set these as well, which it misses too: {others}.", when="others"),
    ),
    false_alarms="A warning about an optional variable is not it: here the container ended, or never listened.",
    docs="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    rollback="helps",
    check=check,
    application_patterns={
        "name_first": (
            rf"{_NAME}[^\n\w]{{0,3}}(?:[^\n]{{0,60}}[\s,:(])?(?:"
            # Spanish
            r"no (?:est[áa]n? |fue |ha sido |se ha |se ha[ny] |fueron )?(?:definid|configurad|establecid|encontrad|especificad|proporcionad|declarad|indicad)[oa]s?|(?:es|son) (?:obligatori|requerid|necesari)[oa]s?|debe(?:n)? (?:estar (?:definid|configurad|establecid|presente)|definirse|configurarse|establecerse|existir|ser definid)|no puede estar vac[ií][oa]|no existe|est[áa] vac[ií][oa]|faltante"
            # Portuguese
            r"|n[ãa]o (?:est[áa]o? |foi |foram |é )?(?:definid|configurad|encontrad|informad|especificad|setad|fornecid|declarad)[oa]s?|[ée] obrigat[óo]ri[oa]|(?:deve|precisa|devem) (?:ser|estar) (?:definid|configurad|informad|preenchid)|n[ãa]o pode (?:ser|estar) vazi[oa]|ausente|faltando"
            # French
            r"|(?:n['’]est|n['’]a|ne sont|n['’]ont) pas (?:été )?(?:d[ée]fini|configur|renseign|trouv|pr[ée]sent|fourni)|non (?:d[ée]finie?|configur[ée]e?|renseign[ée]e?|trouv[ée]e?|fournie?)|(?:est|sont) (?:requis|obligatoire|manquant|vide|n[ée]cessaire)|doit [êe]tre (?:d[ée]fini|renseign|configur)|manquante?"
            # German
            r"|(?:ist |sind |wurde |wurden )?nicht (?:gesetzt|definiert|konfiguriert|gefunden|angegeben|vorhanden|festgelegt)|fehlt|fehlen|(?:ist|sind) (?:erforderlich|notwendig|leer|zwingend)|muss (?:gesetzt|definiert|angegeben|konfiguriert|vorhanden) (?:sein|werden)|darf nicht leer sein"
            # Italian
            r"|non (?:[èe] |è stat[ao] |sono )?(?:impostat|definit|configurat|trovat|specificat|presente|valorizzat)|mancante|[èe] (?:obbligatori|richiest|necessari)[ao]|(?:deve|devono) essere (?:impostat|definit|configurat|specificat)"
            # Dutch, Swedish, Norwegian, Danish
            r"|(?:is )?niet (?:ingesteld|gedefinieerd|gevonden|geconfigureerd|opgegeven)|ontbreekt|is (?:verplicht|vereist)|saknas|[äa]r inte (?:satt|definierad|konfigurerad)|(?:er )?ikke (?:satt|sat|definert|angivet|konfigurert)|mangler"
            # Polish, Czech
            r"|nie (?:jest |została? |zosta[łl]a |zosta[łl] )?(?:ustawion|zdefiniowan|skonfigurowan|podan)|jest wymagan|nen[íi] (?:nastaven|definov)|chyb[íi]"
            # Russian, Ukrainian
            r"|не (?:была? |было |был |является )?(?:задан|установлен|указан|определ[её]н|найден|настроен|заполнен|встановлен|вказан|визначен|знайден)|отсутству|обязател|должн[аоы]? быть|відсутн|обов['’]язков"
            # Turkish, Indonesian, Vietnamese
            r"|tan[ıi]ml[ıi] de[ğg]il|tan[ıi]mlanmam[ıi][şs]|ayarlanmam[ıi][şs]|bulunamad[ıi]|eksik|gerekli|zorunlu|belum (?:di ?set|diatur|diisi|dikonfigurasi)|tidak (?:ditemukan|di ?set|diatur|ada)|wajib|harus (?:di ?set|diisi|diatur)|ch[ưu]a (?:được|đ[ưu][ợo]c) (?:thi[ếe]t l[ậa]p|c[ấa]u h[ìi]nh|đ[ặa]t|khai b[áa]o)"
            r")"
            # Chinese, Japanese, Korean: no blanks between the words
            rf"|{_NAME}[^\n]{{0,20}}?(?:未设置|未設定|未配置|未定义|未定義|没有设置|沒有設定|没有配置|不能为空|不能為空|不可为空|为空|必须设置|必須設定|必填|缺失|不存在|未找到|未提供|未指定"
            r"|が設定されてい|が定義されてい|が見つかり|が必要|を設定して|は必須|がありません|が存在しません|が指定されてい|설정되지|설정되어 있지|설정해|정의되지|없습니다|필요합니다|필수|누락|지정되지|찾을 수 없)"
        ),
        "name_last": (
            # Spanish, Portuguese
            rf"\b(?:[Ff]alta(?:n|m|ndo)?|[Ff]altante|[Aa]usente|[Nn]o se (?:encontr[óo]|ha definido|ha configurado|defini[óo]|configur[óo])|[Dd]ebe(?:s)? (?:definir|configurar|establecer)|[Dd]efina|[Cc]onfigure|[Dd]efine|[Vv]ari[áa]ve(?:l|is) (?:de ambiente )?(?:s[ãa]o |[ée] )?(?:obrigat[óo]ri|ausente|n[ãa]o)|[Vv]ariables? de entorno (?:son |es )?(?:requerid|faltante|obligatori|no )|[Nn][ãa]o foi poss[íi]vel (?:encontrar|ler))[^\n]{{0,60}}?[ :\[(]{_NAME}"
            # French, German, Italian, Dutch
            rf"|\b(?:[Vv]ariables? d['’]environnement (?:manquante|requise|non|obligatoire)|[Mm]anque|(?:[Ff]ehlende|[Bb]enötigte|[Ee]rforderliche|[Uu]ngesetzte)[nr]? (?:Umgebungsvariable|Variable|Konfiguration)|[Mm]anca(?:no)?\b|[Vv]ariabil[ei] (?:d['’]ambiente )?(?:mancant|richiest|obbligatori)|[Oo]ntbrekende|[Bb]rak (?:zmiennej|wymagan)|[Cc]hyb[íi])[^\n]{{0,60}}?[ :\[(]{_NAME}"
            # Russian, Ukrainian, Turkish, Vietnamese
            rf"|(?:[Нн]е (?:задан|установлен|указан|определен|определён|найден|хватает)|[Оо]тсутству|[Вв]ідсутн|[Нн]е встановлен|[Ee]ksik|[Tt]hi[ếe]u bi[ếe]n)[^\n]{{0,60}}?[ :\[(]{_NAME}"
            # Chinese, Japanese, Korean
            rf"|(?:缺少|缺失|未设置|未設定|没有设置|请设置|請設定|请配置|未找到|未配置|必須の環境変数|環境変数(?:が|を)|필수 환경 ?변수|환경 ?변수(?:가|를)|누락된)[^\n]{{0,40}}?{_NAME}"
        ),
    },
)
