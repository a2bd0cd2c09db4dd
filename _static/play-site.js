// Playgrounds on the published page: Python in the page behind them, and the views built with it.

import { call } from "./python.js";
import { mount } from "./play.js";

const files = new Map();

/** Return the views and scores that were built with the page for these settings, if any were. */
function built({ game, settings }, values, width) {
  const chosen = settings.map(({ name }) => values[name]);
  const path = `playgrounds/${[game, ...chosen, width].join(".")}.json`;
  if (!files.has(path)) files.set(path, fetched(new URL(path, import.meta.url)));
  return files.get(path);
}

async function fetched(address) {
  const answer = await fetch(address);
  return answer.ok ? answer.json() : null;
}

for (const element of document.querySelectorAll("[data-playground]"))
  mount(element, JSON.parse(element.dataset.playground), { call, built, links: true });
