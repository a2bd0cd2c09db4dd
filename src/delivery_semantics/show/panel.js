// Wakes the panels: each slider shows the frame that was stored for its position.
(() => {
  // What a frame shows: a template's content; of a frame on the page a copy, before it changes.
  const contentOf = (frame) => {
    if (frame.content) return frame.content;
    const content = new DocumentFragment();
    content.append(...frame.cloneNode(true).childNodes);
    return content;
  };
  const wake = (panel) => {
    const inputs = [...panel.querySelectorAll("input[type=range]")];
    const frames = [...panel.querySelectorAll(".panel-frame, template")];
    const stage = frames.find((frame) => !frame.content && !frame.hidden);
    const contents = frames.map(contentOf);
    const shows = panel.dataset.frames.split(" ");
    const say = panel.querySelector("[role=status]");
    const texts = inputs.map((input) => JSON.parse(input.dataset.texts));
    let shown = frames.indexOf(stage);
    const move = () => {
      let position = 0;
      inputs.forEach((input, i) => {
        position = position * texts[i].length + input.valueAsNumber;
        const text = texts[i][input.valueAsNumber];
        input.setAttribute("aria-valuetext", text);
        panel.querySelector(`output[for="${input.id}"]`).textContent = text;
      });
      if (Number(shows[position]) === shown) return;
      shown = Number(shows[position]);
      stage.replaceChildren(contents[shown].cloneNode(true));
    };
    for (const input of inputs) {
      input.hidden = false;
      input.addEventListener("input", move);
      input.addEventListener("change", () => {
        say.textContent = stage.querySelector(".panel-sentence").textContent;
      });
    }
    move();
  };
  const start = () => document.querySelectorAll("figure.panel").forEach(wake);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
