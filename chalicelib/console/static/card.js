"use strict";
// Trainee: sign in with the social card, the next lesson, claim, show the code, institutions, attendance.

let refreshing = null;
const WAIT_MOST_SECONDS = 4; // with a network again, the code is fresh within five

async function claim(voucher) {
  await call("POST", `v1/vouchers/${voucher.id}/claim`, { device_id: deviceId() });
  say(two("领用成功。", "Claimed."));
  await show();
}

// Another phone showed the codes before: claiming again moves them here. A spent voucher says so and is drawn anew.
async function noCode(error, voucher, place) {
  if (!(error instanceof Refused)) throw error;
  const told = make("p", { class: "spent" }, error.message);
  if (error.code !== "other_device") {
    place.replaceChildren(told);
    return;
  }
  const bind = async () => {
    await call("POST", `v1/vouchers/${voucher.id}/claim`, { device_id: deviceId() });
    await showCode(voucher, place);
  };
  place.replaceChildren(told, pressing(two("改用本机出示", "Show it on this phone"), bind));
}

// A code that could not be refreshed is greyed and tried again, sooner or later, for as long as it is shown.
function tryAgain(voucher, place, failures) {
  place.classList.add("stale");
  const told = place.querySelector(".soft") || place.appendChild(make("p", { class: "soft" }));
  told.textContent = two("网络中断，正在重试；恢复后自动更新。", "No network: it is tried again by itself.");
  const again = () => {
    clearTimeout(refreshing);
    window.removeEventListener("online", again);
    if (place.isConnected) showCode(voucher, place, failures + 1).catch(complain);
  };
  window.addEventListener("online", again);
  refreshing = setTimeout(again, Math.min(WAIT_MOST_SECONDS, 2 ** failures) * 1000);
}

async function showCode(voucher, place, failures = 0) {
  clearTimeout(refreshing);
  let code = null;
  try {
    code = await call("GET", `v1/vouchers/${voucher.id}/qr`, undefined, { "X-Device-Id": deviceId() });
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500 || error.status === 429) tryAgain(voucher, place, failures);
    else await noCode(error, voucher, place);
    return;
  }
  place.classList.remove("stale");
  const image = make("img", { alt: two("券码", "Voucher code"), src: `data:image/svg+xml;utf8,${encodeURIComponent(code.svg)}` });
  const text = two("请出示给培训机构扫码，自动刷新", "Show this to the institution; it refreshes itself");
  place.replaceChildren(image, make("p", { class: "soft" }, text));
  const wait = Math.max(5, (code.period_seconds || 30) / 3) * 1000; // sooner than it must: a spent voucher says so soon
  refreshing = setTimeout(() => {
    if (place.isConnected) showCode(voucher, place).catch(complain);
  }, wait);
}

// The nearest first where the phone tells where it is; without a place, as the service lists them.
async function institutionsFor(voucher, place) {
  const at = await position().catch(() => null);
  const near = at ? `&near=${at.coords.longitude},${at.coords.latitude},wgs84` : "";
  const [found, projects] = await Promise.all([
    every(`v1/institutions?program=${encodeURIComponent(voucher.program_id)}${near}`, 100),
    every(`v1/projects?program=${encodeURIComponent(voucher.program_id)}`),
  ]);
  const names = new Map(projects.map((one) => [one.id, one.name]));
  const taught = (one) => one.projects.map((id) => names.get(id)).filter(Boolean).join("、");
  const away = (one) => (typeof one.distance_m === "number" ? two(`，约 ${kilometres(one.distance_m)} 公里`, `, about ${kilometres(one.distance_m)} km`) : "");
  const items = found.map((one) =>
    make(
      "li",
      {},
      make("b", {}, one.name),
      away(one),
      make("br"),
      one.address || "",
      " ",
      one.phone ? make("a", { href: `tel:${one.phone.replace(/[^0-9+]/g, "")}` }, one.phone) : null,
      taught(one) ? make("span", { class: "soft taught" }, taught(one)) : null,
    ),
  );
  const told = at ? null : make("p", { class: "soft" }, two("未取得位置，未按远近排列。", "No position: not sorted by distance."));
  const none = make("p", { class: "soft" }, two("附近没有可用机构。", "None near here."));
  place.replaceChildren(...[told, items.length ? make("ul", { class: "places" }, ...items) : none].filter(Boolean));
}

