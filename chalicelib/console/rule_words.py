"""What rules of supervision are called, and their sentences: of several the first that fits is said."""

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.console.words import Pair

RULES: Final[Mapping[str, Pair]] = {
    "ineligible_at_date": ("开班日不符合条件", "Not eligible on the first day"),
    "repeat_subsidy": ("重复享受补贴", "Subsidy claimed again"),
    "lesson_overlap": ("学员同时上两门课", "A trainee at two lessons at once"),
    "trainer_or_room_overlap": ("教师或教室同时用于两门课", "A trainer or room in two lessons at once"),
    "shared_device": ("多人共用一部手机签到", "Several people check in on one phone"),
    "identical_coordinates": ("签到位置雷同", "Check-ins at the same point"),
    "impossible_travel": ("不可能的行程", "Impossible travel"),
    "mock_location": ("模拟定位", "Simulated location"),
    "check_in_burst": ("集中突击签到", "A burst of check-ins"),
    "footage_gap": ("录像缺失", "Gaps in the footage"),
    "early_scores": ("未结课先出成绩", "Marks before the last lesson"),
    "uniform_scores": ("成绩雷同", "Uniform marks"),
    "idle_voucher": ("培训券空转", "Idle vouchers"),
    "shared_phone_or_account": ("多人共用手机号或账户", "A phone number or account shared"),
    "claim_burst": ("开班超出承载能力", "More classes than rooms"),
    "offline_check_ins": ("离线签到过多", "Too much attendance without a network"),
    "make_up_share": ("补课过多", "Too much attendance made up"),
    "not_evaluated": ("待支付而未核查", "Due to be paid and not evaluated"),
    "inspection_deviation": ("抽查不符", "A deviation found by inspection"),
}
SENTENCES: Final[Mapping[str, Sequence[Pair]]] = {
    "not_evaluated": (
        (
            "自 {missed_since} 起不予支付：规则“{rules_failed}”未能执行，请人工核查。",
            "Not paid since {missed_since}: these rules could not be carried out: {rules_failed}.",
        ),
        (
            "自 {missed_since} 起不予支付：核查未能完成，请人工核查。",
            "Not paid since {missed_since}: the evaluation did not come to its end.",
        ),
    ),
    "ineligible_at_date": (
        (
            "{day} 这一天在比对名单 {lists} 中，自 {since}。",
            "On {day} listed in {lists}, since {since}.",
        ),
    ),
    "repeat_subsidy": (
        (
            "{year} 年此前已享受 {before} 次，上限为 {subsidies_per_person_per_year} 次。",
            ("{before} subsidies in {year} before this one; at most {subsidies_per_person_per_year}."),
        ),
        (
            "同工种同等级（{occupation_and_level}）此前已申领过。",
            "Claimed before for the same occupation and level ({occupation_and_level}).",
        ),
    ),
    "lesson_overlap": (
        (
            ("与其他课次重叠 {times} 次，最长 {minutes_at_most} 分钟（超过 {overlap_minutes} 分钟即计）。"),
            (
                "{times} overlaps with other lessons, the longest of {minutes_at_most} minutes (more "
                "than {overlap_minutes} count)."
            ),
        ),
    ),
    "trainer_or_room_overlap": (
        (
            ("同一教师两课之间只有 {minutes_between} 分钟，却相距 {km} 公里，共 {times} 次。"),
            "One trainer {minutes_between} minutes between two lessons {km} km apart, {times} times.",
        ),
        (
            (
                "同一{what}在两门课上重叠 {times} 次，最长 {minutes_at_most} 分钟（超过 "
                "{overlap_minutes} 分钟即计）。"
            ),
            (
                "One {what} in two lessons at once, {times} times, at most {minutes_at_most} minutes "
                "(more than {overlap_minutes} count)."
            ),
        ),
    ),
    "shared_device": (
        (
            (
                "{devices} 部手机为 {people} 人签到；同一部手机一天最多 {people_on_one_day} 人（"
                "{device_people} 人起计）。"
            ),
            (
                "{devices} phones checked {people} people in; one of them up to {people_on_one_day} "
                "on one day ({device_people} are told)."
            ),
        ),
        (
            "{devices} 部手机为 {people} 人签到。",
            "{devices} phones checked {people} people in.",
        ),
    ),
    "identical_coordinates": (
        (
            (
                "{lessons_judged} 个课次中有 {lessons_found} 个位置可疑；最明显的一次 {people} "
                "人只有 {points} 个位置，{at_one_point} 人在同一点，散布 {spread_m} 米。"
            ),
            (
                "{lessons_found} of {lessons_judged} lessons; in the clearest {people} people at "
                "{points} points, {at_one_point} at one, spread over {spread_m} m."
            ),
        ),
    ),
    "impossible_travel": (
        (
            (
                "{times} 次：最快一次 {minutes} 分钟走了 {km} 公里，时速 {km_per_hour} "
                "公里（公路上限 {road_km_per_hour}）。"
            ),
            (
                "{times} times: the fastest {km} km in {minutes} minutes, {km_per_hour} km/h (roads: "
                "{road_km_per_hour})."
            ),
        ),
        (
            ("{times} 次：最快一次 {minutes} 分钟走了 {km} 公里（公路上限时速 {road_km_per_hour} 公里）。"),
            ("{times} times: the fastest {km} km in {minutes} minutes (roads: {road_km_per_hour} km/h)."),
        ),
    ),
    "mock_location": (
        (
            (
                "手机报告模拟定位：计入签到 {times_counted} 次，被拒 {times_refused} 次（"
                "{mocked_times} 次起计）。"
            ),
            (
                "The phone reported a simulated location: {times_counted} times counted, "
                "{times_refused} refused ({mocked_times} are told)."
            ),
        ),
    ),
    "check_in_burst": (
        (
            (
                "{lessons_judged} 个课次中有 {lessons_found} 个：最多 {people} 人在 "
                "{seconds_at_least} 秒内签到（{burst_seconds} 秒内即计）。"
            ),
            (
                "In {lessons_found} of {lessons_judged} lessons up to {people} people checked in "
                "within {seconds_at_least} s (within {burst_seconds} s counts)."
            ),
        ),
    ),
    "footage_gap": (
        (
            (
                "{lessons_due} 个应有录像的课次中 {lessons_with_gaps} 个有缺口，共缺 "
                "{missing_minutes} 分钟，占 {missing_share}（{footage_missing_share} 起为严重）；"
                "重复使用录像 {recordings_used_again} 段，其中重新封装的 {recordings_wrapped_anew} 段。"
            ),
            (
                "{lessons_with_gaps} of {lessons_due} lessons have gaps: {missing_minutes} minutes, "
                "{missing_share} (grave from {footage_missing_share}); "
                "{recordings_used_again} recordings used again ({recordings_wrapped_anew} wrapped anew)."
            ),
        ),
    ),
    "early_scores": (
        (
            ("{steps}早于最后一课结束 {hours_before_the_end} 小时；提前录成绩 {trainees_marked_early} 人。"),
            (
                "{steps} came {hours_before_the_end} hours before the end of the last lesson; "
                "{trainees_marked_early} trainees marked early."
            ),
        ),
    ),
    "uniform_scores": (
        (
            (
                "{examined} 人应考，{alike_in_both} 人理论、实操都雷同；理论 {theory_lowest}–"
                "{theory_highest} 分，实操 {practice_lowest}–{practice_highest} 分。"
            ),
            (
                "{examined} examined, {alike_in_both} alike in both; theory {theory_lowest}–"
                "{theory_highest}, practice {practice_lowest}–{practice_highest}."
            ),
        ),
        (
            (
                "与 {institutions_elsewhere} 家外机构的 {classes_elsewhere} 个同项目班级比较：{signs}。本班 "
                "{examined} 人平均 {average} 分、离散度 {spread}（外机构 {average_elsewhere} 分、"
                "{spread_elsewhere}），不合格 {failed} 人（外机构占 {failed_share_elsewhere}）。"
            ),
            (
                "Against {classes_elsewhere} classes of the project at {institutions_elsewhere} other "
                "institutions: {signs}. {examined} examined, average {average}, spread {spread} "
                "(elsewhere {average_elsewhere} and {spread_elsewhere}); {failed} failed (elsewhere "
                "{failed_share_elsewhere})."
            ),
        ),
        (
            (
                "{examined} 人应考无人不合格，理论、实操都紧靠平均 {average} 分（离散度 {theory_spread}、"
                "{practice_spread}），理论与实操的相关只有 {agreement}：{signs}。"
            ),
            (
                "{examined} examined and nobody failed; theory and practice both lie close around {average} "
                "(spread {theory_spread} and {practice_spread}), their agreement is {agreement}: {signs}."
            ),
        ),
    ),
    "idle_voucher": (
        (
            ("{vouchers} 张券自 {redeemed_first_at} 起核销在这个班，至今无人签到（{idle_days} 天起计）。"),
            (
                "{vouchers} vouchers used for this class since {redeemed_first_at}, and nobody ever "
                "came ({idle_days} days are told)."
            ),
        ),
        (
            ("券于 {redeemed_at} 核销，至今未编入获批班级（{idle_days} 天起计，{idle_days_held} 天严重）。"),
            (
                "Used at {redeemed_at}, and in no approved class since ({idle_days} days are told, "
                "{idle_days_held} are grave)."
            ),
        ),
    ),
    "shared_phone_or_account": (
        (
            (
                "{shared} 个{what}为多人共用，最多 {people_at_most} 人，涉及本班 "
                "{people_of_this_class} 人（{phone_people} 人起计，{phone_people_held} 人为严重）。"
            ),
            (
                "{shared} times one {what} for several people, at most {people_at_most}; "
                "{people_of_this_class} of this class ({phone_people} are told, {phone_people_held} "
                "are grave)."
            ),
        ),
    ),
    "claim_burst": (
        (
            (
                "机构有 {rooms} 间教室，却同时开 {lessons_at_once} 门课、用 {trainers_at_once} "
                "名教师（超过教室数 {burst_capacity} 倍即计）。"
            ),
            (
                "{rooms} rooms, and {lessons_at_once} lessons with {trainers_at_once} trainers at "
                "once (above {burst_capacity} times the rooms counts)."
            ),
        ),
    ),
    "offline_check_ins": (
        (
            (
                "{arrivals} 次到课签到中 {offline} 次为离线补传：{signs}。{trainees} 名学员中 "
                "{people_offline_alone} 人在别人能联网的课上多日离线（{offline_people} 人起为严重），"
                "{days} 天中 {days_without_network} 天多数人离线，"
                "{lessons_with_made_up_places} 个课次离线位置雷同。"
            ),
            (
                "{offline} of {arrivals} arrivals were recorded without a network: {signs}. "
                "{people_offline_alone} of {trainees} trainees were offline for days while others got "
                "through (grave from {offline_people}), most were on {days_without_network} of {days} days, "
                "and places agree in {lessons_with_made_up_places} lessons."
            ),
        ),
    ),
    "make_up_share": (
        (
            (
                "{arrivals} 次到课中 {made_up} 次为补课，占 {arrivals_made_up_share}"
                "（{made_up_share_held} 起为严重）；{trainees} 名学员中 {people_making_up} 人多次补课。"
            ),
            (
                "{made_up} of {arrivals} arrivals were made up: {arrivals_made_up_share} (grave from "
                "{made_up_share_held}); {people_making_up} of {trainees} trainees did so again and again."
            ),
        ),
    ),
    "inspection_deviation": (
        (
            "抽查发现与登记不符（第 {entry_version} 次登记的结果）。",
            "An inspection found a deviation (entry number {entry_version}).",
        ),
    ),
}
"""Of each rule the sentences to try: the first whose figures are all there is said."""
