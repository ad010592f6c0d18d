"use strict";
// The counter: the field keeps the focus, a scanner's Tab or Enter sends it, two tones, the last 20 of this window.

const field = document.querySelector("[data-scan]");
const hint = document.getElementById("scan-hint");
const zh = document.documentElement.lang !== "en";
const RECENT = "recent-scans";

function refocus() {
  if (field && !["SELECT", "BUTTON", "A", "VIDEO"].includes(document.activeElement.tagName)) field.focus();
}

if (field) {
  field.focus();
  document.addEventListener("click", () => setTimeout(refocus, 300));
  window.addEventListener("focus", refocus);
  const send = () => {
    field.value = field.value.trim();
    if (field.value) field.form.requestSubmit(field.form.querySelector("button[value='scan.look']"));
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.key === "Process") {
      hint.textContent = zh ? "请把输入法切换到英文再扫。" : "Switch the input method to English, then scan again.";
      return;
    }
    if (event.getModifierState("CapsLock")) hint.textContent = zh ? "大写锁定已打开，请关闭后再扫。" : "Caps Lock is on: switch it off, then scan again.";
    if ((event.key === "Tab" && field.value.trim()) || event.key === "Enter") {
      event.preventDefault();
      send();
    }
  });
}

function tone(good) {
  const sound = new AudioContext();
  const beep = sound.createOscillator();
  beep.frequency.value = good ? 880 : 220;
  beep.connect(sound.destination);
  beep.start();
  beep.stop(sound.currentTime + (good ? 0.15 : 0.5));
}

const verdict = document.querySelector("[data-verdict]");
const recent = JSON.parse(sessionStorage.getItem(RECENT) || "[]");
if (verdict) {
  const good = verdict.dataset.verdict === "good";
  const time = new Date().toLocaleTimeString(zh ? "zh-CN" : "en-GB");
  recent.unshift(`${time} ${verdict.innerText.replace(/\s+/g, " ")}`);
  recent.splice(20);
  sessionStorage.setItem(RECENT, JSON.stringify(recent));
  try {
    tone(good);
  } catch {
    // a browser without sound shows the colour all the same
  }
}
for (const line of recent) {
  const item = document.createElement("li");
  item.textContent = line;
  document.getElementById("recent").append(item);
}

const camera = document.getElementById("camera");
if (camera && "BarcodeDetector" in window && navigator.mediaDevices) {
  camera.hidden = false;
  camera.addEventListener("click", async () => {
    const view = document.getElementById("view");
    try {
      const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.hidden = false;
      await view.play();
      const look = async () => {
        const [found] = await detector.detect(view);
        if (!found) return setTimeout(look, 200);
        for (const track of view.srcObject.getTracks()) track.stop();
        view.hidden = true;
        field.value = found.rawValue;
        return field.form.requestSubmit(field.form.querySelector("button[value='scan.look']"));
      };
      await look();
    } catch {
      hint.textContent = zh ? "打不开摄像头，请用扫码枪。" : "The camera does not open: use the scanner.";
    }
  });
}
