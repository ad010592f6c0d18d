"use strict";

// Finds operations: those that hold what is typed stay, the others are hidden.
const field = document.getElementById("find");
const found = document.getElementById("found");
const operations = [...document.querySelectorAll("details")].map((node) => [node, node.textContent.toLowerCase()]);

field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const [node, text] of operations) {
    node.hidden = !words.every((word) => text.includes(word));
    left += node.hidden ? 0 : 1;
  }
  found.textContent = words.length ? `${left} / ${operations.length}` : "";
});
