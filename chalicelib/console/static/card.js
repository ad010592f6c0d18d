"use strict";
// Trainee: sign in with the social card, claim, show the QR, check in.

let refreshing = null;
const WAIT_MOST_SECONDS = 16;

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
  const found = await every(`v1/institutions?program=${encodeURIComponent(voucher.program_id)}${near}`, 100);
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
    ),
  );
  const told = at ? null : make("p", { class: "soft" }, two("未取得位置，未按远近排列。", "No position: not sorted by distance."));
  const none = make("p", { class: "soft" }, two("附近没有可用机构。", "None near here."));
  place.replaceChildren(...[told, items.length ? make("ul", { class: "places" }, ...items) : none].filter(Boolean));
}

const kilometres = (metres) => (metres / 1000).toFixed(metres < 10000 ? 1 : 0);

function voucherCard(voucher) {
  const code = make("div", { class: "qr" });
  const places = make("div");
  return make(
    "article",
    { class: "card" },
    make("h3", {}, voucher.face?.title || voucher.program_id),
    make("div", { class: "amount" }, yuan(voucher.face_value_fen)),
    facts([
      [two("持券人", "Holder"), `${voucher.holder?.name || ""} ${voucher.holder?.id_number || ""}`],
      [two("状态", "State"), state(voucher.status)],
      [two("有效期至", "Valid through"), voucher.valid_through],
    ]),
    voucher.allowed_actions.includes("claim") ? pressing(two("领用", "Claim"), () => claim(voucher)) : null,
    voucher.status === "claimed" ? pressing(two("出示券码", "Show code"), () => showCode(voucher, code)) : null,
    pressing(two("可用机构", "Usable institutions"), () => institutionsFor(voucher, places), true),
    code,
    places,
  );
}

function position() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) reject(new Error(two("此设备不能定位。", "This device has no location.")));
    navigator.geolocation.getCurrentPosition(
      resolve,
      () => reject(new Error(two("无法取得位置，请允许定位后重试。", "No position: allow location and try again."))),
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 0 },
    );
  });
}

function deviceId() {
  let id = localStorage.getItem("device");
  if (!id) {
    id = crypto.randomUUID();
    localStorage.setItem("device", id);
  }
  return id;
}

// A check-in without a network stays on this phone, as whose it is by the id of a voucher, and is sent later.
const WAITING = "check-ins";
const RETRY_SECONDS = 30;
let own = [];

function waitingCheckIns() {
  try {
    return JSON.parse(localStorage.getItem(WAITING)) || [];
  } catch {
    return [];
  }
}

function keepWaiting(list) {
  localStorage.setItem(WAITING, JSON.stringify(list));
  tellWaiting();
}

function tellWaiting() {
  const place = document.getElementById("waiting");
  const count = waitingCheckIns().filter((one) => own.includes(one.owner)).length;
  if (!place) return;
  place.hidden = !count;
  place.textContent = two(`${count} 次签到已存在本机，联网后自动发送。`, `${count} check-ins are kept on this phone and sent once there is a network.`);
}

const mayBeTriedAgain = (error) => !(error instanceof Refused) || error.status >= 500 || error.status === 429 || error.status === 401;

let sending = false;
async function sendWaiting() {
  if (sending) return;
  sending = true;
  try {
    for (const one of waitingCheckIns().filter((kept) => own.includes(kept.owner))) {
      try {
        const answer = await call("POST", `v1/lessons/${one.lesson}/check-ins`, one.body);
        sayRecorded(answer);
      } catch (error) {
        if (mayBeTriedAgain(error)) return;
        complain(error);
      }
      keepWaiting(waitingCheckIns().filter((kept) => kept.body.nonce !== one.body.nonce));
    }
  } finally {
    sending = false;
  }
}

window.addEventListener("online", sendWaiting);
setInterval(() => {
  if (session.token && waitingCheckIns().length) sendWaiting();
}, RETRY_SECONDS * 1000);

function sayRecorded(answer) {
  const good = two(`签到成功（${answer.status}，距场地 ${Math.round(answer.distance_m)} 米）。`, `Recorded: ${answer.status}, ${Math.round(answer.distance_m)} m from the site.`);
  const review = two("已记录，待核实。", "Recorded; it will be reviewed.");
  say(answer.outcome === "needs_review" ? review : good);
}

async function checkIn(lesson, kind) {
  const at = await position();
  const body = {
    kind,
    location: {
      lng: at.coords.longitude,
      lat: at.coords.latitude,
      accuracy_m: at.coords.accuracy,
      coord_system: "wgs84",
      mocked: false,
    },
    device_id: deviceId(),
    nonce: crypto.randomUUID(),
    happened_at: new Date(at.timestamp).toISOString(),
  };
  try {
    sayRecorded(await call("POST", `v1/lessons/${lesson.id}/check-ins`, body));
  } catch (error) {
    if (!own.length || !mayBeTriedAgain(error)) throw error;
    keepWaiting([...waitingCheckIns(), { owner: own[0], lesson: lesson.id, body: { ...body, offline: true } }]);
    say(two("没有网络：签到已存在本机，联网后自动发送。", "No network: the check-in is kept on this phone and sent later."));
  }
}

async function classCard(summary) {
  const whole = await call("GET", `v1/classes/${summary.id}`);
  const lessons = whole.lessons.map((lesson) =>
    make(
      "div",
      {},
      make("p", {}, `${moment(lesson.starts_at)} – ${moment(lesson.ends_at).slice(11)} ${lesson.topic}`),
      pressing(two("签到", "Check in"), () => checkIn(lesson, "in")),
      pressing(two("签退", "Check out"), () => checkIn(lesson, "out"), true),
    ),
  );
  return make(
    "article",
    { class: "card" },
    make("h3", {}, whole.name),
    facts([[two("地点", "Place"), `${whole.site.name} ${whole.site.address}`], [two("状态", "State"), state(whole.status)]]),
    make("details", {}, make("summary", {}, two(`课次（${lessons.length}）`, `Lessons (${lessons.length})`)), make("div", {}, ...lessons)),
  );
}

async function show() {
  const place = document.getElementById("work");
  const vouchers = await every("v1/vouchers");
  own = vouchers.map((voucher) => voucher.id).sort();
  const classes = await every("v1/classes");
  const nothing = () => make("p", { class: "soft" }, two("暂无", "Nothing yet"));
  place.replaceChildren(
    make("p", { id: "waiting", class: "soft", hidden: true }),
    make("h2", {}, two("我的培训券", "My vouchers")),
    ...(vouchers.length ? vouchers.map(voucherCard) : [nothing()]),
    make("h2", {}, two("我的班", "My classes")),
    ...(classes.length ? await Promise.all(classes.map(classCard)) : [nothing()]),
  );
  tellWaiting();
  await sendWaiting();
}

async function signIn(assertion) {
  keep(await call("POST", "v1/auth/tokens", { grant_type: "social_card", assertion }));
  document.getElementById("sign-in").hidden = true;
  document.getElementById("said").hidden = true;
  await show();
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
}
