"""Administrative divisions of Anhui: GB/T 2260 codes, who answers to whom, and roughly where.

A code has 2 digits (province), 4 (city) or 6 (county level). State of the Ministry of Civil Affairs'
list since Wuhu's redrawing of 2020: 16 cities, 104 divisions at county level. The directly
administered counties Guangde and Susong lie in a city's code range, but for this scheme they report
to the province, so their city's bureau has no say there.
"""

import unicodedata

from chalicelib.kernel.geo import Point
from chalicelib.kernel.ids import DivisionCode
from chalicelib.kernel.territory import has_extent, in_province, within_extent

PROVINCE = DivisionCode("34")
DIRECTLY_ADMINISTERED = frozenset({DivisionCode("341882"), DivisionCode("340826")})

_PROVINCE_NAME = "安徽省"
_CITY_DIGITS = 4
_SUFFIX_DIGITS = 2

# City code: name, then the county-level divisions as the code's last two digits and the name.
_CITIES: dict[str, tuple[str, str]] = {
    "3401": ("合肥市", "02瑶海区 03庐阳区 04蜀山区 11包河区 21长丰县 22肥东县 23肥西县 24庐江县 81巢湖市"),
    "3402": ("芜湖市", "02镜湖区 07鸠江区 09弋江区 10湾沚区 12繁昌区 23南陵县 81无为市"),
    "3403": ("蚌埠市", "02龙子湖区 03蚌山区 04禹会区 11淮上区 21怀远县 22五河县 23固镇县"),
    "3404": ("淮南市", "02大通区 03田家庵区 04谢家集区 05八公山区 06潘集区 21凤台县 22寿县"),
    "3405": ("马鞍山市", "03花山区 04雨山区 06博望区 21当涂县 22含山县 23和县"),
    "3406": ("淮北市", "02杜集区 03相山区 04烈山区 21濉溪县"),
    "3407": ("铜陵市", "05铜官区 06义安区 11郊区 22枞阳县"),
    "3408": (
        "安庆市",
        "02迎江区 03大观区 11宜秀区 22怀宁县 25太湖县 26宿松县 27望江县 28岳西县 81桐城市 82潜山市",
    ),
    "3410": ("黄山市", "02屯溪区 03黄山区 04徽州区 21歙县 22休宁县 23黟县 24祁门县"),
    "3411": ("滁州市", "02琅琊区 03南谯区 22来安县 24全椒县 25定远县 26凤阳县 81天长市 82明光市"),
    "3412": ("阜阳市", "02颍州区 03颍东区 04颍泉区 21临泉县 22太和县 25阜南县 26颍上县 82界首市"),
    "3413": ("宿州市", "02埇桥区 21砀山县 22萧县 23灵璧县 24泗县"),
    "3415": ("六安市", "02金安区 03裕安区 04叶集区 22霍邱县 23舒城县 24金寨县 25霍山县"),
    "3416": ("亳州市", "02谯城区 21涡阳县 22蒙城县 23利辛县"),
    "3417": ("池州市", "02贵池区 21东至县 22石台县 23青阳县"),
    "3418": ("宣城市", "02宣州区 21郎溪县 23泾县 24绩溪县 25旌德县 81宁国市 82广德市"),
}


def _all_names() -> dict[DivisionCode, str]:
    names = {PROVINCE: _PROVINCE_NAME}
    for city, (city_name, counties) in _CITIES.items():
        names[DivisionCode(city)] = city_name
        for entry in counties.split():
            names[DivisionCode(city + entry[:_SUFFIX_DIGITS])] = entry[_SUFFIX_DIGITS:]
    return names


_NAMES = _all_names()
COUNTY_LEVEL = tuple(code for code in _NAMES if len(code) > _CITY_DIGITS)


def is_known(code: str) -> bool:
    """Tell whether a code of 2, 4 or 6 digits names a division of the province, or the province."""
    return code in _NAMES


def _written_names() -> dict[str, DivisionCode | None]:
    """Give the division of each name as people write it; None for a name that two have."""
    written: dict[str, DivisionCode | None] = {}
    for code, name in _NAMES.items():
        city = _NAMES.get(DivisionCode(code[:_CITY_DIGITS]), "") if len(code) > _CITY_DIGITS else ""
        for spelling in {name, f"{city}{name}", f"{_PROVINCE_NAME}{city}{name}"}:
            written[spelling] = None if spelling in written else code
    return written


_WRITTEN = _written_names()


def read_division(text: str) -> DivisionCode | None:
    """Read a division as people write it: its code, also filled up to six digits, or its name.

    `3401`, `340100`, `合肥市` and `安徽省合肥市` are one; `340104`, `合肥市蜀山区` and `蜀山区` another.
    None if it is none of the province's, or the name could be two.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    while plain.endswith("00") and len(plain) > len(PROVINCE):
        plain = plain.removesuffix("00")
    return DivisionCode(plain) if plain in _NAMES else _WRITTEN.get(plain)


def name_of(code: str) -> str:
    """Give the Chinese name, without those of the divisions above.

    Raises:
        KeyError: unknown code.

    """
    return _NAMES[DivisionCode(code)]


def parent_of(code: str) -> DivisionCode | None:
    """Give the division that a division reports to under this scheme; None for the province.

    Raises:
        KeyError: unknown code.

    """
    name_of(code)
    if code == PROVINCE:
        return None
    if len(code) == _CITY_DIGITS or code in DIRECTLY_ADMINISTERED:
        return PROVINCE
    return DivisionCode(code[:_CITY_DIGITS])


def covers(area: str, code: str) -> bool:
    """Tell whether a bureau of `area` acts on `code`: its own division and everything below it.

    Directly administered counties are covered by the province and themselves only. Unknown codes are
    covered by nobody. So 3418 (宣城市) covers 341821 (郎溪县), but not 341882 (广德市).
    """
    at: str | None = code if is_known(code) else None
    while at is not None and at != area:
        at = parent_of(at)
    return at is not None


def group_of(division: str) -> DivisionCode:
    """Give the division in whose lists a division's things stand: its city, or itself if it has none.

    Raises:
        KeyError: unknown code.

    """
    parent = parent_of(division)
    return DivisionCode(division) if parent is None or parent == PROVINCE else parent


def groups_below(area: str) -> tuple[DivisionCode, ...]:
    """List the groups that hold an area's things: all for the province, else one, which may hold more."""
    if area == PROVINCE:
        return tuple(code for code in _NAMES if parent_of(code) in (None, PROVINCE))
    return (group_of(area),)


def is_part_of_group(area: str) -> bool:
    """Tell whether an area is a county of a city: its things are picked out of the city's list."""
    return group_of(area) != area


def divisions_below(area: str) -> tuple[DivisionCode, ...]:
    """List a division and everything that reports to it."""
    return tuple(code for code in _NAMES if covers(area, code))


def plausible(code: str, point: Point) -> bool | None:
    """Tell whether a point can lie in a division, judged by the extent of its city.

    None if nothing is known of the division.
    """
    if not is_known(code):
        return None
    if code == PROVINCE:
        return in_province(point)
    return within_extent(code if has_extent(code) else code[:_CITY_DIGITS], point)
