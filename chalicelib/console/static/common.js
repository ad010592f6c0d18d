"use strict";
// What both pages need: calls to the API by relative address, elements, messages. No data is kept in the browser.

const session = { token: null, refresh: null, role: null };

class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || String(status));
    this.code = problem.code;
    this.status = status;
    this.faults = problem.errors || [];
  }
}

async function send(method, path, body, extra = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang, ...extra };
  if (session.token) headers.Authorization = `Bearer ${session.token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let parsed = {};
  try {
    parsed = text ? JSON.parse(text) : {};
  } catch {
    parsed = { title: text.slice(0, 200) };
  }
  if (!answer.ok) throw new Refused(parsed, answer.status);
  return parsed;
}

async function call(method, path, body, extra = {}) {
  try {
    return await send(method, path, body, extra);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "token_stale" || !session.refresh) throw error;
    session.token = null;
    keep(await send("POST", "v1/auth/tokens", { grant_type: "refresh_token", refresh_token: session.refresh }));
    return send(method, path, body, extra);
  }
}

function keep(signedIn) {
  session.token = signedIn.access_token;
  session.refresh = signedIn.refresh_token;
  session.role = signedIn.role;
  return signedIn;
}

async function every(path, limit = 300) {
  const items = [];
  let cursor = null;
  do {
    const join = path.includes("?") ? "&" : "?";
    const page = await call("GET", `${path}${join}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < limit);
  return items;
}

function make(tag, facts = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function facts(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(make("dt", {}, name), make("dd", {}, String(value)));
  }
  return list;
}

function say(text, bad = false) {
  const place = document.getElementById("said");
  place.textContent = text;
  place.className = bad ? "said bad" : "said";
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

function complain(error) {
  const faults = (error.faults || []).map((fault) => `${fault.field || fault.row || ""} ${fault.detail}`.trim());
  say([error.message, ...faults].join("；"), true);
}

async function guarded(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
}

function pressing(label, work, plain = false) {
  const button = make("button", { type: "button", class: plain ? "plain" : "" }, label);
  button.addEventListener("click", () => guarded(button, work));
  return button;
}

const zh = document.documentElement.lang.startsWith("zh");
const two = (chinese, english) => (zh ? chinese : english);
const yuan = (fen) => new Intl.NumberFormat("zh-CN", { style: "currency", currency: "CNY" }).format(fen / 100);
const moment = (text) => (text ? text.slice(0, 16).replace("T", " ") : "");

const STATES = {
  issued: "待领用",
  claimed: "已领用",
  redeemed: "已报名核销",
  settled: "已结算",
  closed: "已关闭",
  expired: "已过期",
  revoked: "已收回",
  draft: "草稿",
  submitted: "待审批",
  returned: "已退回",
  approved: "已批准",
  completion_submitted: "结业待审批",
  completion_returned: "结业已退回",
  completion_approved: "结业已批准",
  scored: "已录成绩",
  cancelled: "已取消",
  reviewed: "已初审",
  publicised: "公示中",
  payable: "待结算",
  batched: "结算中",
  paid: "已支付",
  rejected: "已驳回",
  sealed: "已封存",
  exported: "已导出",
  reconciled: "已回盘",
  proposed: "待批准",
  issuing: "发放中",
};
const state = (name) => (zh && STATES[name]) || name;
