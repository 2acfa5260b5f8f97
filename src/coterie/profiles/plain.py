"""Plain words that a name or description may use though no item has them: they say nothing that could be untrue.

No verb of command, no word of praise, price or place: a sentence that is smuggled in finds nothing here to say.
"""

from __future__ import annotations

_EN = """
accents accessories activities admirers amateurs area arts audience beginners buyers classic classics collectors
collection common contemporary content course courses culture customers decor decorative design designs devotees
diverse drawn enjoy enjoying enthusiast enthusiasts essentials everyday explorers fan fans fandom favor favour
features featuring films focus focused focusing focuses fondness form forms general genre genres gift gifts group
groups home household includes including interest interested interests item items keen learners learning like likes
liking listeners love lover lovers loves mainly members mix mixed modern mostly movie movies often particularly
passion passionate people popular practical prefer preference prefers primarily product products range readers reading
related seasonal seekers selection set sets shared shoppers similar studies style styled styles subjects such supplies
taste tastes theme themed themes topics traditional typical typically use users variety various vintage viewers watch
watchers watching well wide works
"""
_ZH = """
爱好者 粉丝 用户 学习者 读者 观众 学员 学生 群体 人群 群组 兴趣 感兴趣 喜欢 关注 热爱 偏好 学习 课程
课 类 相关 方面 领域 内容 主题 基础 入门 综合 多样 多种 多元 各类 主要 为主 包括 涉及 以及 结合 倾向
注重 选择 这一 该组 该 组 一组 成员 者 爱好 知识
"""
_DE = """
artikel aus fans freunde gruppe interesse interessieren kurse käufer leser leserinnen liebhaber lieblinge mögen nutzer
sammler schauen themen verschiedene werke
"""
_FR = """
aiment amateurs articles collectionneurs cours divers fans goûts groupe intérêt intéressés lecteurs lectrices oeuvres
œuvres passionnés principalement public thèmes utilisateurs
"""
_ES = (
    "aficionados amantes artículos cursos diversos fans gustos grupo interés interesados lectores obras temas usuarios"
)
_IT = "amanti appassionati articoli corsi diversi fan gruppo gusti interesse lettori opere temi utenti"

PLAIN_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(listed.split())
    for code, listed in {"en": _EN, "zh": _ZH, "de": _DE, "fr": _FR, "es": _ES, "it": _IT}.items()
}
"""Language → words that need no backing."""
