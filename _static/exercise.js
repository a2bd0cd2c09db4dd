// Exercises that answer: an editor in the place of the code, and what the package says of it.
//
// Nothing is loaded before the reader opens one. What is judged is judged in Python, by the
// functions that the tests use; here it is sent, and what comes back is shown.

const FUNCTION = "delivery_semantics.play.check:replied";
const PATIENCE_S = 20; // the longest search takes two; a loop without an end takes for ever

/**
 * Make an exercise that answers out of one that is only read.
 *
 * @param {HTMLElement} element the exercise, as Python wrote it
 * @param {{name: string, start: string}} data
 * @param {{call: (name: string, args: object, options: object) => Promise<any>}} backend
 */
export function mount(element, data, backend) {
  const title = element.querySelector(".exercise-title").textContent;
  const code = element.querySelector(".exercise-start");
  const kept = keeper(`exercise:${data.name}`);
  const open = button(kept.get() === null ? "Answer it here" : "Go on with your answer");
  open.setAttribute("aria-label", `${open.textContent}. ${title}`);
  const bar = part("div", "exercise-bar");
  bar.append(open);
  code.after(bar);
  open.addEventListener("click", async () => {
    open.disabled = true;
    const place = part("div", "exercise-editor");
    const changed = (text) => kept.set(text === data.start ? null : text);
    const options = { code: kept.get() ?? data.start, label: `Your code. ${title}`, changed, check: () => run.check() };
    const editor = await edit(place, options);
    code.replaceWith(place);
    open.remove();
    const run = controls(element, bar, data, backend, editor);
    editor.focus();
  });
}

/** Give the bar its buttons, and the exercise the place where its answers stand. */
function controls(element, bar, data, backend, editor) {
  const check = button("Check");
  const stop = button("Stop");
  const again = button("Start again");
  const keys = part("p", "exercise-keys", "Ctrl-Enter checks; Esc, then Tab, leaves the editor.");
  const reply = part("div", "exercise-reply");
  reply.setAttribute("role", "status");
  bar.append(check, stop, again, keys);
  bar.after(reply);
  stop.hidden = true;
  let tries = 0;
  let running = null;
  const run = {
    async check() {
      if (running) return;
      running = new AbortController();
      [check.hidden, stop.hidden] = [true, false];
      if (document.activeElement === document.body) stop.focus();
      reply.replaceChildren(part("p", "", "Running …"));
      const answer = await judged(backend, { name: data.name, source: editor.get(), tries }, running, reply);
      running = null;
      [check.hidden, stop.hidden] = [false, true];
      if (document.activeElement === document.body) check.focus();
      if (!answer.passed && answer.kind !== "mistake") tries += 1;
      show(reply, answer);
      if (answer.line) editor.goTo(answer.line);
    },
  };
  check.addEventListener("click", run.check);
  stop.addEventListener("click", () => running?.abort());
  again.addEventListener("click", () => {
    editor.set(data.start);
    reply.replaceChildren();
    tries = 0;
    editor.focus();
  });
  return run;
}

/** Ask Python, and say why where it gives no answer. */
async function judged(backend, args, running, reply) {
  let late = false;
  let clock = 0;
  const onProgress = ({ text }) => {
    if (text) reply.replaceChildren(part("p", "", text));
    else clock ||= setTimeout(() => { late = true; running.abort(); }, PATIENCE_S * 1000);
  };
  try {
    return await backend.call(FUNCTION, args, { onProgress, signal: running.signal });
  } catch (error) {
    const words = late
      ? `It was stopped after ${PATIENCE_S} seconds: a loop in it may have no end.`
      : error.message;
    return { passed: false, kind: "mistake", words, line: error.line ?? 0 };
  } finally {
    clearTimeout(clock);
  }
}

/** Show an answer: the verdict and its words, the hints, the run that breaks it. */
function show(reply, { passed, words, kind, line, hint, next, picture }) {
  const sign = passed ? "✓ Right." : kind === "mistake" ? "✗ It cannot be judged." : "✗ Not yet.";
  const said = part("p", passed ? "exercise-right" : "exercise-wrong");
  said.append(part("strong", "", sign), ` ${line ? `Line ${line}: ` : ""}${words}`);
  const hints = [hint, next].filter(Boolean).map((text) => coded(part("p", "exercise-hint"), text));
  reply.replaceChildren(said, ...hints);
  if (!picture) return;
  const figure = part("div", "exercise-picture");
  figure.innerHTML = picture; // the package's own drawing, its words escaped
  reply.append(figure);
}

/** Put a text into an element, with what stands between backquotes as code. */
function coded(element, text) {
  const parts = text.split("`").map((each, index) => (index % 2 ? part("code", "", each) : each));
  element.append(...parts);
  return element;
}

/** An editor for Python, or a plain field where it cannot be loaded. */
export async function edit(place, options) {
  try {
    return (await import("./editor.js")).edit(place, options);
  } catch {
    const field = part("textarea", "");
    field.value = options.code;
    field.rows = options.code.split("\n").length + 2;
    field.spellcheck = false;
    field.setAttribute("aria-label", options.label);
    field.addEventListener("input", () => options.changed(field.value));
    place.append(field);
    const set = (text) => { field.value = text; options.changed(text); };
    return { get: () => field.value, set, focus: () => field.focus(), goTo: () => {} };
  }
}

/** What the reader typed, kept in this browser and nowhere else; null gives it up. */
export function keeper(key) {
  let now = null;
  try { now = localStorage.getItem(key); } catch { /* nothing can be kept here */ }
  const set = (text) => {
    now = text;
    try {
      if (text === null) localStorage.removeItem(key);
      else localStorage.setItem(key, text);
    } catch { /* it stays as long as the page does */ }
  };
  return { get: () => now, set };
}

export function part(tag, kind, text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

export function button(text) {
  const made = part("button", "exercise-button", text);
  made.type = "button";
  return made;
}

// On the site, Python runs in the page; it is fetched when it is first asked.
const site = { call: async (...asked) => (await import("./python.js")).call(...asked) };
for (const element of document.querySelectorAll("[data-exercise]")) {
  const start = element.querySelector(".exercise-start").textContent;
  mount(element, { name: element.dataset.exercise, start }, site);
}