const kilometres = (metres) => (metres / 1000).toFixed(metres < 10000 ? 1 : 0);

// How many days a voucher is still good for, while it can be spent.
function left(voucher) {
  if (!["issued", "claimed"].includes(voucher.status)) return "";
  const days = Math.ceil((Date.parse(voucher.expires_at) - now()) / 86400000);
  return days > 0 ? two(`（还有 ${days} 天）`, ` (${days} days left)`) : "";
}

function voucherCard(voucher) {
  const code = make("div", { class: "qr" });
  const places = make("div");
  return make(
    "article",
    { class: "card" },
    make("h3", {}, voucher.face?.title || two("职业培训券", "Training voucher")),
    make("div", { class: "amount" }, yuan(voucher.face_value_fen)),
    facts([
      [two("持券人", "Holder"), `${voucher.holder?.name || ""} ${voucher.holder?.id_number || ""}`],
      [two("状态", "State"), word("voucher", voucher.status)],
      [two("有效期至", "Valid through"), `${day(voucher.valid_through)}${left(voucher)}`],
    ]),
    voucher.allowed_actions.includes("claim") ? pressing(two("领用", "Claim"), () => claim(voucher)) : null,
    voucher.status === "claimed" ? pressing(two("出示券码", "Show code"), () => showCode(voucher, code)) : null,
    ["issued", "claimed"].includes(voucher.status) ? pressing(two("可用机构", "Usable institutions"), () => institutionsFor(voucher, places), true) : null,
    code,
    places,
  );
}

// --------------------------------------------------------------------------- lessons

let offset = 0;
const now = () => Date.now() + offset; // the server's clock decides
const times = (lesson) => `${moment(lesson.starts_at)}–${clock(lesson.ends_at)}`;

function pressingOf(label, lesson, work, plain = false) {
  const button = pressing(label, work, plain);
  button.setAttribute("aria-label", `${label}：${lesson.topic} ${times(lesson)}`);
  return button;
}

async function rollCallOf(lesson) {
  if (now() < Date.parse(lesson.starts_at) || now() > Date.parse(lesson.ends_at)) return null;
  const calls = (await call("GET", `v1/lessons/${lesson.id}/roll-calls`)).items;
  const open = calls.find((one) => !one.answered && Date.parse(one.opens_at) <= now() && now() < Date.parse(one.closes_at));
  if (!open) return null;
  const button = pressingOf(two("点名应答", "Answer the roll-call"), lesson, () => checkIn(lesson, "roll_call"));
  button.classList.add("big");
  return make("div", {}, make("p", { class: "said bad" }, two(`正在点名，请在 ${clock(open.closes_at)} 前应答。`, `A roll-call: answer before ${clock(open.closes_at)}.`)), button);
}

async function nextLesson(rooms) {
  const to_come = rooms
    .filter((room) => room.status === "approved")
    .flatMap((room) => room.lessons.map((lesson) => ({ room, lesson })))
    .filter(({ lesson }) => Date.parse(lesson.ends_at) > now())
    .sort((one, other) => Date.parse(one.lesson.starts_at) - Date.parse(other.lesson.starts_at));
  if (!to_come.length) return null;
  const { room, lesson } = to_come[0], site = lesson.site || room.site;
  const button = pressingOf(two("签到", "Check in"), lesson, () => checkIn(lesson, "in"));
  button.classList.add("big");
  const mark = (await attendanceOf(room))?.trainees[0]?.marks[lesson.id];
  const came = mark && mark !== "absent" ? make("p", { class: "said" }, two("本课次：", "This lesson: "), make("b", {}, word("marks", mark))) : null;
  return make(
    "article",
    { class: "card next" },
    make("h2", {}, two("下一节课", "The next lesson")),
    make("p", { class: "when" }, times(lesson)),
    make("p", {}, `${room.name} · ${lesson.topic}`),
    make("p", { class: "soft" }, [site.name, site.room, site.address].filter(Boolean).join(" ")),
    await rollCallOf(lesson),
    came || button,
    pressingOf(two("签退", "Check out"), lesson, () => checkIn(lesson, "out"), true),
    advice(),
  );
}

