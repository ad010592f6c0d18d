"""Every code the service can answer with, its kind of error, and its sentences: the one place.

The sentence is read by a clerk or a trainee at a counter, so it says what to do next. `{name}`
stands for a fact of the error. The order of `ORDER_OF_REFUSAL` is the documented precedence where
several reasons apply at once.
"""

import functools
import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.kernel.errors import (
    DomainError,
    Fact,
    Fault,
    Forbidden,
    Impossible,
    Malformed,
    NotAllowed,
    NotFound,
    Refused,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
)
from chalicelib.kernel.money import yuan
from chalicelib.kernel.repeats import excused


@dataclass(frozen=True)
class Reason:
    """A code's kind of error and what people read."""

    kind: type[DomainError]
    zh: str
    en: str


REASONS: dict[str, Reason] = {
    # the caller
    "unauthenticated": Reason(
        Unauthenticated,
        "请先登录：缺少访问令牌或令牌无效。",
        "Sign in first: the access token is missing or not valid.",
    ),
    "token_stale": Reason(
        Unauthenticated,
        "登录已过期，请刷新令牌或重新登录。",
        "Your sign-in has expired. Refresh the token or sign in again.",
    ),
    "form_stale": Reason(
        Forbidden,
        "页面已过期，本次未提交。您填写的内容已保留，请核对后再提交一次。",
        "The page was too old, so nothing was sent. What you typed is kept: check it and send it again.",
    ),
    "sign_in_failed": Reason(
        Unauthenticated,
        "账号或密码不正确，或账号暂不可用。请核对后重试，仍不行请联系上级管理员。",
        "Account or password is wrong, or the account cannot be used now. Check, then ask your administrator.",
    ),
    "totp_needed": Reason(
        Unauthenticated,
        "您的角色须使用动态口令登录，请先绑定动态口令。",
        "Your role signs in with a one-time code. Enrol an authenticator first.",
    ),
    "totp_already_on": Reason(
        Refused,
        "该账号已绑定动态口令；如已丢失，请联系上级管理员重置账号。",
        "An authenticator is enrolled already. If it is lost, ask your administrator to reset the account.",
    ),
    "other_person": Reason(
        Refused,
        "该账号已属于另一人，不能改绑；请为新人员另开账号。",
        "The account is another person's for good. Make the new person an account of their own.",
    ),
    "duty_held": Reason(
        Refused,
        "此人在 {division} 已任另一职责，同一辖区内一人只能任一项；请先停用原账号，新账号次日起可用。",
        "This person has another duty in {division}, and may hold one there. Disable that account first; "
        "the new one works from the next day.",
    ),
    "duty_not_begun": Reason(
        Refused,
        "职责变更自 {starts_on} 起生效，请于当日起登录。",
        "The change of duty takes effect on {starts_on}. Sign in from that day on.",
    ),
    "weak_password": Reason(
        Malformed,
        "密码过于简单，或包含账号名，请另设一个。",
        "The password is too easy to guess, or contains the account name. Choose another.",
    ),
    "client_unproven": Reason(
        Unauthenticated,
        "软件凭据未被接受。请核对 iss、kid 与已登记的公钥是否一致，并用其私钥签名后重试。",
        "The program was not proved. Check that iss and kid are those registered, sign with that key, and try again.",
    ),
    "assertion_claim": Reason(
        Unauthenticated,
        "断言中的 {claim} 不符合要求：iss 与 sub 为软件编号，aud 为本接口的完整地址，exp 距 iat 不超过 5 分钟且时钟误差"
        "不超过 1 分钟，jti 每次不同。请改正后重新签发。",
        "The assertion's {claim} is not right: iss and sub are the program's id, aud is the whole address of this "
        "operation, exp is at most 5 minutes after iat and clocks differ by 1 minute at most, jti is another each "
        "time. Correct it and sign again.",
    ),
    "client_not_in_force": Reason(
        Unauthenticated,
        "该软件的凭据现为 {status}，尚未确认或已失效。请由本单位账号查看，必要时重新申请。",
        "This program's credential is {status}: not confirmed, or over. Ask somebody of its owner to look, and to "
        "ask for it anew if need be.",
    ),
    "invalid_scope": Reason(
        Malformed,
        "该软件没有 scope 中的 {scope}。请只写其凭据已确认的权限，以空格分隔；或不带 scope，以取得全部。",
        "This program has not got {scope} of the scope it asked for. Name only what its credential was given, a "
        "space between two, or leave scope out for all of it.",
    ),
    "person_missing": Reason(
        Malformed,
        "软件代办的事项须写明经办人：请在 X-On-Behalf-Of 中填写本机构工作人员的账号。",
        "Software changes things for a person: name the account of one of the institution's staff in "
        "X-On-Behalf-Of.",
    ),
    "person_unknown": Reason(
        Malformed,
        "X-On-Behalf-Of 中的账号不是本机构在用的工作人员账号，请核对。",
        "The account in X-On-Behalf-Of is not one of somebody who works for this institution now. Check it.",
    ),
    "scope_refused": Reason(
        Malformed,
        "软件不能获得此项权限：无此权限、本角色没有，或须由人办理。请删去后重试。",
        "A program cannot be given this: there is no such action, its role has not got it, or a person has to do "
        "it. Leave it out.",
    ),
    "address_refused": Reason(
        Malformed,
        "推送地址不可用：须为公网域名的 https 地址（443 端口），不含账号、查询参数和片段，也不能是 IP 地址。请修改后重试。",
        "A webhook's address is https at a public name, port 443, without a user, a query or a fragment, and never "
        "a number. Change it.",
    ),
    "event_refused": Reason(
        Malformed,
        "没有此类事件，或该软件没有读取此类事项的权限。可接收的事件：{known}。请核对事件名称，或同时申请相应的读取权限。",
        "There is no such event, or the program has no right to read what it is about. It can be told of {known}. "
        "Check the name, or ask for that right as well.",
    ),
    "key_unusable": Reason(
        Impossible,
        "公钥不可用：须为 2048 至 4096 位的 RSA，或 P-256、P-384 曲线上的点，且与 alg 相符。请重新导出公钥。",
        "The public key cannot be used: RSA of 2,048 to 4,096 bits, or a point of P-256 or P-384, and as alg says. "
        "Export it anew.",
    ),
    "keys_full": Reason(
        Refused,
        "该软件已有 {most} 个密钥，请先停用一个再添加。",
        "This program has {most} keys already. Retire one first.",
    ),
    "key_in_use": Reason(
        Refused,
        "当前登录正是用此密钥。请先添加新密钥并用其登录，再停用；密钥泄露时请由人撤销凭据。",
        "You are signed in by this very key. Add another, sign in by that one, then retire this. If it was stolen, "
        "have a person revoke the credential.",
    ),
    "forbidden": Reason(
        Forbidden,
        "您的角色不能进行此操作，请由有权限的人员办理。",
        "Your role may not do this. Ask someone who may.",
    ),
    "insufficient_scope": Reason(
        Forbidden,
        "该软件的令牌没有 {scope} 这项权限。如其凭据本有此权限，请在登录时一并写入 scope；"
        "更换密钥（client.rotate）请不带 scope 重新登录；如凭据未获此权限，请由其所属单位重新申请凭据。",
        "This program's token is not good for {scope}. If its credential was given that, ask for it at sign-in; "
        "to change keys (client.rotate), sign in without scope; "
        "if it was not given that, have its owner ask for the credential anew.",
    ),
    "self_approval": Reason(
        Forbidden,
        "不能审批或复核本人经办、或本人参加培训的业务；三十日内为本人开立、重置账户的人，或由本人开立、重置账户的人，"
        "其经办的业务视同本人经办。请由另一名人员办理。",
        "You may not decide on your own work or on a class that you are taught in, nor on the work of who made or "
        "reset your account, or whose account you made or reset, within 30 days. Another person has to.",
    ),
    # the form
    "malformed": Reason(
        Malformed,
        "提交的内容有误，请按所列各项更正后重新提交。",
        "The request has mistakes. Correct each one listed and send it again.",
    ),
    "invalid_json": Reason(Malformed, "请求正文不是有效的 JSON，请检查格式。", "The body is not valid JSON."),
    "repeated_field": Reason(
        Malformed,
        "{field} 出现了两次，请只保留一次。",
        "{field} is there twice. Send it once.",
    ),
    "unknown_field": Reason(
        Malformed, "没有名为 {field} 的字段，请删除。", "There is no field {field} here. Remove it."
    ),
    "missing_field": Reason(Malformed, "缺少 {field}，请补充。", "{field} is missing. Add it."),
    "wrong_type": Reason(
        Malformed, "{field} 的类型或格式不对，请更正。", "{field} has the wrong type or format."
    ),
    "unknown_parameter": Reason(
        Malformed, "没有名为 {field} 的查询参数。", "There is no query parameter {field}."
    ),
    "period_reversed": Reason(
        Malformed,
        "{field} 早于起始日期，请更正。",
        "{field} is before the day the period begins. Correct it.",
    ),
    "unknown_institution": Reason(
        Malformed, "目录中没有此机构，请先登记机构。", "No such institution is listed. List it first."
    ),
    "coord_system_missing": Reason(
        Malformed,
        "位置缺少坐标系 coord_system（wgs84、gcj02 或 bd09），无法判断，请由应用补上后重试。",
        "The location names no coord_system (wgs84, gcj02 or bd09), so it cannot be judged. Send it with one.",
    ),
    "invalid_cursor": Reason(
        Malformed,
        "翻页标记无效，请从第一页重新查询。",
        "The page cursor is not valid. Start from the first page.",
    ),
    "not_found": Reason(
        NotFound, "查无此记录，或不在您的管辖范围内。", "There is no such record in your area."
    ),
    "too_large": Reason(
        TooLarge,
        "内容过大，上限为 {limit_bytes} 字节；大文件请用上传通道。",
        "Too large: at most {limit_bytes} bytes. Use an upload for large files.",
    ),
    "unsupported_type": Reason(
        UnsupportedType,
        "不支持这种文件类型，请使用 {accepted}。",
        "This content type is not supported. Use {accepted}.",
    ),
    "not_utf8": Reason(
        UnsupportedType,
        "请求正文不是 UTF-8 编码（或含有无法识别的字符），请用 UTF-8 重新发送。",
        "The body is not in UTF-8, or holds characters that were lost on the way. Send it in UTF-8.",
    ),
    "unsupported_encoding": Reason(
        UnsupportedType,
        "压缩方式不支持，或压缩数据不完整；请不压缩，或用 gzip 完整压缩后发送。",
        "This packing is not supported, or not whole. Send the body as it is, or all of it by gzip.",
    ),
    "method_not_allowed": Reason(
        NotAllowed,
        "该地址不支持此方法，可用：{allowed}。",
        "This address has no such method. It has: {allowed}.",
    ),
    "too_many_requests": Reason(
        TooMany,
        "尝试次数过多，请在 {retry_after_seconds} 秒后再试。",
        "Too many attempts. Try again in {retry_after_seconds} seconds.",
    ),
    "try_again": Reason(
        Unavailable,
        "系统繁忙，请稍后刷新核对，未办成的再重试。",
        "The service is busy. Look shortly whether it is done; if not, try again.",
    ),
    # repeats and versions
    "version_conflict": Reason(
        Refused,
        "该记录已被他人更改（现版本 {version}），请刷新后再办理。",
        "Someone has changed this meanwhile (version {version} now). Reload and try again.",
    ),
    "idempotency_mismatch": Reason(
        Impossible,
        "同一 Idempotency-Key 已用于另一内容，请换一个新的键。",
        "This Idempotency-Key was used with another body. Use a new key.",
    ),
    "in_progress": Reason(
        Refused,
        "同一请求正在处理，请稍后查询结果。",
        "The same request is being worked on. Ask again shortly.",
    ),
    "wrong_state": Reason(
        Refused,
        "当前状态（{status}）不能进行此操作，请刷新后查看可办理的事项。",
        "Not possible in the present state ({status}). Reload to see what is.",
    ),
    "already_exists": Reason(Refused, "同名记录已存在，请核对。", "This exists already. Check it."),
    "too_many_programs": Reason(
        Refused,
        "本单位已登记 {most} 个软件名称，请沿用其中已失效的名称重新申请。",
        "There are {most} names of programs of this owner already. Ask anew under one that is over.",
    ),
    # programs and catalogue
    "invalid_uscc": Reason(
        Malformed,
        "统一社会信用代码校验不通过，请核对营业执照。",
        "The unified social credit code fails its check. Compare it with the licence.",
    ),
    "until_needed": Reason(
        Malformed,
        "予以容忍的，请填写容忍到哪一天：须在今天之后、{days} 天以内。",
        "Say until which day it is tolerated: one after today, within {days} days.",
    ),
    "until_not_asked": Reason(
        Malformed,
        "只有予以容忍的案件填写截止日期，请删去。",
        "Only what is tolerated has a last day. Leave it out.",
    ),
    "unknown_division": Reason(
        Malformed, "没有这个行政区划代码，请核对。", "There is no such administrative division code."
    ),
    "unknown_project": Reason(
        Malformed, "没有这个编号的培训项目，请核对后重填。", "There is no such project. Check its number."
    ),
    "unknown_program": Reason(
        Malformed, "没有这个编号的培训计划，请核对后重填。", "There is no such program. Check its number."
    ),
    "near_missing": Reason(
        Malformed,
        "按距离筛选时，请同时给出所在位置 near。",
        "A radius needs a place: give near as well.",
    ),
    "outside_province": Reason(
        Malformed,
        "该坐标不在安徽省内，请核对经纬度和坐标系。",
        "The point is outside Anhui. Check longitude, latitude and system.",
    ),
    "project_not_covered": Reason(
        Refused,
        "此项目不在该机构或该券可用的范围内，请在可用项目中另选。",
        "This project is not covered, by the institution or by the voucher. Choose one of those listed.",
    ),
    "staff_is_trainee": Reason(
        Refused,
        "该人员是本机构的工作人员（有本机构账户），不能在本机构用券参加培训；请持券人另选机构。"
        "券已在本机构核销的，须先退回该报名；已离职的，请人社部门停用其账户。",
        "This person works at this institution: they have an account of it, and are not trained here for a voucher. "
        "They choose another institution; a voucher redeemed here has its enrolment released first. Of somebody who "
        "has left, the bureau disables the account.",
    ),
    "institution_suspended": Reason(
        Refused,
        "该培训机构已被暂停，请持券人另选机构，机构请联系当地人社部门。",
        "This institution is suspended. Choose another one.",
    ),
    "suspended_above": Reason(
        Refused,
        "该机构由监督人员、省厅或系统规则（如追回款逾期）暂停，经办人员不能恢复；请监督人员核实后恢复。",
        "A supervisor, the province or a rule (arrears, say) suspended this institution: a clerk cannot "
        "reinstate it. Ask the supervisor.",
    ),
    "red_card": Reason(
        Refused,
        "该机构因监管查实问题被亮红牌，暂不受理新开班，请联系当地人社部门监督人员。",
        "This institution has the red card and may open no new class. Ask the supervisor of its bureau.",
    ),
    # lists and issuance
    "digest_mismatch": Reason(
        Impossible,
        "文件与申报的校验值不一致，请重新上传。",
        "The file does not match its declared digest. Upload it again.",
    ),
    "unreadable_sheet": Reason(
        Impossible,
        "文件无法读取，请上传 xlsx 或 csv（UTF-8 或 GB18030）。",
        "The file cannot be read. Upload xlsx or csv (UTF-8 or GB18030).",
    ),
    "encrypted_sheet": Reason(
        Impossible,
        "文件设有打开密码，无法读取；请取消密码后另存为 xlsx 再上传。",
        "The file has a password. Take the password off, save it as xlsx and upload it again.",
    ),
    "old_sheet_format": Reason(
        Impossible,
        "这是旧版 Excel（xls）文件，改扩展名无效；请用 Excel 另存为 xlsx 后再上传。",
        "This is an old Excel file (xls), whatever its name. Open it and save it as xlsx.",
    ),
    "web_page_sheet": Reason(
        Impossible,
        "文件实为网页或 XML，并非 Excel 工作簿；请用 Excel 打开并另存为 xlsx 后再上传。",
        "This file is a web page or XML and no workbook. Open it in Excel and save it as xlsx.",
    ),
    "several_lists": Reason(
        Impossible,
        "有多个工作表含有名单（{sheets}）；请合并为一个工作表，或拆成几个文件分别上传。",
        "More than one sheet holds a list ({sheets}). Merge them, or upload them as separate files.",
    ),
    "column_without_header": Reason(
        Impossible,
        "第 {column} 列有内容但没有表头；请补上表头，或删除该列、取消表头的合并单元格。",
        "Column {column} has content but no header. Add the header, delete the column or unmerge the header.",
    ),
    "rows_above_header": Reason(
        Impossible,
        "表头上方的第 {row} 行像是数据；请把表头移到最上面（排序时不要选中表头）后再上传。",
        "Row {row} stands above the headers and looks like data. Move the headers to the top (leave them out when sorting) and upload again.",
    ),
    "missing_column": Reason(
        Impossible, "缺少列“{column}”，请按模板补充。", "The column {column} is missing."
    ),
    "duplicate_column": Reason(
        Impossible, "列“{column}”出现了两次，请删除一列。", "The column {column} appears twice."
    ),
    "unknown_column": Reason(
        Impossible, "不认识的列“{column}”，请删除或改名。", "The column {column} is not known."
    ),
    "no_rows": Reason(Impossible, "表中没有数据行，请核对文件。", "The sheet has no rows."),
    "too_many_rows": Reason(
        Impossible, "行数超过上限 {limit}，请拆分文件。", "More than {limit} rows. Split the file."
    ),
    "rows_invalid": Reason(
        Impossible,
        "有 {invalid} 行有误，未作任何更改；请逐项更正后重新提交。",
        "{invalid} rows are wrong; nothing was changed. Correct them and send again.",
    ),
    "formula_without_value": Reason(
        Impossible,
        "“{column}”是公式且没有计算结果；请复制后“选择性粘贴”为数值再上传。",
        "{column} is a formula without a result. Copy it, paste it as a value, and upload again.",
    ),
    "formula_error": Reason(
        Impossible,
        "“{column}”的公式出错（如 #N/A），请改为正确的内容。",
        "The formula in {column} ends in an error such as #N/A. Write the right content.",
    ),
    "unreadable_cell": Reason(
        Impossible,
        "“{column}”中有内容但无法读出；请在该单元格重新填写，或另存为 xlsx 后再上传。",
        "{column} holds something that cannot be read. Write it again, or save the sheet as xlsx and upload that.",
    ),
    "merged_cell": Reason(
        Impossible,
        "“{column}”是合并单元格；请取消合并，并在每一行填写内容。",
        "{column} is part of a merged cell. Unmerge it and fill in every row.",
    ),
    "cell_too_long": Reason(
        Impossible,
        "“{column}”不能超过 {most} 个字，请缩写。",
        "{column} takes at most {most} characters. Shorten it.",
    ),
    "empty_cell": Reason(Impossible, "“{column}”不能为空，请补充。", "{column} may not be empty."),
    "invalid_id_number": Reason(
        Impossible,
        "身份证号的校验码不符，可能有数字写错，请与证件核对。",
        "The check character of the ID number does not fit: a digit may be wrong. Compare it with the card.",
    ),
    "id_number_form": Reason(
        Impossible,
        "身份证号应为 18 位：前 17 位是数字，末位是数字或 X；请与证件核对。",
        "An ID number has 18 signs: 17 digits, then a digit or X. Compare it with the card.",
    ),
    "id_number_old_form": Reason(
        Impossible,
        "这是 15 位的旧身份证号，已不再使用；请填写现在的 18 位号码。",
        "This is an old ID number of 15 digits, no longer in use. Write the number of 18 signs.",
    ),
    "id_number_birth_date": Reason(
        Impossible,
        "身份证号第 7 至 14 位不是正确的出生日期，请与证件核对。",
        "Digits 7 to 14 of the ID number are no date of birth. Compare it with the card.",
    ),
    "id_number_too_young": Reason(
        Impossible,
        "按身份证号中的出生日期，毕业时不满 {years} 岁；请核对身份证号和毕业日期。",
        "By the ID number, they graduated younger than {years}. Check the ID number and the day of graduation.",
    ),
    "invalid_contact_phone": Reason(
        Impossible,
        "电话号码有误；请填写手机号、带区号的座机（如 0551-62345678，分机写在后面）或 400 电话。",
        "The phone number is not valid. Write a mobile, a landline with its area code, or a 400 number.",
    ),
    "id_number_mangled": Reason(
        Impossible,
        "身份证号已被表格软件转成数字，末位已丢失；请把该列设为文本后重新填写。",
        "The spreadsheet turned the ID number into a number and lost digits. Format the column as text and enter it again.",
    ),
    "invalid_name": Reason(
        Impossible,
        "姓名中的“{sign}”不是文字，请与证件核对。",
        "The sign {sign} in the name is no letter. Compare it with the card.",
    ),
    "name_length": Reason(
        Impossible,
        "姓名应为 1 至 50 个字，请与证件核对。",
        "A name has 1 to 50 letters. Compare it with the card.",
    ),
    "invalid_phone": Reason(
        Impossible,
        "手机号应为 11 位数字，以 1 开头，请核对。",
        "A mobile number has 11 digits and begins with 1.",
    ),
    "invalid_coordinate": Reason(
        Malformed, "经纬度有误，请填写十进制度数。", "The coordinate is not valid. Write decimal degrees."
    ),
    "repeated_entry": Reason(
        Malformed,
        "与前面的行重复，请删除重复行。",
        "This entry stands in an earlier row already. Delete the repeat.",
    ),
    "invalid_account_number": Reason(
        Malformed,
        "银行账号应为 6 至 32 位数字；以 62 开头的卡号须通过校验，请与开户证明核对。",
        "A bank account number has 6 to 32 digits; a card number (62…) has to pass its check.",
    ),
    "read_as": Reason(
        Impossible, "“{column}”中的“{written}”按“{kept}”读取。", "{written} in {column} is read as {kept}."
    ),
    "tidied": Reason(
        Impossible,
        "“{column}”已去掉空格、全角等写法差异后读取。",
        "{column} is read without blanks, full width and the like.",
    ),
    "column_ignored": Reason(
        Impossible,
        "“{column}”一列不读取，不影响结果。",
        "The column {column} is not read, and changes nothing.",
    ),
    "place_unknown": Reason(
        Impossible,
        "“{column}”前六位的行政区划代码不在现有代码表中；可能是早已撤销的代码，请与证件核对。",
        "The place in {column} is in no table of codes. It may be an old one: compare it with the card.",
    ),
    "invalid_date": Reason(
        Impossible, "日期有误，请写成 2026-07-01 的形式。", "The date is not valid. Write it as 2026-07-01."
    ),
    "invalid_division": Reason(Impossible, "行政区划代码有误，请核对。", "The division code is not valid."),
    "invalid_choice": Reason(
        Impossible, "“{value}”不在可选范围内：{accepted}。", "{value} is not one of: {accepted}."
    ),
    "ends_before_it_begins": Reason(
        Impossible,
        "截止日期早于起始日期（{since}），请核对。",
        "It ends before it begins ({since}). Check both dates.",
    ),
    "name_changed": Reason(
        Refused,
        "该证件号此前登记的是另一姓名；本行须由另一名省级人员核对确认后才生效。",
        "This number is known under another name. The row counts once another person of the province confirms it.",
    ),
    "rename_lapsed": Reason(
        Refused,
        "该更名已超过三十日未确认，名单内容已按期清除，请重新上传名单。",
        "Nobody confirmed this name within thirty days, and the list is gone. Upload it again.",
    ),
    "repeated_person": Reason(
        Impossible,
        "该人员在名单第 {first_row} 行已出现，请删除重复行。",
        "This person stands in row {first_row} already. Delete the repeat.",
    ),
    "import_not_ready": Reason(
        Refused, "该名单尚未就绪（{status}），请稍后或更正后再申报。", "This list is not ready ({status})."
    ),
    "terms_changed": Reason(
        Refused,
        "政策或培训项目（费用、课时等）在您查看之后已变更，请重新查看后再批准。",
        "The policy or the project (fee, hours …) has changed since you looked. Look again, then approve.",
    ),
    "batch_not_pinned": Reason(
        Refused,
        "该批次申报时尚未锁定政策参数，不能批准；请驳回后重新申报。",
        "This batch was proposed before policies were pinned. Reject it, and propose it again.",
    ),
    "nothing_to_issue": Reason(
        Refused,
        "没有可发放的人：名单中 {already_held} 人已持有本项目计划的培训券，{refused} 人不符合条件。无需再次提请；"
        "如有新的人员，请另传名单。",
        "Nobody is left to issue to: {already_held} people of the list hold a voucher of this program, {refused} are "
        "refused. There is nothing to propose again; upload another list for other people.",
    ),
    "declared_totals_differ": Reason(
        Impossible,
        "申报数与实际不符：申报 {declared_count} 人 {declared_amount_fen} 元，实际 {count} 人 {amount_fen} 元，请核对后重新申报。",
        "Declared {declared_count} / {declared_amount_fen} yuan, but it is {count} / {amount_fen} yuan. Check and declare again.",
    ),
    # eligibility
    "graduated_too_early": Reason(
        Refused,
        "毕业日期早于计划规定（{graduated_on_or_after} 及以后毕业），不符合条件。",
        "Graduated before {graduated_on_or_after}: not eligible.",
    ),
    "not_left_school_yet": Reason(
        Refused,
        "{left_school_on} 才毕业离校，离校后方可发券；如日期有误，请更正名单。",
        "Leaves school on {left_school_on} only: eligible from then on. If the day is wrong, correct the list.",
    ),
    "left_school_too_long_ago": Reason(
        Refused,
        "离校已超过 {left_school_within_months} 个月，不符合条件。",
        "Left school more than {left_school_within_months} months ago: not eligible.",
    ),
    "not_unemployed": Reason(
        Refused,
        "登记状态为“{employment_status}”，不属于未就业人员，不符合条件。",
        "Registered as {employment_status}, not unemployed: not eligible.",
    ),
    "listed_employed": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起已就业，不符合条件；如有异议请核对劳动合同或社保缴费记录后更正名单。",
        "A cross-match list (data of {as_of}) says employed since {since}: not eligible. Who disagrees checks the contract or contributions and has the list corrected.",
    ),
    "listed_self_employed": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起已创业或登记经营，不符合条件；如有异议请核对市场主体登记后更正名单。",
        "A cross-match list (data of {as_of}) says running a business since {since}: not eligible. Who disagrees checks the business register and has the list corrected.",
    ),
    "listed_in_school": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起在校就读，不符合条件；如有异议请核对学籍后更正名单。",
        "A cross-match list (data of {as_of}) says in school since {since}: not eligible. Who disagrees checks the enrolment record and has the list corrected.",
    ),
    "listed_in_military": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起参军服役，不符合条件；如有异议请向退役军人部门核实后更正名单。",
        "A cross-match list (data of {as_of}) says in military service since {since}: not eligible. Who disagrees checks with the veterans office and has the list corrected.",
    ),
    "listed_retired": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起已退休，不符合条件；如有异议请核对养老金领取记录后更正名单。",
        "A cross-match list (data of {as_of}) says retired since {since}: not eligible. Who disagrees checks the pension record and has the list corrected.",
    ),
    "listed_imprisoned": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起服刑，不符合条件；如有异议请向司法部门核实后更正名单。",
        "A cross-match list (data of {as_of}) says imprisoned since {since}: not eligible. Who disagrees checks with the justice office and has the list corrected.",
    ),
    "listed_deceased": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起已死亡，不符合条件；如有异议请向公安或民政部门核实后更正名单。",
        "A cross-match list (data of {as_of}) says deceased since {since}: not eligible. Who disagrees checks with the registry and has the list corrected.",
    ),
    "listed_subsidised_elsewhere": Reason(
        Refused,
        "比对名单（数据截至 {as_of}）显示该人员自 {since} 起已在外地享受同类补贴，不符合条件；如有异议请向补贴发放地核实后更正名单。",
        "A cross-match list (data of {as_of}) says subsidised elsewhere since {since}: not eligible. Who disagrees checks with the bureau that paid and has the list corrected.",
    ),
    "name_unconfirmed": Reason(
        Refused,
        "名单中的姓名与系统已登记的该证件号持有人姓名不同，须由另一名省级人员确认后方可发放。",
        "The list gives this number's holder another name than is known. Another person of the province confirms it first.",
    ),
    # vouchers and scans
    "name_mismatch": Reason(
        Refused,
        "社保卡签名的姓名与名单不一致，不能使用该券；已告知省级经办人员，请联系发放地人社部门更正名单。",
        "The card is signed with another name than the list has. The province has been told: have the list corrected.",
    ),
    "token_invalid": Reason(
        Impossible,
        "二维码无法识别，请持券人刷新后重新出示。",
        "The code cannot be verified. Ask the holder to refresh and show it again.",
    ),
    "token_miskeyed": Reason(
        Impossible,
        "扫码内容被输入法或大写锁定改动；请切换到英文输入法、关闭大写锁定后重新扫描。",
        "An input method or Caps Lock changed what the scanner typed. Switch both off and scan again.",
    ),
    "token_expired": Reason(
        Refused,
        "二维码已过期，请持券人刷新后重新出示。",
        "The code has expired. Ask the holder to refresh and show it again.",
    ),
    "token_replayed": Reason(
        Refused,
        "该二维码已使用过，请持券人刷新后重新出示。",
        "This code was used already. Ask the holder to refresh and show a new one.",
    ),
    "other_device": Reason(
        Refused,
        "该券已绑定另一部手机；如已更换手机，请持券人在新手机上重新点“领用”后再出示。",
        "This voucher is bound to another phone. On a new phone the holder claims it again, then shows the code.",
    ),
    "voucher_not_claimed": Reason(
        Refused,
        "该券尚未领用，请持券人先在电子社保卡中领用。",
        "The voucher is not claimed yet. The holder claims it in the card first.",
    ),
    "voucher_already_redeemed": Reason(
        Refused,
        "该券已核销报名，如需改报请先由原机构退回。",
        "The voucher is redeemed already. To change, the institution releases it first.",
    ),
    "voucher_expired": Reason(
        Refused,
        "该券有效期至 {valid_through}，已过期，不能使用。",
        "The voucher was valid through {valid_through} and has expired.",
    ),
    "voucher_revoked": Reason(
        Refused,
        "该券已被收回，请联系发放地人社部门。",
        "The voucher was revoked. Contact the bureau that issued it.",
    ),
    "voucher_settled": Reason(
        Refused, "该券已结算，不能再次使用。", "The voucher is settled and cannot be used again."
    ),
    "voucher_closed": Reason(
        Refused, "该券已用完关闭，不能再次使用。", "The voucher is closed and cannot be used again."
    ),
    "voucher_not_lost": Reason(
        Refused,
        "该券未被收回也未过期（{status}），无需恢复。",
        "The voucher is neither revoked nor expired ({status}): there is nothing to restore.",
    ),
    "restore_already_asked": Reason(
        Refused,
        "已有人申请恢复该券，请由另一名省级人员确认；三十日内无人确认即失效。",
        "Somebody has proposed to restore it already. Another person of the province confirms that, or it lapses.",
    ),
    "restore_not_asked": Reason(
        Refused,
        "没有待确认的恢复申请，或申请已过三十日失效，请先提出恢复申请。",
        "No proposal to restore it is open, or it has lapsed after thirty days. Propose it first.",
    ),
    "restore_needs_extension": Reason(
        Refused,
        "该券有效期至 {valid_through}，已过；恢复时须同时给出新的有效期（extended_to）。",
        "The voucher was valid through {valid_through}. To restore it, say how long it shall be good (extended_to).",
    ),
    "extension_out_of_range": Reason(
        Impossible,
        "新的有效期不得早于原有效期 {valid_through}，也不得晚于今日新发券的有效期 {ends_on}，请更正。",
        "It may be good no shorter than {valid_through}, and no longer than a voucher issued today: {ends_on}.",
    ),
    "release_too_late": Reason(
        Refused,
        "报名已超过 {days} 天，机构不能自行退回；请联系所在地人社部门经办人员办理。",
        "More than {days} days have passed since the redemption. Ask the clerk of your bureau to release it.",
    ),
    "already_enrolled": Reason(
        Refused, "该人员已报名，同一张券不能重复报名。", "This person is enrolled already."
    ),
    # classes and roster
    "class_size": Reason(
        Refused,
        "计划人数 {planned_size} 不在 {minimum}–{maximum} 人之间，请调整。",
        "Planned size {planned_size} is not between {minimum} and {maximum}.",
    ),
    "hours_too_few": Reason(
        Refused,
        "总课时 {hours} 少于规定的 {minimum}，请增加课次。",
        "{hours} lesson hours are fewer than the required {minimum}.",
    ),
    "hours_per_day": Reason(
        Refused,
        "{day} 安排了 {hours} 课时，超过每日上限 {maximum}，请调整。",
        "{hours} lesson hours on {day}, at most {maximum} are allowed.",
    ),
    "hours_too_long": Reason(
        Refused,
        "{day} 的课次时长不足以完成 {hours} 课时（每课时 {lesson_hour_minutes} 分钟），请核对。",
        "The lesson on {day} is too short for {hours} lesson hours of {lesson_hour_minutes} minutes each. Check it.",
    ),
    "filed_too_late": Reason(
        Refused,
        "开班须提前 {file_before_opening_days} 天申请，请顺延开班日期。",
        "A class is filed {file_before_opening_days} days before it opens. Move the opening.",
    ),
    "site_too_wide": Reason(
        Refused,
        "培训地点“{site}”的签到半径 {radius_m} 米超过本培训计划允许的 {maximum} 米，请改为不超过该值，或不填半径。",
        "The radius of {site}, {radius_m} m, is wider than the program allows ({maximum} m). Narrow it, or name none.",
    ),
    "site_far": Reason(
        Refused,
        "培训地点“{site}”距机构登记地点约 {distance_m} 米，或不在机构所属区划，请核实。",
        "{site} is about {distance_m} m from the institution's recorded place, or outside its division. Check it.",
    ),
    "lessons_overlap": Reason(Refused, "课次时间重叠（{day}），请调整。", "Two lessons overlap on {day}."),
    "project_hours_unmet": Reason(
        Refused,
        "总课时 {hours} 少于项目规定的 {minimum}，请增加课次。",
        "{hours} lesson hours are fewer than the project's {minimum}.",
    ),
    "trainer_or_room_overlap": Reason(
        Refused,
        "{day} 的教师或场地与另一班冲突，请核实。",
        "On {day} the trainer or room is taken by another class. Check it.",
    ),
    "rooms_not_recorded": Reason(
        Refused,
        "机构未登记教室数，课次也未写教室：同一场地同时开设的班一律按共用一间教室看待，可能影响拨付。请写明每次课的教室，或请经办人员登记教室数。",
        "No rooms of this institution are recorded and lessons name none: classes held at one site at once count as "
        "sharing one room, which may stop their payment. Name the rooms, or ask the clerk to record how many there are.",
    ),
    "no_lessons": Reason(
        Malformed, "课程表为空，请至少安排一次课。", "The timetable is empty. Add a lesson."
    ),
    "too_many_sites": Reason(
        Malformed,
        "课次或场地数量过多，请拆成两个班申请。",
        "Too many lessons or sites. Apply for two classes.",
    ),
    "change_open": Reason(
        Refused,
        "已有一项变更申请待审批，请等审批后再申请。",
        "A change waits for its decision already. Apply again after that.",
    ),
    "lesson_begun": Reason(
        Refused,
        "课次 {lesson_id} 已开始签到或上课，不能再变更；请只变更尚未开始的课次。",
        "Lesson {lesson_id} has begun and cannot be changed. Change only lessons still to come.",
    ),
    "nothing_changed": Reason(
        Malformed,
        "变更申请与现课程表相同，请填写要变更的内容。",
        "The application changes nothing. Say what shall be different.",
    ),
    "unknown_lesson": Reason(
        Malformed,
        "本班没有此课次，请核对课次编号；新增课次不填编号。",
        "The class has no such lesson. Check its id; leave it out for a new lesson.",
    ),
    "class_not_approved": Reason(
        Refused, "该班尚未批准开班，请先等待审批。", "The class is not approved yet."
    ),
    "roster_row_unmatched": Reason(
        Impossible,
        "该行与本机构、本项目已核销的报名不符，请核对姓名和身份证号。",
        "This row matches no redeemed enrolment of yours for this project.",
    ),
    "already_rostered": Reason(
        Impossible,
        "该学员已在另一班花名册中，请先核对。",
        "This trainee is on another class's roster already.",
    ),
    "late_addition": Reason(
        Impossible,
        "已结束的课时超过规定比例，该学员不能再加入本班，请安排到下一班。",
        "Too many of the hours are over for this trainee to join. Put them in a later class.",
    ),
    "trainee_dropped": Reason(
        Refused,
        "本班已开课，不能从花名册中删去学员；学员离班请办理退班并填写原因。",
        "The class has begun: nobody is dropped from its roster. Withdraw who leaves, with the reason.",
    ),
    "trainee_elsewhere": Reason(
        Impossible,
        "该学员在 {day} 的上课时间与其所在的另一班级冲突，同一人不能同时在两处上课，请核对后移出名单。",
        "On {day} this trainee has a lesson of another class at the same time. Take them off the roster.",
    ),
    "trainer_is_trainee": Reason(
        Impossible,
        "该人员同时是本班的教师和学员，同一人不能教自己的班，请更换教师或移出名单。",
        "This person is a trainer and a trainee of this class. Replace the trainer or take them off the roster.",
    ),
    "trainees_elsewhere": Reason(
        Refused,
        "变更后有 {count} 名学员的上课时间与其所在的另一班级冲突，请改用其他时间。",
        "After this change {count} trainees would have lessons of another class at the same time.",
    ),
    "joins_unclear": Reason(
        Impossible, "“入班”一列只能填“是”或“否”，请更正。", "Write 是 or 否 in this column."
    ),
    "class_full": Reason(
        Impossible,
        "人数 {count} 超过班级上限 {maximum}，请核对。",
        "{count} trainees exceed the class limit of {maximum}.",
    ),
    "roster_closed": Reason(Refused, "花名册已锁定，不能再更改。", "The roster is closed."),
    "lessons_open": Reason(
        Refused,
        "还有课次未结束（最后一次 {ends_at}），请在全部课程结束后申请结业。",
        "Lessons are still to come (the last ends {ends_at}).",
    ),
    "decisions_open": Reason(
        Refused,
        "还有 {count} 项待决定的事项，请先逐项办结再继续。",
        "{count} decisions are still open. Have each of them decided first.",
    ),
    "check_in_undecided": Reason(
        Refused,
        "该次打卡尚待核验，请由经办人员核验。",
        "This check-in waits for its review by the bureau.",
    ),
    "make_up_undecided": Reason(
        Refused,
        "该补课或请假申请尚待审批，请由经办人员审批。",
        "This make-up or excuse waits for the bureau's decision.",
    ),
    "change_undecided": Reason(
        Refused,
        "该变更申请尚待审批，请先审批或撤回。",
        "This change waits for its decision. Have it decided, or withdraw it.",
    ),
    "completion_undecided": Reason(
        Refused,
        "该班结业申请尚未通过，请先办结结业审批。",
        "The completion of this class is not approved yet. Have it decided first.",
    ),
    "override_undecided": Reason(
        Refused,
        "该例外核准申请尚待决定，请先由复核人员决定。",
        "This override waits for its decision by a reviewer.",
    ),
    "roster_empty": Reason(Refused, "花名册为空，请先上传花名册。", "The roster is empty. Upload it first."),
    "scores_incomplete": Reason(
        Impossible,
        "有 {missing} 名学员没有成绩，请补全后一次提交。",
        "{missing} trainees have no marks. Send all at once.",
    ),
    "scores_closed": Reason(
        Refused,
        "该班已申领补贴，成绩不能再更改；如确有错误请联系经办人。",
        "The subsidy of this class is claimed, so its marks are closed. Ask the clerk if one is wrong.",
    ),
    "correction_needs_reason": Reason(
        Impossible,
        "更正已登记的成绩须填写原因（reason），请补充后重新提交。",
        "A correction of recorded marks needs its reason. Add it and send again.",
    ),
    "invalid_mark": Reason(
        Impossible,
        "成绩应为 0 到 100 的整数，请更正。",
        "A mark is a whole number from 0 to 100. Correct it.",
    ),
    "mark_missing": Reason(
        Impossible, "报名 {field} 没有成绩，请补全。", "Enrolment {field} has no marks. Add them."
    ),
    "score_row_unmatched": Reason(
        Impossible,
        "该行与本班花名册不符，请核对姓名和身份证号。",
        "This row matches nobody on this class's roster. Check name and ID number.",
    ),
    "name_in_public_text": Reason(
        Impossible,
        "班级名称会对外公示，不能含有教师或学员的姓名，请改用不含姓名的名称。",
        "The name of a class is shown to everybody: it must not name a trainer or trainee. Choose another.",
    ),
    "repeated_trainee": Reason(
        Impossible,
        "该学员在前面的行已出现，请删除重复行。",
        "This trainee stands in an earlier row already. Delete the repeat.",
    ),
    "program_ambiguous": Reason(
        Malformed,
        "该项目属于多个培训计划，请填写 program_id。",
        "The project belongs to several programs. Give program_id.",
    ),
    # attendance
    "not_on_roster": Reason(
        Refused,
        "您不在本班花名册中，请联系培训机构。",
        "You are not on this class's roster. Ask the institution.",
    ),
    "lesson_not_open": Reason(
        Refused, "签到将于 {opens_at} 开始，请届时再签。", "Check-in opens at {opens_at}."
    ),
    "lesson_closed": Reason(
        Refused,
        "签到已于 {closed_at} 结束，如有特殊情况请由培训机构申请补签。",
        "Check-in closed at {closed_at}. The institution may ask for a make-up.",
    ),
    "no_roll_call": Reason(
        Refused,
        "现在没有点名，或点名已结束；如错过点名，请联系培训机构申请补签。",
        "There is no roll-call now, or it is over. If you missed it, ask the institution for a make-up.",
    ),
    "outside_site": Reason(
        Refused,
        "您距培训地点约 {distance_m} 米，超出允许范围 {allowed_m} 米，请到场后再签。",
        "You are about {distance_m} m from the site; {allowed_m} m is allowed. Check in when you are there.",
    ),
    "accuracy_too_low": Reason(
        Refused,
        "定位误差约 {accuracy_m} 米，无法确认您是否在培训地点；请打开精确位置（苹果手机：设置—隐私与安全性—定位服务—精确位置），到开阔处再签。",
        "The position may be off by {accuracy_m} m, so it does not tell whether you are at the site. Switch on precise location (iPhone: Settings, Privacy & Security, Location Services, Precise Location) and try again in the open.",
    ),
    "already_checked_in": Reason(
        Refused, "您已签到（{received_at}），无需重复。", "You checked in already at {received_at}."
    ),
    "not_checked_in": Reason(
        Refused, "您尚未签到，不能签退。", "You have not checked in, so you cannot check out."
    ),
    "nothing_to_review": Reason(
        Refused,
        "该签到无需复核，或已复核。",
        "Nothing of this check-in needs review, or it is decided already.",
    ),
    "enrolment_not_on_roster": Reason(
        Refused,
        "该报名不在本班花名册中，请核对报名编号。",
        "This enrolment is not on the class's roster. Check its id.",
    ),
    "lesson_not_over": Reason(
        Refused,
        "本课次将于 {ends_at} 结束，请在结束后申请补课或补签。",
        "The lesson ends at {ends_at}. Ask for a make-up after that.",
    ),
    "lesson_attended": Reason(
        Refused,
        "该学员本课次已计出勤，无需补签或请假。",
        "The lesson counts as attended already, so there is nothing to make up.",
    ),
    "make_up_exists": Reason(
        Refused,
        "该学员本课次已有申请（{status}），请等待审批或查看结果。",
        "There is a request for this trainee and lesson already ({status}).",
    ),
    "make_up_unproved": Reason(
        Refused,
        "补课、补签须写明证明材料存放何处（evidence），请补充后再申请；已提交而没有的请驳回后重新申请。",
        "A make-up tells where its proof is kept (evidence). Add that and ask again; one without it is rejected first.",
    ),
    "make_up_limit": Reason(
        Refused,
        "补课共 {hours} 课时，超过允许的 {maximum} 课时，不能再申请。",
        "{hours} lesson hours would be made up, at most {maximum} may be.",
    ),
    "lesson_not_begun": Reason(
        Refused,
        "本课次 {opens_at} 才开始，还没有录像；请在课次开始后登记。",
        "This lesson begins at {opens_at}: there is no footage yet. Announce it once the lesson has begun.",
    ),
    "recording_not_over": Reason(
        Refused,
        "这段录像 {ends_at} 才结束，请在录制结束后登记；如已结束，请核对结束时间和摄像机时钟。",
        "This recording ends at {ends_at}. Announce it once it has ended; if it has, check its end and the camera's clock.",
    ),
    "footage_outside_lesson": Reason(
        Impossible,
        "录像时间须在课次前后 2 小时之内，请核对起止时间。",
        "Footage has to lie within two hours of its lesson. Check start and end.",
    ),
    "ends_before_start": Reason(
        Malformed,
        "结束时间早于或等于开始时间，请检查两个时间是否填反、摄像机时钟是否准确。",
        "The end is not after the start. Check whether the two are swapped and the camera's clock is right.",
    ),
    "footage_too_many": Reason(
        Refused,
        "本课次已登记 {limit} 段录像，不能再登记，请先合并成较长的片段。",
        "This lesson has {limit} recordings already. Join short pieces before announcing more.",
    ),
    "part_unknown": Reason(
        Malformed,
        "该录像没有这个分片，请按返回的分片数重新分片。",
        "The recording has no such part. Cut it into the count of parts that is told.",
    ),
    "footage_not_awaited": Reason(
        Refused,
        "该录像已经收到，或与另一段录像完全相同，无需再传。",
        "This recording has arrived, or is the very same as another: nothing is left to send.",
    ),
    "footage_parts_missing": Reason(
        Refused,
        "还有 {count} 个分片没有传到，请补传后再合并。",
        "{count} parts have not arrived. Send them, then put the recording together.",
    ),
    "external_url_unfit": Reason(
        Malformed,
        "外部录像地址须为 https，且不得含用户名、端口、参数、锚点或个人号码，请向监控平台索取固定地址。",
        "The address must be https without user, port, query, fragment or anybody's number. Ask the platform for a lasting one.",
    ),
    "external_host_unknown": Reason(
        Impossible,
        "监控平台 {host} 不在本培训计划允许的平台之列，请改为上传录像，或请省厅在计划政策中登记该平台。",
        "The program does not accept footage kept at {host}. Upload it instead, or ask the province to list the platform in the policy.",
    ),
    "footage_not_held": Reason(
        Refused, "本课次录像没有证据保全，无需解除。", "This lesson's footage is under no legal hold."
    ),
    # subsidies and settlement
    "not_payable": Reason(
        Refused, "没有可申领补贴的学员，请查看逐人核验结果。", "No trainee is payable. See each check."
    ),
    "override_not_allowed": Reason(
        Refused,
        "本项目政策不允许例外核准该项（{check}）。",
        "The program's policy does not allow this check ({check}) to be overridden.",
    ),
    "override_expired": Reason(
        Refused,
        "该例外核准的有效期至 {expires_on}，已过期，请驳回后重新申请。",
        "This override was good until {expires_on}. Refuse it and ask anew.",
    ),
    "override_days": Reason(
        Impossible,
        "例外核准的有效期须在今日至一年之内。",
        "An override lasts from today to a year from now at the most.",
    ),
    "enrolment_unknown": Reason(
        Impossible, "该报名不在本班花名册中，请核对。", "This enrolment is not on the class's roster."
    ),
    "document_stored": Reason(
        Refused,
        "该文件已上传（{size_bytes} 字节，{content_type}），大小和类型不能再改，只能更正材料种类。请核对后重新提交。",
        "This file is stored already ({size_bytes} bytes, {content_type}): only its kind can be put right. Check it.",
    ),
    "too_many_documents": Reason(
        Refused,
        "每份申领最多 {limit} 份证明材料，请合并后上传。",
        "A claim has at most {limit} supporting documents. Combine some into one file.",
    ),
    "somebody_payable": Reason(
        Refused,
        "该班有 {count} 名学员符合拨付条件（共 {amount_fen} 元），不能直接关闭，请由培训机构申领补贴。",
        "{count} trainees are payable ({amount_fen} yuan in all). The institution has to claim for them.",
    ),
    "objections_too_fast": Reason(
        TooMany,
        "从同一网络提交的异议过多，本件未受理，请在 {retry_after_seconds} 秒后再提交，或直接联系当地人社部门。",
        "Too many objections came from this network. This one was not taken: send it again in"
        " {retry_after_seconds} seconds, or ask the local bureau.",
    ),
    "too_many_objections": Reason(
        Refused,
        "该公示已有 {limit} 件异议待处理，暂不能再提交；请稍后再试，或直接联系当地人社部门。",
        "{limit} objections to this claim wait for a decision. Try again later, or ask the local bureau.",
    ),
    "claim_deadline_passed": Reason(
        Refused, "已超过申领期限 {deadline}，不能申领。", "The deadline for claiming was {deadline}."
    ),
    "publicity_running": Reason(
        Refused, "公示期至 {ends_on} 尚未结束，请期满后办理。", "Publicity runs until {ends_on}."
    ),
    "publicity_over": Reason(
        Refused,
        "公示期已于 {ends_on} 结束，请直接联系人社部门。",
        "Publicity ended on {ends_on}. Contact the bureau directly.",
    ),
    "objection_open": Reason(
        Refused, "有异议尚未处理，请先处理异议。", "An objection is still open. Resolve it first."
    ),
    "hold_open": Reason(
        Refused,
        "尚有未解除的暂停支付，请先由该暂停所列可解除的人员处理。",
        "A hold is still open. One of those it names as who may lift it decides on it first.",
    ),
    "budget_exhausted": Reason(
        Refused,
        "预算不足，还差 {missing_fen} 元，请先追加预算。",
        "The budget is short by {missing_fen} yuan. Appropriate more first.",
    ),
    "budget_missing": Reason(
        Refused,
        "{year} 年度该区划尚无预算，请拨付科先录入。",
        "There is no budget for {year}. Enter it first.",
    ),
    "line_unknown": Reason(
        Impossible, "没有此明细，或不属于本批次。", "There is no such line in this batch."
    ),
    "amount_differs": Reason(
        Impossible,
        "金额 {amount_fen} 元与应付 {expected_fen} 元不符。",
        "{amount_fen} yuan is not the {expected_fen} yuan due.",
    ),
    "date_in_future": Reason(
        Impossible,
        "日期 {day} 晚于今天，请核对银行日期。",
        "The date {day} is later than today. Check the bank's date.",
    ),
    "paid_before_sealing": Reason(
        Impossible,
        "支付日期 {day} 早于本批次封存日期 {sealed_on}，请核对银行日期。",
        "The payment date {day} is before {sealed_on}, when this batch was sealed. Check the bank's date.",
    ),
    "result_contradicts": Reason(
        Impossible,
        "该明细已回盘为 {status}，与本次结果矛盾，请核对。",
        "This line already has the result {status}.",
    ),
    "approval_not_yours": Reason(
        Forbidden,
        "只能撤回本人的复核，请由复核人办理；发现问题可提出异议。",
        "Only who gave the second review may withdraw it. Ask them, or object.",
    ),
    "approval_stands": Reason(
        Refused,
        "公示已满一天，复核不能再撤回；发现问题请提出异议，或剔除有关明细。",
        "Publicity has run a day, so the second review stands. Object, or take the lines out.",
    ),
    "returned_before_paid": Reason(
        Impossible,
        "该明细在本批次尚无支付结果，不能登记退票；请先登记支付成功，或按失败登记。",
        "Nothing is known to be paid for this line in this batch, so nothing can come back. Report it paid first, "
        "or failed.",
    ),
    "line_taken_back": Reason(
        Refused,
        "该明细已追回或正在追回，不能再更正或登记退票；收到的款项请登记为退款。",
        "This payment was taken back, or is about to be. Book what came in as a repayment.",
    ),
    "line_batched_again": Reason(
        Refused,
        "该明细已进入新的批次，请先将其从该批次中撤出，再更正原结果。",
        "This line is in a batch again. Take it out there first, then correct the earlier result.",
    ),
    "line_released": Reason(
        Refused,
        "该明细已放行，将进入下一批次。",
        "This line was released already. It goes into the next batch.",
    ),
    "line_paid_once": Reason(
        Refused,
        "该明细曾经支付、培训券已核销，且未被暂停支付，不能剔除；请核实收款账户后由另一名拨付人员放行重付。",
        "This line was paid once, its voucher is settled and nothing holds it, so it stays. Check the payee, then "
        "have another finance officer release it.",
    ),
    "correction_already_asked": Reason(
        Refused,
        "该明细已有待确认的结果更正，请由另一名拨付人员确认或驳回，或由申请人撤回。",
        "A correction waits for this line. Another finance officer confirms or refuses it.",
    ),
    "correction_not_asked": Reason(
        Refused, "该明细没有待确认的结果更正。", "No correction waits to be confirmed for this line."
    ),
    "nothing_to_correct": Reason(
        Refused,
        "该明细的最近一次结果与更正内容一致，或为退票，无需更正，请核对。",
        "The last result says so already, or is money that came back. There is nothing to correct.",
    ),
    "books_closed": Reason(
        Refused,
        "该结果所属月份的账已于 {closed_on} 结账，不能更正；已支付的请办理追回，未支付的请联系银行查证。",
        "The books of that month closed on {closed_on}. Take back what was paid; ask the bank about the rest.",
    ),
    "set_off_gone": Reason(
        Refused,
        "原拟抵扣的欠款（{lines}）已以其他方式退还，不能按原净额入账，请先更正该笔退款。",
        "The debt that was set off ({lines}) was repaid otherwise meanwhile. Settle that repayment first.",
    ),
    "reversal_exceeds": Reason(
        Refused,
        "追回金额超出该笔尚未追回的 {left_fen} 元，请核对金额。",
        "Only {left_fen} yuan of this payment are left to take back. Check the amount.",
    ),
    "number_mangled": Reason(
        Impossible,
        "{field}已被表格软件转成数字，末位已丢失；请把该列设为文本后重新填写。",
        "{field} was turned into a number and lost its last digits. Format the column as text.",
    ),
    "repaid_before_payment": Reason(
        Impossible,
        "退款日期 {day} 早于该笔补贴的支付日期 {paid_on}，请核对银行日期。",
        "Repaid on {day}, before it was paid on {paid_on}. Check the bank's date.",
    ),
    "result_unreadable": Reason(
        Impossible,
        "本行有多处缺失或无法读取：{fields}。状态填“已支付”“失败”或“退票”，金额以分为单位，日期如 2026-09-30。",
        "Missing or unreadable: {fields}. Status is paid, failed or returned, amounts are fen, dates like 2026-09-30.",
    ),
    "result_repeated": Reason(
        Impossible,
        "与第 {row} 行重复，只按第 {row} 行登记一次；如确已付两笔，请与银行核对。",
        "This repeats row {row}, which counts once. If the bank did pay twice, settle that with it.",
    ),
    "paid_without_voucher": Reason(
        Impossible,
        "款项已付，但该培训券状态为 {status}，无法核销。已入账，请办理追回。",
        "The money has left, but the voucher is {status} and cannot be settled. It is booked: claw it back.",
    ),
    "not_exported": Reason(Refused, "该批次尚未导出，不能回盘。", "The batch has not been exported yet."),
    "exported_by_you": Reason(
        Forbidden,
        "该批次的拨付文件由您本人导出，不能再由您录入回盘结果。请由未导出过该文件的另一名拨付人员录入。",
        "You have handed out the payment file of this batch, so you do not enter its results. "
        "Another finance officer who has not exported it enters them.",
    ),
    "payment_file_lost": Reason(
        Refused,
        "该批次的拨付文件与封存时的摘要不符，不能导出，请勿据此付款，并联系省级系统管理员。",
        "The payment file of this batch is not the one that was sealed, so it is not given out. Pay nothing by "
        "an older copy before the province's administrators have looked.",
    ),
    "all_lines_rejected": Reason(
        Refused,
        "明细已全部不予通过，请改为整单驳回或退回。",
        "Every line would be rejected. Reject or return the whole claim instead.",
    ),
    "lines_not_payable": Reason(
        Refused,
        "有 {count} 条明细已不符合支付条件（{lines}），请剔除后再审批，或退回申领。",
        "{count} lines are no longer payable ({lines}). Reject them, or return the claim.",
    ),
    "reversal_already_asked": Reason(
        Refused,
        "该明细已有追回申请，请由另一名拨付人员确认或驳回，或由申请人撤回。",
        "A reversal was asked for already. Another finance officer confirms or refuses it.",
    ),
    "repayment_already_asked": Reason(
        Refused,
        "该明细已有待确认的退款登记，请由另一名拨付人员确认或驳回，或由登记人撤回。",
        "A repayment waits to be confirmed already. Another finance officer confirms or refuses it.",
    ),
    "repayment_not_asked": Reason(
        Refused, "该明细没有待确认的退款登记。", "No repayment waits to be confirmed for this line."
    ),
    "repayment_contradicts": Reason(
        Refused,
        "该流水号已登记退款 {amount_fen} 元，与本次内容不一致，请核对流水号。",
        "This bank reference is booked with {amount_fen} yuan already. Check the reference.",
    ),
    "repayment_exceeds": Reason(
        Refused,
        "退款超出尚欠金额 {outstanding_fen} 元，请核对金额。",
        "Only {outstanding_fen} yuan are outstanding. Check the amount.",
    ),
    "reversal_not_asked": Reason(
        Refused, "该明细没有待确认的追回申请。", "No reversal waits to be confirmed for this line."
    ),
    "hold_follows": Reason(
        Refused,
        "此暂缓随支付条件恢复自动解除，不能人工解除；不能恢复的，请复核人员剔除该明细。",
        "This hold goes by itself once its condition is met again. If it cannot be, take the line out of the claim.",
    ),
    "nothing_to_inspect": Reason(
        Refused,
        "该区划近期没有可抽查的班级、课次或学员，请换一个区划或范围。",
        "Nothing of late can be inspected there. Choose another division or scope.",
    ),
    "too_many_people": Reason(
        Refused,
        "涉及学员超过 {most} 人，请减小比例或分几次抽查。",
        "That is more than {most} people to call. Draw a smaller share, or several samples.",
    ),
    "hold_of_case": Reason(
        Refused,
        "此暂缓由监管风险案件 {case} 作出，请处理该案件；认定误报或予以容忍的，暂缓随之解除。",
        "This hold is of risk case {case}. Resolve the case: a false alarm, or one that is tolerated, lifts it.",
    ),
    "payee_waiting": Reason(
        Refused,
        "该机构已有一个收款账户待确认，请由拨付人员先确认或退回。",
        "Another account of this institution waits for a finance officer, who confirms or refuses it first.",
    ),
    "payee_lapsed": Reason(
        Refused,
        "该收款账户提交已满 {days} 天，已失效，请重新提交。",
        "This account waited more than {days} days and has lapsed. Propose it anew.",
    ),
    "payee_reason_missing": Reason(
        Impossible,
        "开户名与机构登记名称不一致，请写明确认理由。",
        "The holder is not the registered name: say why the account is confirmed all the same.",
    ),
    "payee_number_differs": Reason(
        Impossible,
        "录入的账号与提交的账号不一致，请对照开户许可证等原件重新录入完整账号；还可再试 {count} 次。",
        "What you typed is not the number that was proposed. Type the whole number from the paper evidence; "
        "{count} more tries are left.",
    ),
    "payee_mistyped": Reason(
        Refused,
        "该收款账户的账号已多次录入不符，不能再确认。请退回该提交，由经办人员核对原件后重新提交。",
        "The number of this account was typed wrongly too often, so it cannot be confirmed any more. Refuse it, "
        "and have the clerk propose it anew from the evidence.",
    ),
    "payee_in_force": Reason(
        Refused,
        "该收款账户已生效，不能再提出异议。请联系所属人社部门经办人员变更账户。",
        "This account is in force already. Ask the clerk of your bureau to change it.",
    ),
    # footage, exchange and the rest
    "signature_invalid": Reason(
        Unauthenticated, "报文签名校验不通过。", "The message's signature is not valid."
    ),
    "message_replayed": Reason(
        Unauthenticated,
        "该报文已收到过，重发请重新签名。",
        "This very message came before; sign it anew to send it again.",
    ),
    "time_travel_off": Reason(Malformed, "此环境不接受 X-Local-Now。", "X-Local-Now is not accepted here."),
}

