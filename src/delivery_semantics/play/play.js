// The playground: draws what Python made, and sends what was pressed.
//
// What is possible, what it is called and where the money is come from Python, in the page or in
// a kernel, through `backend.call`. Here are the buttons, the keys, the way back and forward, and
// packets that are seen to move.

const SEARCH_STEP_MS = 1100;
const MOVE_MS = 260;
const NARROW_PX = 480;
const LEAST_SCALE = 0.8;  // a picture that is drawn smaller is moved sideways instead
const ROOM = "delivery_semantics.play.views:";

/**
 * Make a playground in an element; one with openings waits until one of these links is followed.
 *
 * @param {HTMLElement} element what stands in it is replaced
 * @param {{game: string, title: string, about: string, goal: string,
 *          goals: {id: string, words: string}[],
 *          settings: {name: string, label: string, values: string[]}[],
 *          openings?: Object<string, string>}} data openings: links by their words
 * @param {{call: (name: string, args: object, options?: object) => Promise<any>,
 *          built?: (data: object, values: object, width: string) => Promise<object | null>,
 *          links?: boolean}} backend
 */
export function mount(element, data, backend) {
  if (data.openings) return folded(element, data, backend);
  const play = new Play(element, data, backend);
  play.begin();
  return play;
}

function folded(element, data, backend) {
  let play = null;
  const open = (link) => {
    if (play) play.open(link);
    else if (link.startsWith(`#${data.game}/`)) {
      play = new Play(element, data, backend);
      play.begin(link);
    }
  };
  const links = make("p", "play-openings");
  for (const [words, link] of Object.entries(data.openings)) {
    const made = make("a", "", words, { href: link });
    made.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (backend.links) history.pushState(null, "", link);
      open(link);
    });
    links.append(made);
  }
  element.replaceChildren(links);
  if (!backend.links) return;
  open(location.hash);
  window.addEventListener("hashchange", () => { if (!play) open(location.hash); });
}

class Play {
  constructor(element, data, backend) {
    Object.assign(this, { element, data, backend });
    this.goal = data.goal;
    this.values = Object.fromEntries(data.settings.map((one) => [one.name, one.values[0]]));
    this.steps = [];  // all that was chosen, also what was taken back
    this.at = 0;  // how many of them have happened
    this.asked = 0;
    this.known = new Map();
    this.done = false;
    this.build();
  }

  // The page's part -------------------------------------------------------------------------

  build() {
    const { data } = this;
    const id = `play-${Math.random().toString(36).slice(2, 8)}`;
    this.list = make("div", "play-list");
    this.heading = make("p", "play-heading", "What happens next?", { tabindex: "-1", id });
    this.hint = make("p", "play-hint");
    this.board = make("div", "play-board", "", { role: "group", "aria-label": "The picture" });
    this.caption = make("p", "play-caption");
    this.money = make("div", "play-money");
    this.trouble = make("p", "play-trouble", "", { role: "alert" });
    this.live = make("p", "play-live", "", { role: "status" });
    this.progress = make("p", "play-progress");
    this.verdict = make("p", "play-verdict");
    this.code = make("div", "play-code");
    this.search = button("Let the search finish it", "play-primary", () => this.finish());
    this.next = button("", "", () => this.nextLevel());
    const top = make("div", "play-top");
    const title = make("div", "play-words");
    title.append(make("p", "play-title", data.title), make("p", "play-about", data.about));
    top.append(title, this.money);
    const stage = make("div", "play-stage");
    const result = make("div", "play-result");
    result.append(this.verdict, this.next);
    stage.append(this.hint, result, this.board);
    const choices = make("div", "play-next", "", { role: "group", "aria-labelledby": id });
    choices.append(this.heading, this.list);
    const side = make("div", "play-side");
    side.append(...this.selects(), this.search, this.progress, this.code);
    const whole = make("div", "play unseen", "", { role: "group", "aria-label": data.title });
    whole.append(top, choices, stage, this.bar(), side, this.trouble, this.live);
    whole.addEventListener("keydown", (event) => this.key(event));
    this.element.append(whole);
    this.whole = whole;
  }

  /** Take the place of the still picture, once, in one go: nothing on the page moves twice. */
  reveal() {
    if (!this.whole.classList.contains("unseen")) return;
    for (const other of [...this.element.children])
      if (!other.matches(".play, .play-openings")) other.remove();
    this.whole.classList.remove("unseen");
  }

