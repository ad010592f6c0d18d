"""The outline of the province: no town of Anhui is refused, no seat beyond the border accepted."""

import pytest

from chalicelib.kernel.divisions import plausible
from chalicelib.kernel.geo import CoordSystem, Point, convert
from chalicelib.kernel.territory import in_province

INSIDE = {
    "合肥": (117.28, 31.86), "芜湖": (118.38, 31.33), "蚌埠": (117.39, 32.92), "淮南": (117.0, 32.63),
    "马鞍山": (118.5, 31.67), "博望": (118.84, 31.56), "淮北": (116.8, 33.96), "铜陵": (117.81, 30.94),
    "安庆": (117.05, 30.53), "屯溪": (118.34, 29.71), "滁州": (118.31, 32.30), "汊河": (118.55, 32.23),
    "阜阳": (115.81, 32.89), "临泉": (115.26, 33.04), "宿州": (116.97, 33.64), "砀山": (116.37, 34.44),
    "萧县": (116.95, 34.19), "泗县": (117.91, 33.48), "天长": (119.0, 32.69), "六安": (116.5, 31.74),
    "天堂寨": (115.77, 31.13), "亳州": (115.78, 33.85), "池州": (117.49, 30.66), "宣城": (118.76, 30.94),
    "广德": (119.42, 30.89), "宿松": (116.13, 30.15), "乌江": (118.47, 31.87), "水阳": (118.7, 31.22),
}  # fmt: skip
BEYOND = {
    "南京": (118.78, 32.06), "浦口": (118.63, 32.06), "六合": (118.84, 32.34), "江宁": (118.84, 31.95),
    "溧水": (119.03, 31.65), "徐州": (117.19, 34.26), "睢宁": (117.95, 33.91), "盱眙": (118.54, 33.01),
    "商丘": (115.65, 34.41), "沈丘": (115.1, 33.41), "固始": (115.68, 32.18), "商城": (115.41, 31.80),
    "蕲春": (115.43, 30.23), "九江": (115.99, 29.68), "景德镇": (117.2, 29.27), "婺源": (117.86, 29.25),
    "淳安": (119.04, 29.61), "安吉": (119.68, 30.50), "长兴": (119.91, 31.03), "金湖": (119.02, 33.12),
    "上海": (121.47, 31.23), "武汉": (114.3, 30.6), "杭州": (120.15, 30.28), "null island": (0.0, 0.0),
    "latitude and longitude swapped": (31.86, 89.0),
}  # fmt: skip


@pytest.mark.parametrize("system", CoordSystem)
@pytest.mark.parametrize("name", INSIDE)
def test_towns_of_anhui_lie_inside_whatever_the_system(name, system):
    assert in_province(convert(Point(*INSIDE[name], CoordSystem.WGS84), system))


@pytest.mark.parametrize("system", CoordSystem)
@pytest.mark.parametrize("name", BEYOND)
def test_towns_beyond_the_border_lie_outside(name, system):
    assert not in_province(convert(Point(*BEYOND[name], CoordSystem.WGS84), system))


@pytest.mark.parametrize(
    ("code", "town"),
    [("340104", "芜湖"), ("3401", "安庆"), ("3402", "合肥"), ("341302", "合肥"), ("341882", "宣城"), ("3415", "阜阳")],
)  # fmt: skip
def test_a_town_of_another_city_is_far_from_the_division(code, town):
    assert plausible(code, Point(*INSIDE[town], CoordSystem.WGS84)) is False