async function attendanceOf(room) {
  try {
    return await call("GET", `v1/classes/${room.id}/attendance/own`);
  } catch (error) {
    if (error instanceof Refused) return null; // not on the roster yet
    throw error;
  }
}

async function classCard(room) {
  const attendance = await attendanceOf(room);
  const own = attendance?.trainees[0], marks = own?.marks || {};
  const lessons = room.lessons.map((lesson) => {
    const mark = marks[lesson.id];
    return make("li", {}, `${times(lesson)} ${lesson.topic} `, mark ? make("b", { class: `mark ${mark}` }, word("marks", mark)) : null);
  });
  const share = own ? `${own.hours} / ${own.required_hours} ${two("课时", "hours")}（${percent(own.share)}）` : null;
  return make(
    "article",
    { class: "card" },
    make("h3", {}, room.name),
    facts([
      [two("地点", "Place"), `${room.site.name} ${room.site.address}`],
      [two("状态", "State"), word("class", room.status)],
      [two("我的出勤", "My attendance"), share],
    ]),
    make("details", {}, make("summary", {}, two(`课次（${lessons.length}）`, `Lessons (${lessons.length})`), make("span", { class: "unseen" }, `：${room.name}`)), make("ul", { class: "lessons" }, ...lessons)),
  );
}

// --------------------------------------------------------------------------- results

const percent = (share) => `${Math.floor(Number(share) * 1000 + 1e-6) / 10}%`; // never up: 79.96 % is not 80 %

// What was reached beside what is asked for; what a class is judged by is its own policy, which may be an older one.
async function resultCard(enrolment, room) {
  const [attendance, program] = await Promise.all([
    room ? attendanceOf(room) : null,
    call("GET", `v1/programs/${enrolment.program_id}`),
  ]);
  const own = attendance?.trainees[0];
  const rules = room && room.policy_version === program.policy_version ? program.policy : null;
  const asked = (text) => (rules ? two(`（要求 ${text}）`, ` (${text} is asked for)`) : "");
  const mark = (points) => (typeof points === "number" ? `${points}${asked(rules?.pass_mark)}` : null);
  const short = [];
  if (rules && own && Number(own.share) < Number(rules.attendance_min)) short.push(two("出勤", "attendance"));
  for (const [points, name] of [[enrolment.theory, two("理论", "theory")], [enrolment.practice, two("实操", "practice")]])
    if (rules && typeof points === "number" && points < rules.pass_mark) short.push(name);
  const next = {
    passed: two("已合格，补贴由培训机构申领，您无需再办。", "You passed. The institution applies for the subsidy; there is nothing more to do."),
    failed:
      (short.length ? two(`未达要求：${short.join("、")}。`, `Not reached: ${short.join(", ")}. `) : "") +
      two("请先向培训机构核对签到、补课和成绩；有误的由机构更正，仍有异议可向机构所在地人社部门反映。", "Ask the institution to look at your check-ins, make-ups and marks, and to correct what is wrong; else turn to the bureau there."),
    withdrawn: two("您已退出本班，如与事实不符请联系培训机构。", "You have left this class. If that is not so, ask the institution."),
  };
  return make(
    "article",
    { class: "card result" },
    make("h3", {}, room ? room.name : two("培训班", "A class")),
    facts([
      [two("培训项目", "Project"), room?.project?.name],
      [two("结果", "Result"), word("enrolment", enrolment.status)],
      [two("理论成绩", "Theory"), mark(enrolment.theory)],
      [two("实操成绩", "Practice"), mark(enrolment.practice)],
      [two("出勤", "Attendance"), own ? `${own.hours} / ${own.required_hours} ${two("课时", "hours")}，${percent(own.share)}${asked(percent(rules?.attendance_min || 0))}` : null],
    ]),
    make("p", { class: "soft" }, next[enrolment.status]),
  );
}