  bar() {
    const bar = make("div", "play-bar");
    this.restart = button("From the start", "play-icon", () => this.go(0), icons.start);
    this.back = button("Back", "play-icon", () => this.go(this.at - 1), icons.back);
    this.forward = button("Forward", "play-icon", () => this.go(this.at + 1), icons.forward);
    this.scrub = make("input", "", "", { type: "range", min: "0", "aria-label": "Step" });
    this.scrub.addEventListener("input", () => this.go(Number(this.scrub.value), false));
    this.rail = make("span", "play-rail");
    bar.append(this.restart, this.back, this.rail, this.forward);
    if (this.backend.links) {
      this.copy = button("Copy link", "", () => this.copyLink());
      bar.append(this.copy);
    }
    bar.append(this.caption);
    return bar;
  }

  selects() {
    const { data } = this;
    this.choosers = {};
    const settings = data.settings.filter(({ free }) => !free).map(({ name, label, values }) =>
      this.select(label, values.map((value) => [value, value.replaceAll("-", " ")]), this.values[name], (value) => {
        this.values[name] = value;
        this.restarted();
      }, name));
    const goals = data.goals.map(({ id, words }) => [id, words]);
    const goal = this.select("Goal", goals, this.goal, (value) => {
      this.goal = value;
      this.restarted();
    }, "goal");
    return [...settings, ...(data.goals.length > 1 ? [goal] : [])];
  }

  select(label, options, value, changed, name) {
    const whole = make("label", "play-select", label);
    const select = make("select");
    for (const [id, words] of options) select.append(make("option", "", words, { value: id }));
    select.value = value;
    select.addEventListener("change", () => changed(select.value));
    this.choosers[name] = select;
    whole.append(select);
    return whole;
  }

  // What is asked of Python -----------------------------------------------------------------

  get width() {
    return this.whole.querySelector(".play-stage").clientWidth < NARROW_PX ? "narrow" : "wide";
  }

  /** Return the view after these steps: one that was built with the page, or Python's own. */
  async view(steps) {
    const { goal, values, width } = this;
    const key = JSON.stringify([goal, values, width, steps]);
    if (this.known.has(key)) return this.known.get(key);
    const built = await this.built(width);
    let found = goal === this.data.goal ? built?.views[steps.join("/")] : null;
    found ??= await this.ask("view", { settings: values, goal, steps, width });
    this.known.set(key, found);
    return found;
  }

  async built(width) {
    try {
      return await this.backend.built?.(this.data, this.values, width);
    } catch {
      return null;  // then Python is asked
    }
  }

  async ask(name, args, signal) {
    const onProgress = ({ text }) => { this.progress.textContent = text; };
    const whole = { game: this.data.game, ...args };
    try {
      return await this.backend.call(ROOM + name, whole, { onProgress, signal });
    } finally {
      this.progress.textContent = "";
    }
  }

  // Steps -----------------------------------------------------------------------------------

  async begin(link) {
    this.resizing = new ResizeObserver(() => {
      if (this.shownWidth && this.shownWidth !== this.width) this.show();
    });
    if (!this.open(link)) await this.show();
    this.resizing.observe(this.whole);
    if (this.backend.links) window.addEventListener("hashchange", () => this.open());
  }

  /** Do what a button says. */
  async press(step) {
    this.halt();  // whoever takes a step plays on by hand
    this.steps = [...this.steps.slice(0, this.at), step];
    this.at = this.steps.length;
    await this.show({ moved: true, speak: true, focus: true });
  }

  async go(at, focus = true) {
    this.halt();
    this.at = Math.max(0, Math.min(at, this.steps.length));
    await this.show({ speak: true, focus });
  }

  async restarted() {
    this.halt();
    this.steps = [];
    this.at = 0;
    this.done = false;
    await this.show({ speak: true });
  }

  /** Play on with another value of a setting that the page asks for in its own way. */
  choose(name, value) {
    this.values[name] = value;
    return this.restarted();
  }

  nextLevel() {
    const { setting, value } = this.shown.next;
    this.values[setting] = this.choosers[setting].value = value;
    this.restarted();
    this.heading.focus({ preventScroll: true });
  }

  /** Show where we are now; an answer that comes after a later question is left. */
  async show({ moved = false, speak = false, focus = false } = {}) {
    const asked = ++this.asked;
    const steps = this.steps.slice(0, this.at);
    this.trouble.textContent = "";
    this.whole.setAttribute("aria-busy", "true");
    try {
      const found = await this.view(steps);
      if (asked !== this.asked) return;
      if (found.trouble) {
        this.steps = found.steps;
        this.at = found.steps.length;
      }
      this.draw(found, { moved, speak, focus });
      await this.judge(found);
      if (speak || found.trouble) this.address();
    } catch (error) {
      if (asked === this.asked) this.failed(error);
    } finally {
      if (asked === this.asked) {
        this.reveal();
        this.whole.removeAttribute("aria-busy");
      }
    }
  }