FORMS: dict[str, tuple[str, str]] = {
    "whole_number": ("{field} 应为整数。", "{field} must be a whole number."),
    "number": ("{field} 应为数字。", "{field} must be a number."),
    "at_least": ("{field} 不能小于 {least}。", "{field} must be at least {least}."),
    "more_than": ("{field} 应大于 {least}。", "{field} must be more than {least}."),
    "at_most": ("{field} 不能大于 {most}。", "{field} must be at most {most}."),
    "text": ("{field} 应为文字。", "{field} must be a text."),
    "too_short": ("{field} 至少要有 {least} 个字符。", "{field} needs at least {least} characters."),
    "too_long": (
        "{field} 最多 {most} 个字符，请缩短。",
        "{field} takes at most {most} characters. Shorten it.",
    ),
    "number_of_person": (
        "{field} 中不能有身份证号、手机号或银行账号，请删去后再提交。",
        "{field} must not contain an ID, phone or account number. Leave it out.",
    ),
    "blank": ("请填写 {field}，不能只有空格。", "Fill in {field}: blanks alone say nothing."),
    "unseen": (
        "{field} 含有换行、控制字符或看不见的字符，请删除后重新输入。",
        "{field} has line breaks, controls or characters that nobody sees. Type it again without them.",
    ),
    "pattern": ("{field} 的格式不对，应符合 {pattern}。", "{field} must match {pattern}."),
    "switch": ("{field} 应为 true 或 false。", "{field} must be true or false."),
    "date": ("{field} 应为日期，例如 2026-09-30。", "{field} must be a date such as 2026-09-30."),
    "moment": (
        "{field} 应为带时区的时间，例如 2026-09-30T09:00:00+08:00。",
        "{field} must be a time with its offset, such as 2026-09-30T09:00:00+08:00.",
    ),
    "years": (
        "{field} 的年份须在 {least} 至 {most} 之间。",
        "{field} must be of a year from {least} to {most}.",
    ),
    "one_of": ("{field} 只能是：{allowed}。", "{field} must be one of: {allowed}."),
    "list": ("{field} 应为列表。", "{field} must be a list."),
    "too_few": ("{field} 至少要有 {least} 项。", "{field} needs at least {least} entries."),
    "too_many": (
        "{field} 最多 {most} 项，请分次提交。",
        "{field} takes at most {most} entries. Send several times.",
    ),
    "object": ("{field} 应为一组有名称的内容。", "{field} must be an object."),
}
"""Which form a field wants, where its code is `wrong_type`: Chinese and English."""

