"""Words that a reason may use though no title has them: they say nothing of any item that could be untrue."""

from __future__ import annotations

_EN = """
add adds added along alongside also another because belong belongs bought buying chosen chose collection combine
combines complement complements companion enjoy enjoyed enjoys favourite favorite fit fits fitting go goes going got
have interest interested item items kind like liked likes love loved match matches matching may might owned own pair
pairs picked purchase purchased recommend recommended recommendation related same set shared similar since sort
style suit suits take taken taste theme together too took try well works would
"""
_DE = """
auch dazu ebenfalls ergänzt gekauft gefällt gefallen gefiel gehört gern gerne gut haben ihnen könnte mögen passen
passend passt schon wählten weil zusammen ähnlich interessieren interesse empfohlen artikel
"""
_FR = """
acheté achetés aimé aimez aimer aussi avez accompagne assorti bien car choisi complète convient déjà ensemble goûts
intéressé parce pourrait pourriez plaire plaira plaît recommandé semblable va vont article articles
"""
_ES = "artículo artículos bien combina comprado con elegido encaja gusta gustan gustó igual también tienes va"
_IT = "acquistato abbina adatto anche articoli articolo bene comprato piace piaciuto piaceranno potrebbe scelto sta va"
_ZH = """
您 你 因为 由于 所以 因此 喜欢 喜爱 可能 也 会 适合 搭配 相似 类似 推荐 给 购买 买 过 了 选择 选 拥有 已有 有
一起 同样 同类 同 感兴趣 很 都 兴趣 课程 学习 学 看 读 和 与 相关 非常 还 这 门 本 类 款 商品 物品 为 向 对 的 以及 一样
"""

REASON_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(listed.split())
    for code, listed in {"en": _EN, "de": _DE, "fr": _FR, "es": _ES, "it": _IT, "zh": _ZH}.items()
}
"""Language → words that need no backing, beside stop words and those of `coterie.profiles.plain`."""
