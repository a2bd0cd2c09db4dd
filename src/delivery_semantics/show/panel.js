// Wakes the panels: each control shows the frame that was stored for its position.
(() => {
  const CHOICES_MAX = 12;
  const UNREACHED = "This picture could not be fetched. Move the control again.";
  const NUMBER = /^[-−\d.,]+(\u00a0|$)/;

  // What a frame shows: a template's content; of a frame on the page a copy, before it changes.
  const contentOf = (frame) => {
    if (frame.content) return frame.content;
    const content = new DocumentFragment();
    content.append(...frame.cloneNode(true).childNodes);
    return content;
  };

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // On a published page a panel's templates come empty: a script of its own has what fills them.
  const fill = (panel, templates) =>
    new Promise((resolve, reject) => {
      const script = made("script", { src: panel.dataset.rest, onerror: reject });
      script.onload = () => resolve(templates.forEach((one, i) => (one.innerHTML = script.frames[i])));
      panel.append(script);
    });

  // Asks at most once, and again after it could not be had.
  const filled = (panel, templates) => {
    let asked = templates.length ? null : Promise.resolve();
    return () => (asked ??= fill(panel, templates).catch((error) => {
      asked = null;
      throw error;
    }));
  };

  // Numbers are chosen with a slider that has a tick for each.
  const slider = (input, texts) => {
    const output = input.parentElement.querySelector("output");
    const ticks = made("datalist", { id: `${input.id}-ticks` });
    ticks.append(...texts.map((_, i) => made("option", { value: String(i) })));
    input.after(ticks);
    input.setAttribute("list", ticks.id);
    input.hidden = false;
    return {
      texts,
      at: () => input.valueAsNumber,
      to: (i) => (input.value = String(i)),
      tell: (text) => {
        input.setAttribute("aria-valuetext", text);
        output.textContent = text;
      },
    };
  };

  // Words are chosen with radio buttons, which show all that can be chosen.
  const choices = (input, texts) => {
    const control = input.parentElement;
    const start = input.valueAsNumber;
    const buttons = texts.map((text, i) =>
      made("input", { type: "radio", name: input.id, id: `${input.id}-${i}`, checked: i === start, autocomplete: "off" }),
    );
    const labels = texts.map((text, i) => made("label", { className: "panel-choice" }, buttons[i], made("span", {}, text)));
    const legend = made("legend", {}, control.querySelector("label").textContent);
    control.replaceChildren(made("fieldset", {}, legend, ...labels));
    control.classList.add("panel-words-control");
    return {
      texts,
      at: () => buttons.findIndex((button) => button.checked),
      to: (i) => (buttons[i].checked = true),
      tell: () => {},
    };
  };

  const knobOf = (input) => {
    const texts = JSON.parse(input.dataset.texts);
    const words = texts.length <= CHOICES_MAX && !texts.every((text) => NUMBER.test(text));
    return (words ? choices : slider)(input, texts);
  };

  // The state of a panel stands in the page's address: its name, and the texts of its knobs.
  const nameOf = (panel) =>
    panel.querySelector(".panel-title").firstChild.textContent.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
  const recall = (name, knobs) => {
    const texts = new URLSearchParams(location.search).get(name)?.split("|") ?? [];
    const places = knobs.map(({ texts: known }, i) => known.indexOf(texts[i]));
    if (places.some((place) => place < 0)) return;
    knobs.forEach((knob, i) => knob.to(places[i]));
  };
  const remember = (name, knobs) => {
    const url = new URL(location.href);
    url.searchParams.set(name, knobs.map((knob) => knob.texts[knob.at()]).join("|"));
    url.hash = `panel-${name}`;
    history.replaceState(history.state, "", url);
  };

  // All frames have one height and one layout, so that nothing below them jumps.
  const settle = (stage, contents) => {
    const probe = made("div", { className: "panel-frame panel-probe", inert: true });
    probe.style.width = `${stage.clientWidth}px`;
    stage.after(probe);
    const heights = () =>
      contents.map((content) => {
        probe.replaceChildren(content.cloneNode(true));
        for (const element of probe.querySelectorAll("[id]")) element.removeAttribute("id");
        const [pictures, words] = probe.children;
        return [probe.offsetHeight, words.offsetTop >= pictures.offsetTop + pictures.offsetHeight];
      });
    probe.classList.remove("panel-stacked");
    const stacked = heights().some(([, below]) => below);
    for (const frame of [probe, stage]) frame.classList.toggle("panel-stacked", stacked);
    stage.style.minHeight = `${Math.max(...heights().map(([height]) => height))}px`;
    probe.remove();
  };

  const wake = (panel) => {
    const knobs = [...panel.querySelectorAll("input[type=range]")].map(knobOf);
    const frames = [...panel.querySelectorAll(".panel-frame, template")];
    const stage = frames.find((frame) => !frame.content && !frame.hidden);
    const contents = frames.map(contentOf);
    const ready = filled(panel, frames.filter((frame) => frame.content));
    const shows = panel.dataset.frames.split(" ");
    const say = panel.querySelector("[role=status]");
    const name = nameOf(panel);
    panel.id = `panel-${name}`;
    let shown = frames.indexOf(stage);
    const move = async () => {
      let position = 0;
      for (const knob of knobs) {
        position = position * knob.texts.length + knob.at();
        knob.tell(knob.texts[knob.at()]);
      }
      if (Number(shows[position]) === shown) return;
      const asked = (shown = Number(shows[position]));
      stage.setAttribute("aria-busy", "true");
      const content = await ready().then(
        () => contents[asked].cloneNode(true),
        () => made("p", { className: "panel-sentence" }, UNREACHED),
      );
      if (shown === asked) stage.replaceChildren(content);
      stage.removeAttribute("aria-busy");
    };
    const controls = panel.querySelector(".panel-controls");
    let moving = null;
    controls.addEventListener("input", () => (moving = move()));
    controls.addEventListener("change", async () => {
      remember(name, knobs);
      await moving;
      say.textContent = stage.querySelector(".panel-sentence").textContent;
    });
    recall(name, knobs);
    move();
    let width = 0;
    const near = new IntersectionObserver(
      async ([entry]) => {
        if (!entry.isIntersecting || stage.clientWidth === width) return;
        width = stage.clientWidth;
        await ready().then(() => settle(stage, contents), () => {});
      },
      { rootMargin: "600px" },
    );
    new ResizeObserver(() => {
      near.unobserve(panel);
      near.observe(panel);
    }).observe(panel);
    if (location.hash === `#${panel.id}`) panel.scrollIntoView();
  };

  const start = () => document.querySelectorAll("figure.panel").forEach(wake);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
