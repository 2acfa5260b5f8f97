"""Words that carry grammar rather than meaning, for ten languages.

The lists are short on purpose: a word left in can still be judged by how evenly groups use it; one taken out is gone.
"""

from __future__ import annotations

_EN = """
a about above after again against all also am among an and any are around as at be because been before being below
between both but by can could did do does doing down during each either else ever every few for from further get
gets got had has have having he her here hers herself him himself his how i if in into is it its itself just like
made make makes many may me might more most much must my myself neither no nor not now of off on once one only onto
or other our ours out over own per same shall she should since so some such than that the their theirs them
themselves then there these they this those through to too under until up upon us very via was we were what when
where whether which while who whom whose why will with within without would yet you your yours yourself
"""

_DE = """
aber alle allem allen aller alles als also am an ander andere anderen anderer auch auf aus bei beim bin bis da dabei
damit dann darf das dass dein deine dem den denn der des dessen die dies diese diesem diesen dieser dieses doch dort
du durch ein eine einem einen einer eines er es etwas euch euer für gegen haben hat hatte hatten hier ich ihr ihre
ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kein keine keinen man mehr mein meine
mich mir mit muss nach nicht nichts noch nun nur ob oder ohne schon sehr sein seine seinem seinen seiner seit sich
sie sind so über um und uns unser unsere unter viel vom von vor war waren warum was weil wenn werden wie wieder wir
wird wo wurde wurden zu zum zur zwischen
"""

_FR = """
à ai ainsi alors après as au aucun aussi autre autres aux avant avec avoir ayant car ce ceci cela celle celles celui
ces cet cette ceux chaque chez comme comment dans de depuis des deux donc dont du elle elles en encore entre es est
et étaient était étant être eu eux fait font furent il ils je jusque la le les leur leurs lors lui ma mais me
même mes moi moins mon ne ni nos notre nous on ont ou où par parmi pas pendant peu peut plus plusieurs pour pourquoi
puis quand que quel quelle quelles quels qui quoi sa sans se selon ses si soi sommes son sont sous suis sur ta te
tes toi ton tous tout toute toutes très tu un une vers vos votre vous y
"""

_ES = """
a al algo alguna algunas alguno algunos ante antes aquel aquella aquellos así aunque bajo bien cada como cómo con
contra cual cuál cuales cuando cuándo de del desde donde dónde dos durante e el él ella ellas ellos en entre era
eran eres es esa esas ese eso esos esta está están estas este esto estos fue fueron ha han has hasta hay he hemos la
las le les lo los más me mi mientras mis mismo mucho muchos muy nada ni no nos nosotros nuestra nuestras nuestro
nuestros o os otra otras otro otros para pero poco por porque puede que qué quien quién se sea ser si sí sido sin
sobre solo son su sus también tan te tiene tienen toda todas todo todos tu tus un una unas uno unos y ya yo
"""

_IT = """
a ad agli ai al alla alle allo anche ancora avere aveva c che chi ci cioè come con contro cosa così cui da dagli dai
dal dalla dalle dallo degli dei del della delle dello di dopo dove due e è ed era erano essere fa fra fu gli ha
hanno ho i il in io l la le lei li lo loro lui ma me mentre mi mia mie miei mio molti molto ne negli nei nel nella
nelle nello noi non nostra nostri nostro o ogni oltre per perché però più poi presso prima può qual quale quali
quando quanto quella quelle quelli quello questa queste questi questo qui sarà se sei senza si sia siamo sono sta
stata su sua sue sugli sui sul sulla sulle suo suoi tra tu tua tuo tutte tutti tutto un una uno vi voi
"""

_PT = """
a à ainda ao aos apenas as às até cada com como contra da das de dela dele deles depois desde dessa desse desta
deste do dos e é ela elas ele eles em enquanto entre era eram essa essas esse esses esta está estão estas este estes
eu foi foram há isso isto já lhe lhes mais mas me mesmo meu meus minha muita muito muitos na nas nem no nos nós
nossa nosso num numa o onde os ou outra outras outro outros para pela pelas pelo pelos pode por porque qual quando
que quem são se seja sem ser seu seus sob sobre sua suas só também tão te tem têm ter teu toda todas todo todos tu
tua um uma umas uns você vocês
"""

