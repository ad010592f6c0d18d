"use strict";
// What pages of staff do beyond HTML: ask before what cannot be undone, send a form once, tick all, send a sheet.

const english = document.documentElement.lang === "en";
const say = (zh, en) => (english ? en : zh);

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (button && button.dataset.confirm && !window.confirm(button.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") form.dataset.sent = "1";
});

// The page may come back from the browser's memory: its forms can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-all]")) {
    for (const one of box.closest("table").querySelectorAll("tbody input[type=checkbox]:not(:disabled)")) one.checked = box.checked;
  }
  if (box.matches("[data-file]")) ready(box.closest("[data-upload], [data-list]"));
});

// A file is sent once one is chosen.
function ready(place) {
  for (const button of place.querySelectorAll("[data-send]")) button.disabled = !place.querySelector("[data-file]").files.length;
}
for (const place of document.querySelectorAll("[data-upload], [data-list]")) ready(place);

// What is refused is told beside the file; who has to sign in again is led there.
function refusal(page) {
  const told = page.querySelector("#problem");
  if (!told) return say("没有回应，请重试。", "No answer: try again.");
  const shown = document.importNode(told, true);
  if (told.dataset.code === "token_stale" || told.dataset.code === "form_stale") {
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = say("重新登录后再选择文件", "Sign in again, then choose the file");
    shown.append(again);
  }
  return shown;
}

const TYPES = { xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", csv: "text/csv" };

async function sendSheet(place, dry) {
  const file = place.querySelector("[data-file]").files[0];
  const type = TYPES[file.name.split(".").pop().toLowerCase()] || TYPES.csv;
  const address = new URL(location.href);
  address.searchParams.set("do", place.dataset.upload);
  address.searchParams.set("dry_run", dry ? "true" : "false");
  if (place.dataset.version) address.searchParams.set("version", place.dataset.version);
  const answer = await fetch(address, { method: "POST", body: file, headers: { "Content-Type": type, "X-Csrf-Token": place.dataset.csrf } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = page.querySelector("#sheet-answer");
  const shown = place.querySelector(".answer");
  shown.replaceChildren(told ? document.importNode(told, true) : refusal(page));
  if (answer.ok && !dry) {
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = say("查看最新内容", "See what is new");
    shown.append(again);
  }
}

// SHA-256 of a file in pieces: a recording of gigabytes does not fit into memory, which `crypto.subtle` wants.
const ROUNDS = new Uint32Array(64);
const START = new Uint32Array(8);
(() => {
  const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    ROUNDS[found++] = fraction(Math.cbrt(n));
  }
})();

function digestBlock(state, view, at, words) {
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15], y = words[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((part, i) => {
    state[i] += part;
  });
}

async function digestOf(file, tell, piece = 8 * 1024 * 1024) {
  const state = START.slice(), words = new Int32Array(64);
  for (let at = 0; at < file.size || at === 0; at += piece) {
    let raw = await file.slice(at, at + piece).arrayBuffer();
    if (at + piece >= file.size) {
      const padded = new Uint8Array(Math.ceil((raw.byteLength + 9) / 64) * 64);
      padded.set(new Uint8Array(raw));
      padded[raw.byteLength] = 0x80;
      const ends = new DataView(padded.buffer);
      ends.setUint32(padded.length - 8, Math.floor(file.size / 2 ** 29));
      ends.setUint32(padded.length - 4, (file.size * 8) >>> 0);
      raw = padded.buffer;
    }
    const view = new DataView(raw);
    for (let place = 0; place < raw.byteLength; place += 64) digestBlock(state, view, place, words);
    tell(file.size ? Math.min(1, (at + piece) / file.size) : 1);
  }
  return [...state].map((word) => word.toString(16).padStart(8, "0")).join("");
}

async function sendList(place) {
  const file = place.querySelector("[data-file]").files[0];
  const shown = place.querySelector(".answer");
  const read = document.createElement("progress");
  read.max = 1;
  shown.replaceChildren(say("正在计算校验值 ", "Reading the file "), read);
  const digest = await digestOf(file, (share) => {
    read.value = share;
  });
  const form = new URLSearchParams({ csrf: place.dataset.csrf, do: place.dataset.list, filename: file.name, size_bytes: file.size, sha256: digest });
  for (const field of place.querySelectorAll("select, input[type=checkbox]:checked, input[name]:not([type=checkbox], [type=file])")) form.set(field.name, field.value);
  const answer = await fetch(location.href, { method: "POST", body: form });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = page.querySelector("#upload-form");
  if (!told) {
    shown.replaceChildren(refusal(page));
    return;
  }
  const parts = new FormData();
  for (const [name, value] of Object.entries(JSON.parse(told.dataset.fields))) parts.append(name, value);
  parts.append("file", file);
  const bar = document.createElement("progress");
  bar.max = 1;
  shown.replaceChildren(say("正在上传 ", "Uploading "), bar);
  const request = new XMLHttpRequest();
  request.open("POST", told.dataset.url);
  request.upload.onprogress = (event) => {
    bar.value = event.loaded / event.total;
  };
  request.onload = () => {
    if (request.status < 300) location.href = told.dataset.next;
    else shown.textContent = say("上传未成功，请重试。", "The upload failed: try again.");
  };
  request.onerror = () => {
    shown.textContent = say("网络中断，请重试。", "The network failed: try again.");
  };
  request.send(parts);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-send]");
  if (!button) return;
  const place = button.closest("[data-upload], [data-list]");
  button.disabled = true;
  const work = place.dataset.list ? sendList(place) : sendSheet(place, button.dataset.send === "dry");
  work
    .catch((failure) => {
      const unread = ["NotReadableError", "NotFoundError"].includes(failure.name);
      place.querySelector(".answer").textContent = unread
        ? say("文件读不出来（可能已改动或移走），请重新选择。", "The file cannot be read: choose it again.")
        : say("网络中断，请重试。", "The network failed: try again.");
    })
    .finally(() => ready(place));
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// Reasons and remarks outlive a reload in this tab, until they were sent or their writer has signed out. They are
// their writer's: whoever else signs in here sees none of them, and what was used fills itself in nowhere again.
const DRAFTED = "form[method=post] textarea[name]:not([name=assertion])", SENT = "sent drafts";
const who = document.body.dataset.who;
const draftOf = (area) => `draft ${who} ${location.pathname} ${area.form && area.form.elements.form ? area.form.elements.form.value : ""} ${area.name}`;
const forget = (keys) => {
  for (const key of keys) sessionStorage.removeItem(key);
};
const drafts = () => Object.keys(sessionStorage).filter((key) => key.startsWith("draft "));
document.addEventListener("input", (event) => {
  if (who && event.target.matches(DRAFTED)) sessionStorage.setItem(draftOf(event.target), event.target.value);
});
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.submitter && event.submitter.value === "sign_out") forget([...drafts(), SENT]);
  else if (event.target.method === "post") sessionStorage.setItem(SENT, JSON.stringify([...event.target.querySelectorAll(DRAFTED)].map(draftOf)));
});
if (who) {
  forget(drafts().filter((key) => !key.startsWith(`draft ${who} `)));
  if (document.getElementById("done")) forget([...JSON.parse(sessionStorage.getItem(SENT) || "[]"), SENT]);
  for (const area of document.querySelectorAll(DRAFTED)) {
    if (!area.value) area.value = sessionStorage.getItem(draftOf(area)) || "";
  }
}

// A refusal, or what was done, is read first.
const told = document.querySelector("#problem, #kept, #done");
if (told) told.focus({ preventScroll: false });
