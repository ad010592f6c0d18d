"use strict";
// What pages over tokens need: calls to the API by relative address, elements, messages.

const session = { token: null, refresh: null, role: null };
let remember = () => {}; // of the page that keeps its sign-in over a reload

const ANSWER_SECONDS = 12;

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
  const giveUp = new AbortController(); // a line that is dead but was never told so would hold everything up
  const timer = setTimeout(() => giveUp.abort(), ANSWER_SECONDS * 1000);
  let answer = null, text = "";
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: giveUp.signal });
    text = await answer.text();
  } finally {
    clearTimeout(timer);
  }
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
  remember();
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
const WEEKDAYS = zh ? ["周日", "周一", "周二", "周三", "周四", "周五", "周六"] : ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const inShanghai = (text) => new Date(new Date(text).getTime() + 8 * 3600 * 1000); // read with the getters of UTC
const twoDigits = (number) => String(number).padStart(2, "0");
function day(text) {
  const at = inShanghai(text.length === 10 ? `${text}T00:00:00+08:00` : text);
  const year = at.getUTCFullYear() === inShanghai(new Date()).getUTCFullYear() ? "" : two(`${at.getUTCFullYear()}年`, ` ${at.getUTCFullYear()}`);
  const weekday = WEEKDAYS[at.getUTCDay()];
  if (zh) return `${year}${at.getUTCMonth() + 1}月${at.getUTCDate()}日 ${weekday}`;
  return `${weekday} ${at.getUTCDate()} ${at.toLocaleString("en-GB", { month: "short", timeZone: "UTC" })}${year}`;
}
const clock = (text) => `${twoDigits(inShanghai(text).getUTCHours())}:${twoDigits(inShanghai(text).getUTCMinutes())}`;
const moment = (text) => (text ? `${day(text)} ${clock(text)}` : "");

// The glossary of the service, as the page brings it: a state is said in the same words everywhere.
const glossary = JSON.parse(document.querySelector("[data-glossary]")?.dataset.glossary || "{}");
const word = (table, name) => glossary[table]?.[name] || name;