ORDER_OF_REFUSAL: tuple[str, ...] = tuple(REASONS)

# --------------------------------------------------------------------------- where a code may stand


class Place(StrEnum):
    """Where in what is answered a code may stand, as clients read it."""

    PROBLEM = "code"
    """Of the whole refusal, which has its status."""
    FAULT = "errors[].code"
    """Of one mistake among the `errors` of a refusal, whose own `code` sums them up."""
    ROW = "row"
    """Of one row of what was sent, in an answer that is no refusal."""
    FILE = "failure"
    """Of a list that was uploaded and could not be taken, which is read later."""
    NOTICE = "notices[].code"
    """Nothing is wrong: how a sheet was read."""
    WARNING = "warnings[].code"
    """Nothing is refused: what somebody is to look at again."""


_NUMBERS_OF_PEOPLE = """
    id_number_birth_date id_number_form id_number_mangled id_number_old_form invalid_id_number
"""
_LISTED = """
    listed_deceased listed_employed listed_imprisoned listed_in_military listed_in_school listed_retired
    listed_self_employed listed_subsidised_elsewhere
"""
_INELIGIBLE = f"""
    {_LISTED} graduated_too_early left_school_too_long_ago name_unconfirmed not_left_school_yet not_unemployed
"""
_CELLS = "empty_cell formula_error formula_without_value merged_cell unreadable_cell"
_ROWS_OF_PEOPLE = f"""
    {_NUMBERS_OF_PEOPLE} {_CELLS} already_rostered invalid_mark joins_unclear late_addition mark_missing
    name_in_public_text repeated_trainee roster_row_unmatched score_row_unmatched staff_is_trainee
    trainee_dropped trainee_elsewhere trainer_is_trainee
"""
"""Of rosters and marks: they stand in a refusal, or where nothing is refused (`dry_run`, `partial`) in its answer."""
_PLANS = """
    class_size filed_too_late hours_per_day hours_too_few hours_too_long institution_suspended lessons_overlap
    project_hours_unmet project_not_covered red_card site_too_wide
"""
_ENTRIES = """
    coord_system_missing forbidden invalid_account_number invalid_contact_phone invalid_coordinate invalid_uscc
    not_found outside_province payee_waiting unknown_division unknown_program unknown_project wrong_type
"""
"""Of an institution or a project: of its form, or of its row in a sheet."""
_STANDING_IN: Final[Mapping[Place, str]] = {
    Place.FAULT: f"""
        {_ROWS_OF_PEOPLE} {_INELIGIBLE} {_PLANS} {_ENTRIES}
        address_refused change_undecided check_in_undecided completion_undecided ends_before_start
        enrolment_unknown event_refused external_url_unfit line_unknown make_up_undecided missing_field
        near_missing no_lessons override_days override_undecided part_unknown period_reversed person_missing
        person_unknown program_ambiguous repeated_entry repeated_field scope_refused too_many_sites unknown_field
        unknown_institution unknown_lesson unknown_parameter until_needed until_not_asked weak_password
    """,
    Place.ROW: f"""
        {_ROWS_OF_PEOPLE} {_INELIGIBLE} {_ENTRIES}
        amount_differs budget_exhausted cell_too_long correction_already_asked date_in_future
        ends_before_it_begins id_number_too_young invalid_choice invalid_date
        invalid_division invalid_name invalid_phone line_taken_back line_unknown missing_field name_changed
        name_length number_mangled paid_before_sealing paid_without_voucher repeated_entry
        repeated_person result_contradicts result_repeated result_unreadable returned_before_paid set_off_gone
    """,
    Place.FILE: """
        column_without_header digest_mismatch duplicate_column encrypted_sheet missing_column no_rows
        old_sheet_format rows_above_header rows_invalid several_lists too_many_rows unknown_column
        unreadable_sheet web_page_sheet
    """,
    Place.NOTICE: "column_ignored place_unknown read_as tidied",
    Place.WARNING: f"{_PLANS} rooms_not_recorded site_far trainer_or_room_overlap",
}
_OF_PROBLEMS_TOO = f"""
    {_NUMBERS_OF_PEOPLE} {_LISTED} {_PLANS}
    amount_differs budget_exhausted column_without_header coord_system_missing correction_already_asked
    date_in_future digest_mismatch duplicate_column encrypted_sheet enrolment_unknown forbidden line_taken_back
    line_unknown merged_cell missing_column name_in_public_text no_lessons no_rows not_found old_sheet_format
    override_days paid_before_sealing payee_waiting program_ambiguous roster_row_unmatched rows_above_header rows_invalid
    set_off_gone several_lists staff_is_trainee too_many_rows trainee_dropped trainer_is_trainee unknown_column
    unknown_division unknown_program unknown_project unreadable_sheet web_page_sheet
"""
"""What a whole refusal can be for besides; a code of no other place is one of refusals."""
IN_NO_ANSWER: Final[Mapping[str, tuple[str, str]]] = {
    "form_stale": ("仅页面", "pages only"),
    "method_not_allowed": ("接口之外", "no operation"),
    "publicity_running": ("保留", "reserved"),
}
"""Codes that no operation answers with, and why: a page does, an address without such a method, nothing yet."""