  failed(error) {
    if (error.name === "Stopped") return;
    this.trouble.textContent = error.name === "Unavailable"
      ? `This step needs Python in the page. ${error.message}` : error.message;
  }

  // The search ------------------------------------------------------------------------------

  async finish() {
    if (this.running) return this.stop();
    const running = this.running = new AbortController();
    this.search.textContent = "Stop";
    this.verdict.textContent = "The search tries every way from here …";
    const { goal, values } = this;
    try {
      const begun = { settings: values, goal, steps: this.steps.slice(0, this.at) };
      const found = await this.ask("finish", begun, running.signal);
      if (this.running !== running) return;
      if (found.steps) await this.playOn(found.steps, running);
      if (this.running === running) this.say(found.words);
    } catch (error) {
      this.verdict.textContent = "";
      this.failed(error);
    } finally {
      if (this.running === running) this.halt();
    }
  }

  async playOn(steps, running) {
    this.steps = steps;
    while (this.at < steps.length && this.running === running) {
      for (const one of this.whole.querySelectorAll("[data-step]"))
        one.classList.toggle("about", one.dataset.step === steps[this.at]);
      await new Promise((resolve) => setTimeout(resolve, SEARCH_STEP_MS));
      if (this.running !== running) return;
      this.at += 1;
      await this.show({ moved: true, speak: true });
    }
  }

  /** End the search; a step that is being shown is shown to its end. */
  halt() {
    if (!this.running) return;
    this.running.abort();
    this.running = null;
    this.search.textContent = "Let the search finish it";
    if (this.verdict.textContent.endsWith("…")) this.verdict.textContent = "";
    for (const one of this.whole.querySelectorAll(".about")) one.classList.remove("about");
  }

  stop() {
    this.halt();
    if (this.shown) this.judge(this.shown);
  }

  say(words) {
    this.verdict.textContent = words;
    this.live.textContent = words;
  }

  // Links -----------------------------------------------------------------------------------

  get link() {
    const choices = this.data.settings.map(({ name }) => this.values[name]);
    const parts = [this.data.game, this.goal, ...choices, ...this.steps.slice(0, this.at)];
    return `#${parts.map(encodeURIComponent).join("/")}`;
  }

  address() {
    if (this.backend.links && (this.at || location.hash.startsWith(`#${this.data.game}/`)))
      history.replaceState(null, "", this.link);
  }

  /** Open what a link, or the address, asks for; returns whether it asked for this playground. */
  open(link = this.backend.links ? location.hash : "") {
    const [game, goal, ...rest] = link.slice(1).split("/").map(decodeURIComponent);
    if (game !== this.data.game || !goal) return false;
    const settings = this.data.settings.map(({ name }) => name);
    this.halt();
    this.goal = goal;
    settings.forEach((name, number) => { this.values[name] = rest[number]; });
    this.steps = rest.slice(settings.length).filter(Boolean);
    this.at = this.steps.length;
    const wrong = this.unknown();
    for (const [name, select] of Object.entries(this.choosers))
      select.value = name === "goal" ? this.goal : this.values[name];
    this.show({ speak: true }).then(() => { if (wrong) this.trouble.textContent = wrong; });
    this.element.scrollIntoView({ block: "start" });
    return true;
  }

  /** Put what a link names wrongly back to the first, and say so. */
  unknown() {
    const { data } = this;
    let wrong = "";
    const mend = (value, allowed) => {
      if (allowed.includes(value)) return value;
      wrong = `This link asks for “${value ?? "nothing"}”, which there is not; it begins anew.`;
      this.steps = [];
      this.at = 0;
      return allowed[0];
    };
    this.goal = mend(this.goal, data.goals.map(({ id }) => id));
    for (const { name, values } of data.settings.filter(({ free }) => !free)) this.values[name] = mend(this.values[name], values);
    return wrong;
  }

  async copyLink() {
    history.replaceState(null, "", this.link);
    await navigator.clipboard?.writeText(location.href);
    this.copy.textContent = "Copied";
    setTimeout(() => { this.copy.textContent = "Copy link"; }, 2000);
  }

