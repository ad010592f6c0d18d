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

// The camera: the browser's own decoder where it has one; else ours, fetched when it is first wanted.
const camera = document.getElementById("camera"), view = document.getElementById("view");

async function decoder() {
  if ("BarcodeDetector" in window && (await window.BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    return async () => (await detector.detect(view))[0]?.rawValue;
  }
  if (!window.jsQR) {
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = camera.dataset.decoder;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }
  const canvas = document.createElement("canvas"), drawn = canvas.getContext("2d", { willReadFrequently: true });
  return async () => {
    canvas.width = view.videoWidth;
    canvas.height = view.videoHeight;
    if (!canvas.width) return undefined;
    drawn.drawImage(view, 0, 0);
    const picture = drawn.getImageData(0, 0, canvas.width, canvas.height);
    return window.jsQR(picture.data, picture.width, picture.height, { inversionAttempts: "dontInvert" })?.data;
  };
}

function closeCamera() {
  for (const track of view.srcObject ? view.srcObject.getTracks() : []) track.stop();
  view.srcObject = null;
  view.hidden = true;
  camera.textContent = camera.dataset.open;
}

async function look(decode) {
  while (view.srcObject) {
    const found = await decode();
    if (found && view.srcObject) {
      closeCamera();
      field.value = found;
      field.form.requestSubmit(field.form.querySelector("button[value='scan.look']"));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

if (camera && navigator.mediaDevices) {
  camera.hidden = false;
  camera.addEventListener("click", async () => {
    if (view.srcObject) return closeCamera();
    try {
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
      view.hidden = false;
      camera.textContent = camera.dataset.close;
      await view.play();
      hint.textContent = zh ? "请把券码对准摄像头。" : "Hold the code before the camera.";
      await look(await decoder());
    } catch {
      closeCamera();
      hint.textContent = zh ? "打不开摄像头，请用扫码枪。" : "The camera does not open: use the scanner.";
    }
    return undefined;
  });
}
