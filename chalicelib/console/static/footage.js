"use strict";
// Footage: hashed here, sent in parts straight to storage. A part that fails is tried again for as long as it takes;
// after a reload the same file goes on with the parts that have not arrived.

(() => {
  const place = document.getElementById("filming");
  if (!place) return;
  const film = document.getElementById("film"), start = document.getElementById("film-send"), stop = document.getElementById("film-stop");
  const bar = document.getElementById("film-bar"), told = document.getElementById("film-told");
  const AT_ONCE = 8, WAIT_MOST_SECONDS = 30;
  let stopped = false, request = null;

  const pause = (seconds) => new Promise((resolve) => {
    const timer = setTimeout(over, seconds * 1000);
    function over() {
      clearTimeout(timer);
      window.removeEventListener("online", over);
      resolve();
    }
    window.addEventListener("online", over);
  });

  class Told extends Error {}
  class Stopped extends Error {}

  // What fails for want of a network is done again, later and later; what is refused is not.
  async function persist(work) {
    for (let failures = 0; ; failures++) {
      if (stopped) throw new Stopped();
      try {
        return await work();
      } catch (error) {
        if (error instanceof Told || error instanceof Stopped) throw error;
        told.textContent = say("网络中断，恢复后自动续传。", "No network: it goes on by itself.");
        await pause(Math.min(WAIT_MOST_SECONDS, 2 ** failures));
      }
    }
  }

  async function ask(fields) {
    const form = new URLSearchParams({ csrf: place.dataset.csrf });
    for (const [name, value] of fields) form.append(name, value);
    const answer = await fetch(location.pathname, { method: "POST", body: form });
    if (answer.status >= 500) throw new Error(String(answer.status));
    if (answer.redirected && answer.ok) return answer;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = page.getElementById("footage-parts");
    if (parts) return parts.dataset;
    const problem = page.getElementById("problem");
    throw new Told(problem ? problem.innerText : say("登录已过期，请重新登录后再选择同一文件续传。", "Sign in again, then choose the same file."));
  }

  // The digest of a whole film takes minutes: it is kept for this very file, by size and time of change.
  async function wholeDigest(file) {
    const key = `film-${file.size}-${file.lastModified}`;
    const known = sessionStorage.getItem(key);
    if (known) return known;
    told.textContent = say("正在计算校验值…", "Reading the file…");
    const digest = await digestOf(file, (share) => {
      bar.value = share;
    });
    sessionStorage.setItem(key, digest);
    return digest;
  }

  const pieceOf = (file, number, bytes) => file.slice((number - 1) * bytes, Math.min(file.size, number * bytes));

  // A part fits into memory; browsers hash themselves where the page came by TLS.
  async function digestOfPiece(piece) {
    if (!window.crypto || !crypto.subtle) return digestOf(piece, () => {});
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  const put = (link, piece, tell) => new Promise((resolve, reject) => {
    request = new XMLHttpRequest();
    request.open("PUT", link.url);
    for (const [name, value] of Object.entries(link.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => tell(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(new Error(String(request.status))));
    request.onerror = request.onabort = request.ontimeout = () => reject(new Error("network"));
    request.send(piece);
  });

  async function sendAll(file) {
    bar.hidden = false;
    const digest = await wholeDigest(file);
    const value = (id) => document.getElementById(id).value;
    const announced = ["camera_id", "started_at", "ended_at"].map((id) => [id, value(id)]);
    let parts = await persist(() => ask([...announced, ["do", "footage.announce"], ["filename", file.name], ["size_bytes", file.size], ["sha256", digest]]));
    const id = parts.id, count = Number(parts.count), bytes = Number(parts.bytes);
    for (;;) {
      const arrived = new Set(JSON.parse(parts.arrived));
      const wanted = Array.from({ length: count }, (_, place) => place + 1).filter((number) => !arrived.has(number)).slice(0, AT_ONCE);
      const tell = (more) => {
        const sent = Math.min(file.size, arrived.size * bytes + more);
        bar.value = sent / file.size;
        told.textContent = say(`已传 ${(sent / 2 ** 20).toFixed(1)} / ${(file.size / 2 ** 20).toFixed(1)} MB`, `${(sent / 2 ** 20).toFixed(1)} of ${(file.size / 2 ** 20).toFixed(1)} MB sent`);
      };
      tell(0);
      if (!wanted.length) break;
      const digests = [];
      for (const number of wanted) digests.push(["part", `${number}:${await digestOfPiece(pieceOf(file, number, bytes))}`]);
      parts = await persist(() => ask([["do", "footage.parts"], ["footage_id", id], ...digests]));
      const links = JSON.parse(parts.links);
      try {
        for (const number of wanted) {
          if (stopped) throw new Stopped();
          await put(links[number], pieceOf(file, number, bytes), tell);
          arrived.add(number);
        }
      } catch (error) {
        if (error instanceof Stopped || stopped) throw new Stopped();
        told.textContent = say("网络中断，恢复后自动续传。", "No network: it goes on by itself.");
        await pause(2);
      }
      parts = await persist(() => ask([["do", "footage.parts"], ["footage_id", id]])); // what has arrived is told by the storage
    }
    const done = await persist(() => ask([["do", "footage.complete"], ["footage_id", id]]));
    film.disabled = false;
    location.href = done.url;
  }

  film.addEventListener("change", () => {
    start.disabled = !film.files.length;
  });
  stop.addEventListener("click", () => {
    stopped = true;
    if (request) request.abort();
    window.dispatchEvent(new Event("online"));
  });
  start.addEventListener("click", async () => {
    stopped = false;
    start.disabled = film.disabled = true;
    stop.hidden = false;
    try {
      await sendAll(film.files[0]);
    } catch (error) {
      told.textContent = error instanceof Stopped ? say("已暂停，再按“上传录像”即从断点续传。", "Paused: press Upload to go on.") : error.message;
    } finally {
      start.disabled = film.disabled = false;
      stop.hidden = true;
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (film.disabled) event.preventDefault();
  });
})();
