// Playgrounds on the published page: Python in the page behind them, and the views built with it.
//
// A playground keeps its still picture, and loads nothing, until it comes near the window or a
// link asks for its game.

const NEAR = "400px 0px";

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

const waiting = new Map();
for (const element of document.querySelectorAll("[data-playground]"))
  waiting.set(element, JSON.parse(element.dataset.playground));

async function begin(element) {
  const data = waiting.get(element);
  waiting.delete(element);
  near.unobserve(element);
  const [{ call }, { mount }] = await Promise.all([import("./python.js"), import("./play.js")]);
  mount(element, data, { call, built, links: true });
}

function linked() {
  for (const [element, { game }] of waiting)
    if (location.hash.startsWith(`#${game}/`)) begin(element);
}

const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) begin(target);
}, { rootMargin: NEAR });
for (const element of waiting.keys()) near.observe(element);
linked();
window.addEventListener("hashchange", linked);
