"use strict";
// Check-ins: where this phone is, what to do if that is refused, and those that wait on this phone for a network.

const IOS = /iPhone|iPad|iPod/.test(navigator.userAgent);
const ANDROID = /Android/.test(navigator.userAgent);
const INSIDE = /MicroMessenger/.test(navigator.userAgent) ? two("微信", "WeChat") : /AlipayClient/.test(navigator.userAgent) ? two("支付宝", "Alipay") : two("浏览器", "the browser");

function advice() {
  const steps = [];
  if (IOS) steps.push(two(`打开“设置 → 隐私与安全性 → 定位服务 → ${INSIDE}”，选“使用期间”，并打开“精确位置”。`, `Open Settings → Privacy & Security → Location Services → ${INSIDE}: choose While Using, and switch Precise Location on.`));
  else if (ANDROID) steps.push(two(`打开“设置 → 位置信息”，打开“使用位置信息”和“提高定位精确度”；在“应用权限”中允许${INSIDE}使用精确位置。`, `Open Settings → Location: switch it on with Location Accuracy, and allow ${INSIDE} the precise location.`));
  else steps.push(two("电脑的定位不准，请用手机签到。", "A computer's position is not exact: check in with your phone."));
  steps.push(two("到窗边或室外，等半分钟再按“签到”。", "Go to a window or outside, wait half a minute, then check in again."));
  steps.push(two("关闭虚拟定位、VPN 和省电模式。", "Switch off simulated locations, VPN and power saving."));
  steps.push(two("仍不能签到，请现场老师为您登记补签。", "If it still fails, ask the trainer to file for you."));
  return make("details", { class: "advice" }, make("summary", {}, two("签到被拒绝怎么办", "What to do when a check-in is refused")), make("ol", {}, ...steps.map((step) => make("li", {}, step))));
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
    id = crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("device", id);
  }
  return id;
}

// A check-in without a network stays in this phone's database, as whose it is by the id of a voucher, and is sent later.
const RETRY_SECONDS = 30;
let own = [];

function kept(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("card", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("check-ins", { keyPath: "nonce" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction("check-ins", mode);
      const asked = work(transaction.objectStore("check-ins"));
      transaction.oncomplete = () => {
        database.close();
        resolve(asked.result);
      };
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    };
  });
}

const waitingCheckIns = async () => (await kept("readonly", (store) => store.getAll())).filter((one) => own.includes(one.owner));

async function tellWaiting() {
  const place = document.getElementById("waiting");
  if (!place) return;
  const count = (await waitingCheckIns()).length;
  place.hidden = !count;
  place.textContent = two(`${count} 次签到已存在本机，联网后自动发送。`, `${count} check-ins are kept on this phone and sent once there is a network.`);
}

const mayBeTriedAgain = (error) => !(error instanceof Refused) || error.status >= 500 || error.status === 429 || error.status === 401;

let sending = false;

async function sendWaiting() {
  if (sending || !session.token) return;
  sending = true;
  try {
    for (const one of await waitingCheckIns()) {
      try {
        sayRecorded(await call("POST", `v1/lessons/${one.lesson}/check-ins`, one.body), one.body.kind);
      } catch (error) {
        if (mayBeTriedAgain(error)) return;
        complain(error);
      }
      await kept("readwrite", (store) => store.delete(one.nonce));
      await tellWaiting();
    }
  } finally {
    sending = false;
  }
}

window.addEventListener("online", () => sendWaiting().catch(complain));
setInterval(() => sendWaiting().catch(complain), RETRY_SECONDS * 1000);

const KINDS = { in: two("签到", "Signed in"), out: two("签退", "Signed out"), roll_call: two("点名应答", "Roll-call answered") };

function sayRecorded(answer, kind) {
  const how = word("marks", answer.status);
  const good = two(`${KINDS[kind]}成功（${how}，距场地 ${Math.round(answer.distance_m)} 米）。`, `${KINDS[kind]}: ${how}, ${Math.round(answer.distance_m)} m from the site.`);
  const review = two("已记录，待核实。", "Recorded; it will be reviewed.");
  say(answer.outcome === "needs_review" ? review : good);
}

const OF_PLACE = new Set(["outside_site", "accuracy_too_low"]);

async function checkIn(lesson, kind) {
  try {
    await checkInAt(lesson, kind, await position());
  } catch (error) {
    if (OF_PLACE.has(error.code) || !(error instanceof Refused)) for (const one of document.querySelectorAll(".advice")) one.open = true;
    throw error;
  }
}

async function checkInAt(lesson, kind, at) {
  const nonce = `${deviceId().slice(0, 20)}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  const body = {
    kind,
    location: { lng: at.coords.longitude, lat: at.coords.latitude, accuracy_m: at.coords.accuracy, coord_system: "wgs84", mocked: false },
    device_id: deviceId(),
    nonce,
    happened_at: new Date(at.timestamp).toISOString(),
  };
  try {
    sayRecorded(await call("POST", `v1/lessons/${lesson.id}/check-ins`, body), kind);
  } catch (error) {
    if (!own.length || !mayBeTriedAgain(error)) throw error;
    const waiting = { nonce, owner: own[0], lesson: lesson.id, body: { ...body, offline: true } };
    await kept("readwrite", (store) => store.put(waiting));
    await tellWaiting();
    say(two("没有网络：签到已存在本机，联网后自动发送。", "No network: the check-in is kept on this phone and sent later."));
  }
}
