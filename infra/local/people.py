"""Synthetic people and sheets for the demo, the tests and the benchmarks.

Everything follows from an index, so two runs make the same people. Nobody real is met: ID numbers
have sequence 000, which the police do not give out (it also makes everybody a woman: the last
sequence digit is even), and mobile numbers begin with 154, a range without public subscribers.
"""

import calendar
import datetime as dt
import functools
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import openpyxl
from stdnum.cn import ric

from chalicelib.kernel.calendar import add_months
from chalicelib.kernel.divisions import COUNTY_LEVEL
from chalicelib.kernel.identity import IdNumber

REFERENCE_DAY = dt.date(2021, 9, 1)
"""The day from which people are seen unless another is named: two months after the notice."""

GRADUATE_HEADERS = (
    "姓名",
    "身份证号",
    "毕业院校",
    "学历",
    "毕业日期",
    "离校日期",
    "就业状态",
    "手机号",
    "行政区划",
)
ROSTER_HEADERS = ("姓名", "身份证号")
SCORE_HEADERS = ("姓名", "身份证号", "理论成绩", "实操成绩")

Cell = str | int | float | dt.date | None
Row = tuple[Cell, ...]

_FIRST_GRADUATION = dt.date(2020, 6, 1)
_WITHIN_MONTHS = 24

# County-level codes by the year since which each has been in force (GB/T 2260), so that an ID
# number names a place that existed when its holder was born.
_PLACES_SINCE = {
    1988: (
        "340102 340103 340104 340111 340121 340122 340123 340202 340223 340302 340303 340304 340311 340321 "
        "340322 340323 340402 340403 340404 340405 340406 340421 340503 340504 340521 340602 340603 340604 "
        "340621 340711 340802 340803 340811 340822 340825 340826 340827 340828 341002 341003 341004 341021 "
        "341022 341023 341024"
    ),
    1990: "340207",
    1992: "341102 341103 341122 341124 341125 341126",
    1993: "341181",
    1994: "341182",
    1996: "340881 341202 341203 341204 341221 341222 341225 341226 341282",
    1998: "341302 341321 341322 341323 341324",
    1999: "341502 341503 341522 341523 341524 341525",
    2000: (
        "341602 341621 341622 341623 341702 341721 341722 341723 341802 341821 341823 341824 341825 341881"
    ),
}
# The usual age of a graduate first; the others are there for numbers.
_BIRTH_YEARS = (2003, 2002, 2001, 2004, 2000, 1999, 2005, 2006, *range(1998, 1989, -1))
# Neighbours by index get distant birthdays: a prime, so without common factor with 365 or 366.
_BIRTHDAY_STEP = 151

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
)
_GIVEN_FIRST = "子雨思佳晓文梓欣嘉静雅婷宇俊明志浩天诗梦若一安宁海建国春秋玉"
_GIVEN_LAST = "轩涵琪怡萱彤妍洁颖琳慧敏雪莹丽娜倩悦然晨阳辉杰伟强鹏飞龙涛超"
_SCHOOLS = (
    ("安徽职业技术学院", "专科"),
    ("芜湖职业技术学院", "专科"),
    ("安徽水利水电职业技术学院", "专科"),
    ("合肥学院", "本科"),
    ("安徽工程大学", "本科"),
    ("阜阳师范大学", "本科"),
    ("安徽财经大学", "本科"),
    ("安徽大学", "硕士"),
    ("合肥工业大学", "硕士"),
)


@dataclass(frozen=True)
class Person:
    """A graduate as the province's list shows one."""

    name: str
    id_number: IdNumber
    school: str
    degree: str
    graduated_on: dt.date
    left_school_on: dt.date
    employment_status: str
    phone: str
    division: str


def _places(year: int) -> list[str]:
    return [code for since, codes in _PLACES_SINCE.items() if since <= year for code in codes.split()]


@functools.cache
def _birth_blocks() -> tuple[tuple[int, int, list[str]], ...]:
    """List year, number of days and places for each block of people born in one year."""
    return tuple((year, 365 + calendar.isleap(year), _places(year)) for year in _BIRTH_YEARS)


def _id_number(index: int) -> IdNumber:
    """Give the index-th number: block by block, and within a block each day at each place once."""
    for year, days, places in _birth_blocks():
        if index < days * len(places):
            round_number, place = divmod(index, len(places))
            day = (round_number + place) * _BIRTHDAY_STEP % days
            body = f"{places[place]}{dt.date(year, 1, 1) + dt.timedelta(days=day):%Y%m%d}000"
            return IdNumber(body + ric.calc_check_digit(body + "0"))
        index -= days * len(places)
    msg = f"there are only {PEOPLE_MAX} people"
    raise ValueError(msg)


