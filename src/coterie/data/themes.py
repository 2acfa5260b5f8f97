"""Words of the themes that the items of a made world are about, in English and Chinese."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Language = Literal["en", "zh", "mixed"]

WORDS: Final = 16
"""Words of a theme."""

THEMES: Final[dict[str, tuple[str, str]]] = {
    "gardening": (
        "garden seed soil flower shrub compost tulip pruning rose lawn bulb spade greenhouse orchard hedge watering",
        "花园 种子 土壤 花卉 灌木 堆肥 郁金香 修剪 玫瑰 草坪 球茎 铁锹 温室 果园 树篱 浇水",
    ),
    "cooking": (
        "recipe kitchen oven sauce pasta baking butter spice dough dessert grill soup knife flavour pastry chef",
        "食谱 厨房 烤箱 酱汁 面条 烘焙 黄油 香料 面团 甜点 烧烤 煲汤 菜刀 风味 糕点 厨师",
    ),
    "sailing": (
        "sail harbour mast anchor deck yacht tide rudder voyage rope captain regatta sea keel buoy helm",
        "帆船 港口 桅杆 船锚 甲板 游艇 潮汐 船舵 航行 缆绳 船长 赛船 大海 龙骨 浮标 掌舵",
    ),
    "astronomy": (
        "star planet telescope galaxy comet orbit moon nebula eclipse cosmos meteor lunar solar saturn observatory sky",
        "恒星 行星 望远镜 星系 彗星 轨道 月亮 星云 日食 宇宙 流星 月球 太阳 土星 天文台 星空",
    ),
    "chess": (
        "chess opening knight bishop pawn checkmate endgame gambit rook queen castling tactics sacrifice board clock rating",
        "象棋 开局 骑士 主教 小兵 将死 残局 弃兵 战车 皇后 易位 战术 弃子 棋盘 棋钟 等级分",
    ),
    "cycling": (
        "bicycle gear saddle pedal chain wheel tyre helmet brake handlebar race climb sprint peloton frame puncture",
        "自行车 齿轮 车座 踏板 链条 车轮 轮胎 头盔 刹车 车把 比赛 爬坡 冲刺 车队 车架 爆胎",
    ),
    "crime": (
        "detective murder clue suspect alibi police inspector evidence thief crime witness trial verdict prison mystery motive",
        "侦探 谋杀 线索 嫌疑人 不在场证明 警察 探长 证据 小偷 犯罪 证人 审判 判决 监狱 悬案 动机",
    ),
    "romance": (
        "love wedding kiss heart bride romance passion proposal affair sweetheart bouquet longing marriage tender embrace vow",
        "爱情 婚礼 亲吻 心动 新娘 浪漫 激情 求婚 恋情 恋人 花束 思念 婚姻 温柔 拥抱 誓言",
    ),
    "knitting": (
        "wool yarn needle stitch crochet sweater scarf pattern knitting mitten purl skein lace cable cardigan loom",
        "羊毛 毛线 织针 针法 钩针 毛衣 围巾 花样 编织 手套 反针 线团 蕾丝 麻花 开衫 织机",
    ),
    "finance": (
        "stock bond dividend portfolio market broker investor pension tax interest loan budget savings inflation fund equity",
        "股票 债券 股息 投资组合 市场 经纪人 投资者 养老金 税收 利息 贷款 预算 储蓄 通胀 基金 股权",
    ),
    "programming": (
        "code compiler function debug algorithm database server python loop variable recursion thread parser kernel array stack",
        "代码 编译器 函数 调试 算法 数据库 服务器 脚本 循环 变量 递归 线程 解析器 内核 数组 堆栈",
    ),
    "medicine": (
        "doctor patient surgery vaccine diagnosis clinic nurse therapy symptom hospital dose infection antibiotic fever artery tumour",
        "医生 病人 手术 疫苗 诊断 诊所 护士 疗法 症状 医院 剂量 感染 抗生素 发烧 动脉 肿瘤",
    ),
    "football": (
        "football goal striker penalty goalkeeper midfield referee league coach stadium offside tackle corner defender cup derby",
        "足球 进球 前锋 点球 守门员 中场 裁判 联赛 教练 体育场 越位 铲球 角球 后卫 杯赛 德比",
    ),
    "music": (
        "violin piano concerto orchestra melody rhythm chord symphony cello opera sonata choir conductor harmony flute tempo",
        "小提琴 钢琴 协奏曲 管弦乐 旋律 节奏 和弦 交响曲 大提琴 歌剧 奏鸣曲 合唱团 指挥 和声 长笛 速度",
    ),
    "painting": (
        "canvas brush watercolour portrait easel gallery pigment sketch landscape fresco palette charcoal mural varnish ink oil",
        "画布 画笔 水彩 肖像 画架 画廊 颜料 素描 风景 壁画 调色板 炭笔 墙绘 清漆 水墨 油画",
    ),
    "history": (
        "empire king medieval castle battle archive dynasty revolution treaty ruins pharaoh roman crusade parliament throne relic",
        "帝国 国王 中世纪 城堡 战役 档案 王朝 革命 条约 遗址 法老 罗马 东征 议会 王位 文物",
    ),
    "travel": (
        "passport hotel luggage airport itinerary beach backpack tourist visa guidebook hostel souvenir flight resort map cruise",
        "护照 酒店 行李 机场 行程 海滩 背包 游客 签证 旅行指南 青年旅舍 纪念品 航班 度假村 地图 邮轮",
    ),
    "fantasy": (
        "dragon wizard sword magic elf kingdom prophecy spell dwarf quest sorcerer rune goblin enchanted amulet realm",
        "巨龙 巫师 宝剑 魔法 精灵 王国 预言 咒语 矮人 远征 术士 符文 地精 着魔 护身符 领域",
    ),
    "robotics": (
        "robot sensor motor circuit drone actuator battery gripper automation controller welding servo wiring soldering chip lidar",
        "机器人 传感器 电机 电路 无人机 执行器 电池 夹爪 自动化 控制器 焊接 舵机 布线 锡焊 芯片 雷达",
    ),
    "birds": (
        "bird nest feather owl eagle migration sparrow falcon binoculars songbird heron wing plumage woodpecker egg swallow",
        "鸟类 鸟巢 羽毛 猫头鹰 老鹰 迁徙 麻雀 猎鹰 双筒望远镜 鸣禽 苍鹭 翅膀 羽色 啄木鸟 鸟蛋 燕子",
    ),
    "yoga": (
        "yoga meditation breath posture stretch mindfulness balance relax mat chakra wellness stillness flexibility mantra calm retreat",
        "瑜伽 冥想 呼吸 体式 拉伸 正念 平衡 放松 垫子 脉轮 养生 静坐 柔韧 真言 平静 静修",
    ),
    "winter": (
        "ski snow slope glacier avalanche ice skate sledge snowboard frost alpine chalet lift powder piste mountain",
        "滑雪 白雪 雪坡 冰川 雪崩 冰面 溜冰 雪橇 单板 霜冻 高山 木屋 缆车 粉雪 雪道 山峰",
    ),
    "parenting": (
        "baby toddler diaper cradle nursery lullaby stroller toy pregnancy bedtime kindergarten playground infant bottle teething cuddle",
        "婴儿 幼儿 尿布 摇篮 育婴室 摇篮曲 婴儿车 玩具 怀孕 睡前 幼儿园 游乐场 新生儿 奶瓶 长牙 搂抱",
    ),
    "coffee": (
        "coffee espresso roast bean grinder latte barista brew crema cappuccino filter aroma mug cafe arabica milk",
        "咖啡 浓缩 烘豆 咖啡豆 磨豆机 拿铁 咖啡师 冲煮 油脂 卡布奇诺 滤纸 香气 马克杯 咖啡馆 阿拉比卡 牛奶",
    ),
}
"""Theme → its words in English and Chinese."""

COMMON: Final = (
    "new small large classic complete modern simple best first daily practical favourite special guide story collection",
    "新版 小型 大型 经典 完整 现代 简单 最佳 首次 每日 实用 最爱 特别 指南 故事 合集",
)
"""Words that say nothing about a theme."""

MOST_THEMES: Final = len(THEMES) * len(THEMES) // 2
"""Themes that can be told apart: those above, then pairs of them."""


def vocabulary(n_themes: int, language: int) -> list[str]:
    """Words of some themes, `WORDS` for each, and of no theme last.

    Themes above 24 are pairs of two others, eight words of each: astronomy and coffee, say.

    Args:
        n_themes: themes wanted, at most `MOST_THEMES`.
        language: 0 English, 1 Chinese.

    Returns:
        (n_themes + 1) × `WORDS` words, theme by theme.
    """
    single = [texts[language].split() for texts in THEMES.values()]
    words: list[str] = []
    for theme in range(n_themes):
        apart, first = divmod(theme, len(single))
        second = (first + apart) % len(single)
        words += single[first][::2] + single[second][1::2]
    return words + COMMON[language].split()


def word_codes(rng: np.random.Generator, themes: NDArray[np.int64]) -> NDArray[np.int64]:
    """A word of each theme, the first ones more often: places in `vocabulary`, of the shape of `themes`."""
    return themes * WORDS + (WORDS * rng.random(themes.shape) ** 1.5).astype(np.int64)