@functools.cache
def codes_in(place: Place) -> frozenset[str]:
    """Give the codes that may stand somewhere."""
    if place is not Place.PROBLEM:
        return frozenset(_STANDING_IN[place].split())
    others = frozenset[str]().union(*(codes_in(other) for other in _STANDING_IN))
    alone = frozenset(REASONS) - IN_NO_ANSWER.keys() - others
    return alone | frozenset(_OF_PROBLEMS_TOO.split())


def places_of(code: str) -> list[Place]:
    """Tell where a code may stand."""
    return [place for place in Place if code in codes_in(place)]


_WORDS = """
    accepted allowed case check column content_type division employment_status field fields host
    kept known lesson_id lines pattern scope sheets sign site status value written
"""
_DAYS_AND_MOMENTS = """
    as_of closed_at closed_on day deadline ends_at ends_on expires_on graduated_on_or_after left_school_on
    opens_at paid_on received_at sealed_on since starts_on valid_through
"""
_NUMBERS = """
    accuracy_m allowed_m already_held amount_fen count days declared_amount_fen declared_count distance_m
    expected_fen file_before_opening_days first_row hours invalid least left_school_within_months
    left_fen lesson_hour_minutes limit limit_bytes maximum minimum missing missing_fen most
    outstanding_fen planned_size radius_m refused retry_after_seconds row size_bytes version year years
"""
FACTS: Mapping[str, type[str] | type[int]] = {
    "claim": str,
    **dict.fromkeys((_WORDS + _DAYS_AND_MOMENTS).split(), str),
    **dict.fromkeys(_NUMBERS.split(), int),
}
"""Every fact that a sentence tells, and its type: a name means the same wherever it stands."""