  // Keys ------------------------------------------------------------------------------------

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.matches("select, input")) return;
    const number = Number(event.key);
    const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1 }[event.key];
    const chosen = number >= 1 ? this.list.querySelectorAll("button")[number - 1] : null;
    if (!chosen && to === undefined) return;
    event.preventDefault();
    if (chosen) chosen.click();
    else if (to >= 0 && to <= this.steps.length) this.go(to);
  }

  // Drawing ---------------------------------------------------------------------------------

  draw(found, { moved, speak, focus }) {
    this.shown = found;
    this.shownWidth = this.width;
    this.done ||= found.goal.reached;
    const hint = this.done ? "" : found.hint;
    this.hint.textContent = hint;
    this.hint.hidden = !hint;
    this.drawMoney(found.money);
    this.drawBoard(found);
    this.drawList(found.groups);
    this.drawCode(found);
    this.drawBar(found);
    this.trouble.textContent = found.trouble;
    if (speak) this.live.textContent = found.said;
    if (focus) this.heading.focus({ preventScroll: true });
    if (moved) this.follow(found.moved);
  }

  drawMoney({ owed, paid, words, broken, good }) {
    this.money.className = `play-money${broken ? " broken" : ""}${good ? " good" : ""}`;
    const sums = make("dl");
    for (const [name, sum] of [["owed", owed], ["paid", paid]]) {
      const pair = make("div");
      pair.append(make("dt", "", name), make("dd", "", String(sum)));
      sums.append(pair);
    }
    this.money.replaceChildren(sums, make("p", "", words));
  }

  drawBoard(found) {
    const paper = make("div", "play-paper");
    paper.innerHTML = found.svg;
    for (const chip of found.chips) paper.append(this.chip(chip));
    for (const point of found.points) {
      const flash = this.act(point, "play-flash", icons.flash);
      place(flash, point.at);
      paper.append(flash);
    }
    const feet = make("div", "play-feet", "", { "aria-hidden": "true" });
    const room = Math.min(...found.feet.map(({ x }, n) => x - (found.feet[n - 1]?.x ?? -100)));
    for (const foot of found.feet) feet.append(this.foot(foot, room));
    const whole = make("div", "play-whole");
    whole.append(paper, feet);
    whole.style.minWidth = `${LEAST_SCALE * paper.firstElementChild.viewBox.baseVal.width}px`;
    this.whole.classList.toggle("many", found.feet.length > 3);
    this.board.replaceChildren(whole);
    this.board.tabIndex = this.board.scrollWidth > this.board.clientWidth ? 0 : -1;
    this.paper = paper;
  }

  chip({ at, side, kind, copy, down, buttons, name }) {
    const chip = make("div", `play-chip ${kind} ${side}${copy ? " copy" : ""}${down ? " down" : ""}`, "",
      { "aria-hidden": "true", title: name });
    chip.style.top = `${at[1]}%`;
    chip.style[side === "right" ? "left" : "right"] = `${side === "right" ? at[0] : 100 - at[0]}%`;
    for (const one of buttons) chip.append(this.act(one, one.word === "Deliver" ? "deliver" : ""));
    return chip;
  }

  foot({ x, state, buttons }, room) {
    const foot = make("div", "play-foot");
    foot.style.left = `${x}%`;
    foot.style.maxWidth = `${room}%`;
    foot.append(make("span", "", state), ...buttons.map((one) => this.act(one, "")));
    return foot;
  }

  /** A button on the picture; the list has the same for those who do not see or point. */
  act({ step, word, name, fault }, kind, icon) {
    const made = button(icon ? name : word, `${kind}${fault ? " fault" : ""}`, () => this.press(step), icon);
    made.tabIndex = -1;
    made.title = name;
    made.dataset.step = step;
    made.setAttribute("aria-hidden", "true");
    const light = (on) => () => this.code.querySelector(`[data-point="${step}"]`)?.classList.toggle("light", on);
    made.addEventListener("pointerenter", light(true));
    made.addEventListener("pointerleave", light(false));
    return made;
  }

  drawList(groups) {
    let number = 0;
    this.list.replaceChildren(...groups.map(({ says, buttons }) => {
      const group = make("div", "play-group");
      const row = make("div", "play-row");
      for (const { step, word, name, fault } of buttons) {
        const made = button("", fault ? "fault" : "", () => this.press(step));
        number += 1;
        if (number < 10) made.append(make("kbd", "", String(number), { "aria-hidden": "true" }));
        made.append(word);
        if (name !== word) made.append(make("span", "play-live", name.slice(word.length)));
        made.dataset.step = step;
        row.append(made);
      }
      group.append(make("p", "", says), row);
      return group;
    }));
  }

  drawCode({ code }) {
    this.code.hidden = !code;
    if (!code) return;
    const pre = make("div", "play-lines", "", { role: "group", "aria-label": `What the ${code.who} runs`, tabindex: "0" });
    const steps = Object.fromEntries(this.shown.points.map((point) => [point.step, point]));
    for (const line of code.lines) {
      const row = make("code", `${line.ran ? "ran" : ""}${line.crashed ? " crashed" : ""}`);
      if (line.point && steps[line.point]) {
        row.dataset.point = line.point;
        row.append(this.act(steps[line.point], "play-flash", icons.flash));
      }
      row.append(make("span", "", line.text || " "));
      if (line.crashed) row.title = "crashed before this line";
      pre.append(row);
    }
    this.code.replaceChildren(make("p", "play-about", code.about), pre);
  }

  drawBar({ names }) {
    if (this.at === names.length) this.names = [...names, ...(this.names ?? []).slice(names.length)];
    const last = names.at(-1);
    const words = this.at ? `Step ${this.at} of ${this.steps.length}: ${last}` : "The beginning";
    this.scrub.max = this.steps.length;
    this.scrub.value = this.at;
    if (this.steps.length === 0) this.scrub.remove();  // there is nothing to move along
    else if (!this.scrub.isConnected) this.rail.append(this.scrub);
    this.scrub.setAttribute("aria-valuetext", words);
    this.caption.textContent = words;
    this.back.disabled = this.restart.disabled = this.at === 0;
    this.forward.disabled = this.at === this.steps.length;
  }

  /** Say how it stands with the goal, and how far others came. */
  async judge(found) {
    const { goal, values, width } = this;
    const built = await this.built(width);
    const key = JSON.stringify([goal, values]);
    this.scores ??= new Map();
    if (built?.scores[goal]) this.scores.set(key, built.scores[goal]);
    const score = this.scores.get(key);
    const { reached, words } = found.goal;
    let said = words;
    if (score && reached) said += ` ${this.at <= score.shortest ? score.best : score.longer}`;
    else if (score && !words) said = score.ask;
    if (!this.running) this.verdict.textContent = said;
    const { next } = found;
    this.next.hidden = !next || !(reached || score?.shortest === null);
    if (next) this.next.textContent = next.words;
  }

  /** Let the packet of the last step be seen on its way, and keep the present in sight. */
  follow(moved) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const foot = this.board.querySelector(".play-feet");
    if (foot.getBoundingClientRect().bottom > innerHeight)
      foot.scrollIntoView({ block: "end", behavior: calm ? "auto" : "smooth" });
    this.board.querySelector(".play-chip")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!moved || calm) return;
    const dot = make("span", `play-dot ${moved.kind}`, "", { "aria-hidden": "true" });
    this.paper.append(dot);
    const at = ([x, y]) => ({ left: `${x}%`, top: `${y}%` });
    const run = dot.animate([at(moved.from), at(moved.to)], { duration: MOVE_MS, easing: "ease-in" });
    run.onfinish = () => dot.remove();
  }
}