async function show() {
  const place = document.getElementById("work");
  const [vouchers, summaries, enrolments, told] = await Promise.all([every("v1/vouchers"), every("v1/classes"), every("v1/enrolments"), call("GET", "healthz")]);
  offset = Date.parse(told.time) - Date.now();
  own = vouchers.map((voucher) => voucher.id).sort();
  const rooms = await Promise.all(summaries.map((summary) => call("GET", `v1/classes/${summary.id}`)));
  const room_of = new Map(rooms.map((room) => [room.id, room]));
  const results = enrolments.filter((one) => ["passed", "failed", "withdrawn"].includes(one.status));
  const nothing = () => make("p", { class: "soft" }, two("暂无", "Nothing yet"));
  place.replaceChildren(
    ...[
      make("p", { id: "waiting", class: "said", hidden: true }),
      await nextLesson(rooms),
      make("h2", {}, two("我的培训券", "My vouchers")),
      ...(vouchers.length ? vouchers.map(voucherCard) : [nothing()]),
      make("h2", {}, two("我的班", "My classes")),
      ...(rooms.length ? await Promise.all(rooms.map(classCard)) : [nothing()]),
      results.length ? make("h2", {}, two("我的成绩", "My results")) : null,
      ...(await Promise.all(results.map((one) => resultCard(one, room_of.get(one.class_id))))),
      pressing(two("退出", "Sign out"), async () => leave(), true),
    ].filter(Boolean),
  );
  await tellWaiting();
  await sendWaiting();
}

// The sign-in outlives a reload of this tab, as long as its tokens are good. It ends with the tab, and nothing
// of the person's is kept: two opaque tokens, in the tab's own storage.
const KEPT = "card session";
remember = () => sessionStorage.setItem(KEPT, JSON.stringify(session));

function forget() {
  sessionStorage.removeItem(KEPT);
  Object.assign(session, { token: null, refresh: null, role: null });
}

function keptSession() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) || "null");
  } catch {
    return null;
  }
}

async function signIn(assertion) {
  forget(); // whoever enters now is another person
  keep(await call("POST", "v1/auth/tokens", { grant_type: "social_card", assertion }));
  await entered();
}

async function entered() {
  document.getElementById("sign-in").hidden = true;
  document.getElementById("said").hidden = true;
  await show();
}

function leave() {
  clearTimeout(refreshing);
  forget();
  document.getElementById("work").replaceChildren();
  document.getElementById("sign-in").hidden = false;
  document.getElementById("assertion").focus();
}

async function comeBack() {
  const before = keptSession();
  if (!before?.token) return;
  Object.assign(session, before);
  try {
    await entered();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      leave();
      say(two("登录已过期，请从电子社保卡重新进入。", "The sign-in has run out: enter from the card again."), true);
      return;
    }
    complain(error); // no network: what was kept stays, and is tried again once there is one
    addEventListener("online", () => comeBack(), { once: true });
  }
}

const form = document.getElementById("sign-in");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(form.querySelector("button"), () => signIn(form.assertion.value.trim()));
});

// The card opens this page with the assertion in the fragment, which no server and no log ever sees.
const handed = new URLSearchParams(location.hash.slice(1)).get("assertion");
if (handed) {
  history.replaceState(null, "", location.pathname + location.search);
  signIn(handed).catch(complain);
} else {
  comeBack();
}