_NL = """
aan al alle alleen als altijd andere ben bij binnen daar daarna dan dat de deze die dit doch doen door dus een eens
elk elke en er ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun ik in is ja je jij jou jouw jullie
kan kunnen maar me meer men met mij mijn moet na naar nadat niet niets nog nu of om omdat ons onze ook op over reeds
sinds te tegen tijdens toch toen tot tussen u uit uw van vanaf veel voor waar waarom wanneer want was wat we wel
werd wie wij wordt worden zal ze zelf zich zij zijn zo zoals zonder zou
"""

_RU = """
а без бы был была были было быть в вам вас весь во вот все всё всего всех вы где да даже для до его ее её если есть
еще ещё же за здесь и из или им их к как какой когда который которая которые которых кто ли либо между меня мне
может мы на над надо нас наш не него нее неё нет ни них но ну о об однако он она они оно от очень по под после
потому при про с сам свой свои себя со так также такой там те тем то того тоже той только том тот тут ты у уже хотя
чего чем через что чтобы эта эти это этого этой этом этот я
"""

_ZH = """
一个 一些 一样 一种 一直 一定 一般 不仅 不会 不同 不是 不能 与其 为了 之一 之间 也是 于是 什么 他们 以及 以后 以上
以下 以来 任何 但是 何时 作为 你们 使得 使用 其中 其他 具有 具备 再次 几个 出来 到了 包括 即使 却是 又是 及其 只是
只有 可以 可能 各种 各个 同时 同样 后来 向着 哪些 哪里 因为 因此 在于 如何 如果 它们 对于 将会 尤其 就是 已经 并且
并不 开始 当时 很多 得到 必须 怎么 怎样 我们 或者 所以 所有 所谓 才能 是否 曾经 更加 有些 有关 本身 来说 正在 每个
比如 没有 然后 然而 由于 的话 目前 相关 直到 看到 称为 等等 结合 而且 而是 能够 自己 自身 虽然 许多 该课 起来 较为
还有 还是 这个 这些 这样 这种 这里 进行 通过 那个 那些 那样 那么 都是 需要 非常 首先 主要
"""

_JA = """
の に は を た が で て と し れ さ ある いる も する から な こと として い や など なっ ない この ため その あっ
よう また もの という あり まで られ なる へ か だ これ によって により おり より による ず なり られる において ば
なかっ なく しかし について せ だっ その後 できる それ う ので なお のみ でき き つ における および いう さらに でも
ら たり その他 に関する たち ます ん なら に対して です でした ました ません ください して した している そして
それぞれ どの どう なに 私 あなた
"""

_LISTS = {
    "en": _EN,
    "de": _DE,
    "fr": _FR,
    "es": _ES,
    "it": _IT,
    "pt": _PT,
    "nl": _NL,
    "ru": _RU,
    "zh": _ZH,
    "ja": _JA,
}

STOP_WORDS: dict[str, frozenset[str]] = {language: frozenset(text.split()) for language, text in _LISTS.items()}
"""Language code (ISO 639-1) → its stop words, lower case."""

_ELISIONS = "c d j l m n s t qu jusqu lorsqu puisqu quoiqu all dall dell nell sull coll un quell quest gl"
ELISIONS = frozenset(_ELISIONS.split())
"""Words shortened before a vowel in French and Italian: l'art, dell'arte."""

KOREAN_PARTICLES = ("에서", "에게", "으로", "까지", "부터", "을", "를", "은", "는", "의", "에")
"""Endings that mark a Korean noun's role; 이 and 가 are left, since many nouns end in them."""

JAPANESE_PARTICLES = (
    "から",
    "まで",
    "より",
    "など",
    "です",
    "ます",
    "という",
    "の",
    "は",
    "を",
    "が",
    "に",
    "で",
    "と",
    "も",
    "へ",
    "や",
)
"""Japanese particles that cling to a run of hiragana."""
