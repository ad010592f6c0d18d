"use strict";

// Finds operations and types: those that hold what is typed stay, the others are hidden.
const field = document.getElementById("find");
const found = document.getElementById("found");
const places = [...document.querySelectorAll("details")].map((node) => [node, node.textContent.toLowerCase()]);

field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const [node, text] of places) {
    node.hidden = !words.every((word) => text.includes(word));
    left += node.hidden ? 0 : 1;
  }
  found.textContent = words.length ? `${left} / ${places.length}` : "";
});

// Whatever a link leads to is opened, also while a search hides it.
function open() {
  const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (node instanceof HTMLDetailsElement) {
    node.hidden = false;
    node.open = true;
    node.scrollIntoView();
  }
}
window.addEventListener("hashchange", open);
open();

// Examples are those of the document itself, read when the first one is asked for.
let asked;
function operations() {
  asked ??= fetch("openapi.json")
    .then((answer) => answer.json())
    .then((told) => new Map(Object.values(told.paths).flatMap(Object.values).map((one) => [one.operationId, one])));
  return asked;
}

function* examplesOf(content) {
  for (const media of Object.values(content ?? {})) {
    const values = "example" in media ? [media.example] : Object.values(media.examples ?? {}).map((one) => one.value);
    for (const value of values) yield typeof value === "string" ? value : JSON.stringify(value, null, 1);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-examples]");
  if (!button) return;
  button.disabled = true;
  try {
    const operation = (await operations()).get(button.dataset.examples);
    const good = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
    const texts = [operation.requestBody?.content, ...good.map(([, answer]) => answer.content)].flatMap((content) => [
      ...examplesOf(content),
    ]);
    for (const text of texts) {
      const shown = document.createElement("pre");
      shown.className = "wide";
      shown.textContent = text;
      button.parentElement.append(shown);
    }
  } catch {
    asked = undefined;
    button.disabled = false;
  }
});