// Small parts ---------------------------------------------------------------------------------

const drawing = (d) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${d}" fill="currentColor"/></svg>`;
const icons = {
  start: drawing("M3 3h2v10H3zM13 3v10L6 8z"),
  back: drawing("M11 3v10L4 8z"),
  forward: drawing("M5 3v10l7-5z"),
  flash: drawing("M9.5 1 3.5 9H7l-1 6 6.5-8.5H9z"),
};

function make(tag, kind = "", text = "", attributes = {}) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function button(name, kind, pressed, icon) {
  const made = make("button", kind.trim(), icon ? "" : name, { type: "button" });
  if (icon) {
    made.innerHTML = icon;
    made.setAttribute("aria-label", name);
    made.title = name;
  }
  made.addEventListener("click", pressed);
  return made;
}

function place(element, [x, y]) {
  element.style.left = `${x}%`;
  element.style.top = `${y}%`;
}

// In a notebook the same playground asks a kernel.
export default {
  render({ model, el }) {
    const waiting = new Map();
    let last = 0;
    model.on("msg:custom", ({ id, value, error }) => {
      const { resolve, reject } = waiting.get(id) ?? {};
      waiting.delete(id);
      if (error) reject?.(Object.assign(new Error(error.message), { name: error.kind }));
      else resolve?.(value);
    });
    const call = (name, args, { signal } = {}) => new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        waiting.delete(id);
        reject(Object.assign(new Error("You stopped the run."), { name: "Stopped" }));
      });
      model.send({ id, name: name.slice(ROOM.length), args });
    });
    const place = make("div", "playground");
    el.append(place);
    mount(place, model.get("data"), { call, links: false });
  },
};