PEOPLE_MAX = sum(days * len(places) for _, days, places in _birth_blocks())


def _name(index: int) -> str:
    index, surname = divmod(index * 17 + 3, len(_SURNAMES))
    index, first = divmod(index * 7 + surname, len(_GIVEN_FIRST))
    last = (index * 11 + first) % (len(_GIVEN_LAST) + 4)
    return _SURNAMES[surname] + _GIVEN_FIRST[first] + _GIVEN_LAST[last : last + 1]


def _graduated_on(index: int, today: dt.date) -> dt.date:
    """Pick a graduation day in June that is eligible on `today`, with a month to spare."""
    earliest = max(_FIRST_GRADUATION, add_months(today, 1 - _WITHIN_MONTHS))
    junes = [
        day
        for year in range(earliest.year, today.year + 1)
        for day in (dt.date(year, 6, 10 + index % 20),)
        if earliest <= day <= today
    ]
    return junes[index // 20 % len(junes)] if junes else earliest


def make_person(index: int, *, today: dt.date = REFERENCE_DAY) -> Person:
    """Make the person of an index: well-formed, and eligible on `today`.

    Distinct indexes have distinct ID and phone numbers.

    Raises:
        ValueError: the index is negative or not below `PEOPLE_MAX`, which is above 400,000.

    """
    if index < 0:
        msg = "people are numbered from 0"
        raise ValueError(msg)
    school, degree = _SCHOOLS[index % len(_SCHOOLS)]
    graduated_on = _graduated_on(index, today)
    return Person(
        name=_name(index),
        id_number=_id_number(index),
        school=school,
        degree=degree,
        graduated_on=graduated_on,
        left_school_on=min(today, graduated_on + dt.timedelta(days=index % 15)),
        employment_status="未就业",
        phone=f"154{index * 37 % 10**8:08d}",
        division=COUNTY_LEVEL[index % len(COUNTY_LEVEL)],
    )


def graduate_row(person: Person) -> Row:
    """Lay a person out in the columns of `GRADUATE_HEADERS`; dates become real date cells."""
    return (
        person.name,
        person.id_number,
        person.school,
        person.degree,
        person.graduated_on,
        person.left_school_on,
        person.employment_status,
        person.phone,
        person.division,
    )


def graduate_rows(n: int, today: dt.date) -> list[Row]:
    """Make the rows of the first n people, all well-formed and eligible on `today`."""
    return [graduate_row(make_person(index, today=today)) for index in range(n)]


def _workbook(headers: Sequence[str], rows: Iterable[Row]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("名单")
    sheet.append(headers)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def graduate_workbook(rows: Iterable[Row]) -> bytes:
    """Write a graduate list as xlsx, with the Chinese headers of the API."""
    return _workbook(GRADUATE_HEADERS, rows)


def roster_workbook(people: Iterable[Person]) -> bytes:
    """Write a class roster as xlsx."""
    return _workbook(ROSTER_HEADERS, ((person.name, person.id_number) for person in people))


def score_workbook(rows: Iterable[tuple[Person, float, float]]) -> bytes:
    """Write a score sheet as xlsx; a row is a person with theory and practice marks, 0-100."""
    return _workbook(
        SCORE_HEADERS,
        ((person.name, person.id_number, theory, practice) for person, theory, practice in rows),
    )


@dataclass(frozen=True)
class WrongRow:
    """A row of the demo list with exactly one thing wrong, at a line and column of the sheet."""

    row: int
    column: str
    kind: str


@dataclass(frozen=True)
class Expected:
    """What an import and a batch must make of the demo list.

    `valid` rows are well-formed; they are `eligible`, or refused in the batch with one reason code.
    """

    total: int
    valid: int
    eligible: int
    ineligible: dict[str, int]
    wrong: tuple[WrongRow, ...]
    eligible_people: tuple[Person, ...]

    @property
    def wrong_rows(self) -> tuple[int, ...]:
        """The line numbers of the wrong rows, ascending."""
        return tuple(wrong.row for wrong in self.wrong)


def _wrong_check_digit(id_number: str) -> str:
    # Not to "0": after sequence 000 that would look like digits lost in a spreadsheet.
    return id_number[:-1] + ("1" if id_number[-1] != "1" else "2")


def _as_excel_number(id_number: str) -> str:
    return f"{float(id_number[:-1] + '0'):.5E}"


# Per kind of fault: the column it shows in, and what becomes of the good cell. A repeated person
# stands in the sheet a second time, with the phone of the row's own.
_WRONG_KINDS: dict[str, tuple[str, Callable[[str], Cell]]] = {
    "bad_check_digit": ("身份证号", _wrong_check_digit),
    "repeated_person": ("身份证号", str),
    "missing_name": ("姓名", lambda _: None),
    "missing_id_number": ("身份证号", lambda _: None),
    "missing_left_school_on": ("离校日期", lambda _: None),
    "unreadable_date": ("毕业日期", lambda _: "去年夏天"),
    "mangled_id_number": ("身份证号", _as_excel_number),
    "bad_phone": ("手机号", lambda phone: phone[:-2]),
    "unknown_division": ("行政区划", lambda _: "349999"),
    "unknown_employment_status": ("就业状态", lambda _: "在家"),
}
_WRONG_COPIES = 2
_INELIGIBLE = {"graduated_too_early": 6, "left_school_too_long_ago": 7, "not_unemployed": 8}
_OTHER_STATUSES = ("已就业", "升学", "参军", "创业")
_DEMO_MIN = 60
_HEADER_LINES = 1


def _spoil(person: Person, kind: str) -> Row:
    """Lay out a person with one fault."""
    column, change = _WRONG_KINDS[kind]
    cells = dict(zip(GRADUATE_HEADERS, graduate_row(person), strict=True))
    cells[column] = change(str(cells[column]))
    return tuple(cells.values())


def _make_ineligible(person: Person, reason: str, *, nth: int, today: dt.date) -> Person:
    """Give a person exactly one reason to be refused."""
    match reason:
        case "graduated_too_early":  # but not out of school for too long
            return replace(person, graduated_on=_FIRST_GRADUATION - dt.timedelta(days=1 + nth * 30))
        case "left_school_too_long_ago":
            left = add_months(today, -_WITHIN_MONTHS) - dt.timedelta(days=2 + nth * 11)
            return replace(person, left_school_on=left, graduated_on=max(_FIRST_GRADUATION, left))
        case "not_unemployed":
            return replace(person, employment_status=_OTHER_STATUSES[nth % len(_OTHER_STATUSES)])
        case _:
            raise AssertionError(reason)


def demo_list(total: int = 300, *, today: dt.date = REFERENCE_DAY, first: int = 0) -> tuple[bytes, Expected]:
    """Make the demo's graduate list: mostly good rows, and some of every kind that is refused.

    The faults stand in the same places every time, spread over the sheet. The first row is good. People
    are taken from the index `first` on, so that a later list can have nobody of an earlier one.

    Raises:
        ValueError: fewer than 60 rows, which could not hold every kind.

    """
    if total < _DEMO_MIN:
        msg = f"at least {_DEMO_MIN} rows"
        raise ValueError(msg)
    refused: list[tuple[str, str]] = [("wrong", kind) for kind in _WRONG_KINDS for _ in range(_WRONG_COPIES)]
    refused += [("ineligible", reason) for reason, count in _INELIGIBLE.items() for _ in range(count)]
    places = {1 + nth * (total - 1) // len(refused): case for nth, case in enumerate(refused)}
    rows: list[Row] = []
    wrong: list[WrongRow] = []
    eligible: list[Person] = []
    for index in range(total):
        person = make_person(first + index, today=today)
        fate, kind = places.get(index, ("good", ""))
        if fate == "wrong":
            line = index + 1 + _HEADER_LINES
            wrong.append(WrongRow(row=line, column=_WRONG_KINDS[kind][0], kind=kind))
            if kind == "repeated_person":
                person = replace(eligible[-1], phone=person.phone)
            rows.append(_spoil(person, kind))
            continue
        if fate == "ineligible":
            person = _make_ineligible(person, kind, nth=index % 5, today=today)
        else:
            eligible.append(person)
        rows.append(graduate_row(person))
    return graduate_workbook(rows), Expected(
        total=total,
        valid=total - len(wrong),
        eligible=len(eligible),
        ineligible=dict(_INELIGIBLE),
        wrong=tuple(wrong),
        eligible_people=tuple(eligible),
    )