def facts_told_by(code: str) -> frozenset[str]:
    """Name the facts that the sentences of a code tell: whoever refuses with it gives them all."""
    reason = REASONS[code]
    return _placeholders(reason.zh) | _placeholders(reason.en)


def facts_told_by_form(form: str) -> frozenset[str]:
    """Name the facts that the sentences of a form tell."""
    zh, en = FORMS[form]
    return _placeholders(zh) | _placeholders(en)


@functools.cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def error(code: str, *, faults: tuple[Fault, ...] = (), **facts: Fact) -> DomainError:
    """Make the error that belongs to a code of the table: the one way to refuse.

    Of the facts, `FACTS` says which type each has: `error("version_conflict", version=4)`. A code may be given
    more of them than it tells.

    Raises:
        TypeError: a fact that the sentence of the code, or of a fault, tells is missing or has another type.
            That is a mistake of ours; `tests/architecture` looks at every call.

    """
    _require_facts(code, facts_told_by(code), facts)
    for fault in faults:
        needed = facts_told_by(fault.code) if fault.form is None else facts_told_by_form(fault.form)
        _require_facts(fault.form or fault.code, needed, fault.told)
    return REASONS[code].kind(code, faults=faults, **facts)


def _require_facts(code: str, needed: frozenset[str], facts: Mapping[str, Fact]) -> None:
    missing = needed - facts.keys()
    if missing:
        raise TypeError(f"{code} tells {', '.join(sorted(missing))}")
    wrong = [name for name, fact in facts.items() if not _is_fact(name, fact)]
    if wrong:
        raise TypeError(f"{code} is given {', '.join(sorted(wrong))}: not as FACTS says")


