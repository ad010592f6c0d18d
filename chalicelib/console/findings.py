"""What rules of supervision found, in words: their names, one sentence each, and names of all figures.

A rule's evidence is figures and thresholds. A sentence says the figures as a person would read them aloud;
the table beside it holds each against the threshold it was measured by.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.console.rule_words import RULES, SENTENCES
from chalicelib.console.words import LIMITS, Pair, said, word

_FIGURES: Final[Mapping[str, tuple[Pair, str]]] = {
    "rules_failed": (("未能执行的规则", "Rules that failed"), ""),
    "missed_since": (("未付起始时间", "Not paid since"), ""),
    "inspections": (("抽查", "inspections"), ""),
    "entry_version": (("第几次登记", "entry number"), ""),
    "found_by": (("登记人", "entered by"), ""),
    "devices": (("手机", "phones"), "device_pairs"),
    "people": (("人数", "people"), ""),
    "people_on_one_day": (("一部手机一天的人数", "people on one phone and day"), "device_people"),
    "uses_by_others": (("他人使用次数", "uses by others"), ""),
    "times": (("次数", "times"), ""),
    "times_made_up": (("其中补课", "of these made up"), ""),
    "minutes_at_most": (("最长（分钟）", "longest, minutes"), "overlap_minutes"),
    "what": (("共用的是", "what is shared"), ""),
    "lessons_found": (("可疑课次", "lessons found"), ""),
    "lessons_judged": (("核查课次", "lessons judged"), ""),
    "signs": (("迹象", "signs"), ""),
    "sign": (("迹象", "sign"), ""),
    "seconds_at_least": (("最短（秒）", "shortest, seconds"), "burst_seconds"),
    "points": (("不同位置", "different points"), ""),
    "at_one_point": (("同一点人数", "people at one point"), "identical_share"),
    "spread_m": (("散布（米）", "spread, m"), "scatter_m"),
    "accuracy_m": (("定位精度（米）", "accuracy, m"), "scatter_of_accuracy"),
    "km": (("距离（公里）", "distance, km"), ""),
    "minutes": (("用时（分钟）", "minutes"), ""),
    "minutes_between": (("两课间隔（分钟）", "minutes between"), ""),
    "km_per_hour": (("时速（公里）", "km/h"), "road_km_per_hour"),
    "of": (("对象", "of whom"), ""),
    "times_counted": (("计入次数", "times counted"), "mocked_times"),
    "times_refused": (("被拒次数", "times refused"), ""),
    "trainees_of_the_class": (("本班涉及人数", "trainees of the class"), "mocked_people"),
    "lessons_due": (("应有录像课次", "lessons due"), ""),
    "lessons_with_gaps": (("有缺口课次", "lessons with gaps"), "footage_coverage"),
    "missing_share": (("缺失比例", "share missing"), "footage_missing_share"),
    "missing_minutes": (("缺失（分钟）", "minutes missing"), ""),
    "recordings_used_again": (("重复使用录像", "recordings used again"), ""),
    "recordings_wrapped_anew": (("重新封装的录像", "recordings wrapped anew"), ""),
    "steps": (("提前的环节", "early steps"), ""),
    "trainees_marked_early": (("提前录成绩人数", "trainees marked early"), ""),
    "hours_before_the_end": (("早于结束（小时）", "hours before the end"), "early_minutes"),
    "last_lesson": (("最后一课", "last lesson"), ""),
    "examined": (("应考人数", "examined"), ""),
    "alike_in_both": (("两项均雷同人数", "alike in both"), "marks_equal_share"),
    "theory_spread": (("理论离散度", "spread in theory"), "marks_spread"),
    "theory_alike": (("理论雷同人数", "alike in theory"), "marks_share"),
    "theory_lowest": (("理论最低分", "lowest in theory"), ""),
    "theory_highest": (("理论最高分", "highest in theory"), "marks_range"),
    "practice_spread": (("实操离散度", "spread in practice"), "marks_spread"),
    "practice_alike": (("实操雷同人数", "alike in practice"), "marks_share"),
    "practice_lowest": (("实操最低分", "lowest in practice"), ""),
    "practice_highest": (("实操最高分", "highest in practice"), "marks_range"),
    "average": (("平均分", "average"), ""),
    "spread": (("离散度", "spread"), "marks_narrow_share"),
    "agreement": (("理论与实操相关", "agreement of the halves"), "marks_unrelated_deviations"),
    "failed": (("不合格人数", "failed"), "marks_nobody_failed_chance"),
    "absent_marked_well": (("基本未到课而成绩居上游", "hardly came, marked well"), "marks_absent_people"),
    "average_elsewhere": (("外机构平均分", "average elsewhere"), ""),
    "spread_elsewhere": (("外机构离散度", "spread elsewhere"), ""),
    "agreement_elsewhere": (("外机构理论与实操相关", "agreement elsewhere"), ""),
    "failed_share_elsewhere": (("外机构不合格比例", "share failed elsewhere"), ""),
    "classes_elsewhere": (("比较的班级", "classes compared"), ""),
    "institutions_elsewhere": (("比较的机构", "institutions compared"), ""),
    "vouchers": (("培训券", "vouchers"), ""),
    "redeemed_first_at": (("最早核销", "first used at"), "parked_days"),
    "redeemed_at": (("核销时间", "used at"), "idle_days"),
    "class_status": (("班级状态", "state of the class"), ""),
    "first_lesson_at": (("首课", "first lesson"), "unmet_days"),
    "shared": (("共用组数", "groups"), "phone_pairs"),
    "people_at_most": (("一组最多人数", "people at most"), "phone_people"),
    "people_of_this_class": (("本班人数", "people of this class"), ""),
    "rooms": (("教室", "rooms"), "rooms_believed"),
    "rooms_known": (("教室数已登记", "rooms are on record"), ""),
    "lessons_at_once": (("同时开课", "lessons at once"), "burst_capacity"),
    "trainers_at_once": (("同时授课教师", "trainers at once"), ""),
    "lessons_crowded": (("拥挤课次", "crowded lessons"), ""),
    "lessons": (("课次", "lessons"), ""),
    "days_too_short": (("课时排不下的天数", "days that are too short"), "room_hours_per_day"),
    "rooms_a_year_before": (("一年内最少教室数", "fewest rooms within a year"), "rooms_grown"),
    "rooms_raised_at": (("教室数调高时间", "rooms raised at"), ""),
    "rooms_then": (("上课时的教室数", "rooms at that time"), ""),
    "offline": (("离线签到", "check-ins without a network"), "offline_share"),
    "offline_accepted": (("其中已采信", "of these accepted"), ""),
    "arrivals": (("到课签到", "arrivals"), ""),
    "people_offline_alone": (("别人能联网时多日离线的人数", "people offline alone"), "offline_people"),
    "trainees": (("学员", "trainees"), ""),
    "days_without_network": (("多数人离线的天数", "days on which most were offline"), "offline_days"),
    "days": (("上课天数", "days"), ""),
    "made_up": (("补课次数", "made up"), ""),
    "arrivals_made_up_share": (("补课占比", "share made up"), "made_up_share_held"),
    "people_making_up": (("多次补课人数", "people making up lessons"), "made_up_people"),
    "days_left_aside": (("不计的断网天数", "days without a network, left aside"), ""),
    "lessons_with_made_up_places": (("离线位置雷同的课次", "lessons whose offline places agree"), ""),
    "lists": (("比对名单", "lists"), ""),
    "day": (("认定日", "on the day"), ""),
    "since": (("自", "since"), ""),
    "occupation_and_level": (("工种与等级", "occupation and level"), ""),
    "year": (("年度", "year"), ""),
    "before": (("此前次数", "times before"), "subsidies_per_person_per_year"),
    "check_ins": (("签到", "check-ins"), ""),
    "classes": (("班级", "classes"), ""),
    "enrolments": (("报名", "enrolments"), ""),
    "lines": (("补贴明细", "claim lines"), ""),
    "footage": (("录像", "footage"), ""),
    "neighbours_left_out": (("未比对的相邻班级", "other classes that were not compared"), ""),
}
"""Of each figure its name, and the threshold it stands against."""
_THRESHOLDS: Final = frozenset({against for _, against in _FIGURES.values() if against}) | set(LIMITS)
_VALUES: Final[Mapping[str, Pair]] = {
    "trainer": ("教师", "trainer"),
    "trainer on the way": ("教师赶课", "trainer on the way"),
    "room": ("教室", "room"),
    "phone": ("手机号", "phone number"),
    "account": ("银行账户", "bank account"),
    "person": ("人员", "person"),
    "device": ("手机", "phone"),
    "completion": ("结业申请", "completion"),
    "scored": ("成绩上报", "scoring"),
    "marks": ("成绩录入", "marks"),
    "few_devices": ("手机很少", "few phones"),
    "even_gaps": ("间隔均匀", "even gaps"),
    "same_order": ("次序相同", "the same order"),
    "faster_than_people": ("快于真人操作", "faster than people"),
    "one_point": ("同一点", "one point"),
    "one_point_for_weeks": ("数周同一点", "one point for weeks"),
    "few_points": ("位置很少", "few points"),
    "seldom_a_place_of_their_own": ("很少有各自位置", "seldom a place of their own"),
    "closer_than_receivers": ("比接收机误差还集中", "closer than receivers give"),
    "on_a_grid": ("位置呈网格", "on a grid"),
    "as_in_the_last_lesson": ("与上一课相同", "as in the last lesson"),
    "the_same_people": ("总是同一批人", "always the same people"),
    "drawn": ("像围绕一个分数抽出来的", "as if drawn around a figure"),
    "narrow": ("分数过于集中", "closer together than elsewhere"),
    "halves_unrelated": ("理论与实操不相关", "theory and practice unrelated"),
    "nobody_failed": ("无人不合格", "nobody failed"),
    "absent_as_good": ("未到课者成绩也好", "who hardly came does as well"),
    "people": ("多人反复离线", "people offline again and again"),
    "days": ("长期多数离线", "most of a class offline for long"),
    "share": ("离线占比过高", "too much of all attendance"),
    "places": ("离线位置雷同", "offline places that agree"),
    "deceased": ("已死亡", "deceased"),
    "imprisoned": ("服刑", "imprisoned"),
    "employed": ("已就业", "employed"),
    "retired": ("已退休", "retired"),
    "in_school": ("在校", "in school"),
}
_AS_SHARES: Final = re.compile(r"_share(_held|_told|_elsewhere)?$|^footage_coverage$|^burst_share$")


@dataclass(frozen=True)
class Figure:
    """One figure of a finding with the threshold it was measured by; `ids` are records, not figures."""

    name: str
    value: str
    threshold: str
    ids: Sequence[str] = ()


def rule_name(rule: str, *, english: bool) -> str:
    """Say a rule."""
    return word(RULES, rule, english=english)


def sentence_of(rule: str, evidence: Mapping[str, Any], *, english: bool) -> str:
    """Say what was found in one sentence; only the rule's name where the figures for one are not there.

    Limits stand in brackets: who is not told them reads the sentence without.
    """
    told = {
        name: _said(name, value, english=english) for name, value in evidence.items() if value is not None
    }
    for pair in SENTENCES.get(rule, ()):
        sentence = said(pair, english=english)
        try:
            return _BRACKETS.sub(lambda part: _if_known(part.group(), told), sentence).format_map(told)
        except KeyError:
            continue
    return rule_name(rule, english=english)


_BRACKETS: Final = re.compile(r"（[^（）]*）| \([^()]*\)")


def _if_known(part: str, told: Mapping[str, str]) -> str:
    """Give what stands in brackets; nothing if a figure in it is not told."""
    return part if all(name in told for name in re.findall(r"\{(\w+)\}", part)) else ""


def figures_of(evidence: Mapping[str, Any], *, english: bool) -> list[Figure]:
    """Lay evidence out: each figure beside its threshold; thresholds that no figure has stand last."""
    shown, used = [], set()
    for name, value in evidence.items():
        if name in _THRESHOLDS or value is None:
            continue
        label, against = _FIGURES.get(name, ((name, name), ""))
        threshold = evidence.get(against)
        used.add(against)
        told = "" if threshold is None else _said(against, threshold, english=english)
        if ids_in(value):
            shown.append(Figure(said(label, english=english), "", told, tuple(value)))
        else:
            shown.append(Figure(said(label, english=english), _said(name, value, english=english), told))
    left = [name for name in evidence if name in _THRESHOLDS - used and evidence[name] is not None]
    of_figures = {against: label for label, against in _FIGURES.values() if against}
    return shown + [
        Figure(
            said(LIMITS.get(name) or of_figures[name], english=english),
            "",
            _said(name, evidence[name], english=english),
        )
        for name in left
    ]


def ids_in(value: Any) -> Sequence[str]:
    """Give the ids that a figure consists of; none if it is another figure."""
    is_ids = isinstance(value, list) and all(re.match(r"[a-z]{3}_", str(one)) for one in value)
    return value if is_ids else ()


def _said(name: str, value: Any, *, english: bool) -> str:
    if isinstance(value, bool):
        return said(("是", "yes") if value else ("否", "no"), english=english)
    if isinstance(value, int | float):
        return f"{value:.0%}" if _AS_SHARES.search(name) and value <= 1 else f"{value:g}"
    if isinstance(value, list):
        words = RULES if name == "rules_failed" else _VALUES
        return ("、" if not english else ", ").join(word(words, str(one), english=english) for one in value)
    text = str(value)
    return (
        text[:16].replace("T", " ")
        if re.match(r"\d{4}-\d\d-\d\dT", text)
        else word(_VALUES, text, english=english)
    )
