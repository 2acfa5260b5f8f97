"""Texts to measure an encoder on where nothing better is given: real titles of the shop, and many languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LANGUAGES: Final = (
    "A handbook of civil law for students in their first year, with exercises and solutions.",
    "An introduction to microeconomics: markets, prices and what people choose.",
    "Wireless headphones with noise cancelling, 30 hours of battery, black.",
    "Ein Wanderführer durch die Alpen mit 60 Touren, Karten und Höhenprofilen.",
    "Geschichte der modernen Kunst in der Schweiz von 1900 bis heute.",
    "Histoire de la musique française, des troubadours à nos jours.",
    "Recettes de cuisine végétarienne pour toute la famille, avec photos.",
    "Un libro para niños sobre los animales de la selva y del mar.",
    "Curso de programación para principiantes, con ejemplos y ejercicios.",
    "Manuale di diritto civile per gli esami di avvocato.",
    "Vaso in vetro soffiato a mano, colore verde acqua, altezza 24 cm.",
    "Aprenda a tocar guitarra em casa: acordes, ritmos e canções populares.",
    "Een geschiedenis van de Nederlandse schilderkunst in de zeventiende eeuw.",
    "Podręcznik do nauki języka polskiego dla cudzoziemców, poziom podstawowy.",
    "Сборник русских народных сказок с иллюстрациями для детей.",
    "Введение в математический анализ: пределы, производные и интегралы.",
    "本课程介绍高等数学的基础：极限、导数与积分，适合大一学生。",
    "中国文化概论：文学、艺术与哲学，从古代到现代。",
    "不锈钢保温杯，500毫升，可保温十二小时，适合旅行。",
    "初心者のための日本料理入門。季節の食材を使った六十のレシピ。",
    "猫の写真集：日本の島々で暮らす猫たち。",
    "한국 현대 소설 선집, 해설과 작가 연보 포함.",
    "مقدمة في تاريخ الفن الإسلامي مع صور وخرائط.",
    "Çocuklar için bilim deneyleri: evde yapılabilecek elli deney.",
    "คู่มือทำอาหารไทยสำหรับผู้เริ่มต้น พร้อมภาพประกอบ",
    "Sách dạy nấu ăn Việt Nam cho người mới bắt đầu.",
    "बच्चों के लिए हिंदी कहानियों का संग्रह, चित्रों के साथ।",
    "Εισαγωγή στη φιλοσοφία των αρχαίων Ελλήνων.",
    "USB-C to HDMI cable, 2 m, 4K at 60 Hz; works with SKU85123A.",
    "Set of 6 Christmas paper chain kits, vintage, red & white 🎁",
)


def sample_texts() -> list[str]:
    """Short texts, texts in many languages and long texts, in turns, so that every part of them has all three kinds."""
    from coterie.data import shop

    titles = shop().items["title"].drop_nulls().sort().gather_every(8).to_list()
    long = [". ".join(titles[at : at + 20]) for at in range(0, len(titles), 20)]
    most = max(len(LANGUAGES), len(long))
    kinds: Sequence[Sequence[str]] = (titles[:most], titles[most : 2 * most], LANGUAGES, LANGUAGES, long, long)
    # Each text stands twice in a row where it has to be both in the half that is learnt from and in the other.
    return [kind[at] for at in range(most) for kind in kinds if at < len(kind)]