def _is_fact(name: str, fact: Fact) -> bool:
    kind = FACTS.get(name)
    return kind is not None and isinstance(fact, kind) and not isinstance(fact, bool)


def refuse(refusal: DomainError | None) -> None:
    """Raise what stands against an action, if anything does: `refuse(why_not("approve", claim, actor))`.

    What stands against a repeat is mostly its own success: a call that has found its own change in what it
    read goes on to its write, which knows that change, or refuses (`kernel.repeats`).
    """
    if refusal is not None and not excused():
        raise refusal


def first_of(codes: list[str]) -> str:
    """Pick the reason to tell where several apply: the earliest in the documented order."""
    return min(codes, key=ORDER_OF_REFUSAL.index)


def sentence(code: str, facts: Mapping[str, Fact], *, english: bool = False) -> str:
    """Write what people read for a code, with its facts filled in."""
    reason = REASONS[code]
    return (reason.en if english else reason.zh).format_map(_as_said(facts))


def _as_said(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Say money in yuan: people do not count in fen."""
    return {
        name: yuan(fact) if name.endswith("_fen") and isinstance(fact, int) else fact
        for name, fact in facts.items()
    }


def form_sentence(form: str, facts: Mapping[str, Fact], *, english: bool = False) -> str:
    """Write which form a field wants, with its facts filled in."""
    return FORMS[form][1 if english else 0].format_map(_as_said(facts))


def fault_sentence(fault: Fault, *, english: bool = False) -> str:
    """Write what people read of one fault: which form is wanted, or else what its code says."""
    if fault.form is not None:
        return form_sentence(fault.form, fault.told, english=english)
    return sentence(fault.code, fault.told, english=english)
