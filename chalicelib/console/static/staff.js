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
  if (box.matches("[data-file]")) {
    for (const button of box.closest("[data-upload]").querySelectorAll("[data-send]")) button.disabled = !box.files.length;
  }
});

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
  const told = page.querySelector("#sheet-answer") || page.querySelector("#problem");
  const shown = place.querySelector(".answer");
  shown.replaceChildren(...(told ? [document.importNode(told, true)] : [say("没有回应，请重试。", "No answer: try again.")]));
  if (answer.ok && !dry) {
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = say("查看最新内容", "See what is new");
    shown.append(again);
  }
}

async function sendList(place) {
  const file = place.querySelector("[data-file]").files[0];
  const shown = place.querySelector(".answer");
  shown.textContent = say("正在计算校验值…", "Reading the file…");
  const raw = await file.arrayBuffer();
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", raw))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const form = new URLSearchParams({ csrf: place.dataset.csrf, do: place.dataset.list, filename: file.name, size_bytes: file.size, sha256: digest });
  for (const field of place.querySelectorAll("select, input[type=checkbox]:checked, input[name]:not([type=checkbox])")) form.set(field.name, field.value);
  const answer = await fetch(location.href, { method: "POST", body: form });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = page.querySelector("#upload-form");
  if (!told) {
    const problem = page.querySelector("#problem");
    shown.replaceChildren(problem ? document.importNode(problem, true) : say("没有回应，请重试。", "No answer: try again."));
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
    .catch(() => {
      place.querySelector(".answer").textContent = say("网络中断，请重试。", "The network failed: try again.");
    })
    .finally(() => {
      button.disabled = false;
    });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// A refusal, or what was done, is read first.
const told = document.querySelector("#problem, #done");
if (told) told.focus({ preventScroll: false });
