// Wakes the panels: each slider shows the frame that was stored for its position.
(() => {
  const wake = (panel) => {
    const inputs = [...panel.querySelectorAll("input[type=range]")];
    const frames = [...panel.querySelectorAll(".panel-frame")];
    const shows = panel.dataset.frames.split(" ");
    const say = panel.querySelector("[role=status]");
    const texts = inputs.map((input) => JSON.parse(input.dataset.texts));
    const move = () => {
      let position = 0;
      inputs.forEach((input, i) => {
        position = position * texts[i].length + input.valueAsNumber;
        const text = texts[i][input.valueAsNumber];
        input.setAttribute("aria-valuetext", text);
        panel.querySelector(`output[for="${input.id}"]`).textContent = text;
      });
      frames.forEach((frame, i) => { frame.hidden = i !== Number(shows[position]); });
    };
    for (const input of inputs) {
      input.hidden = false;
      input.addEventListener("input", move);
      input.addEventListener("change", () => {
        say.textContent = panel.querySelector(".panel-frame:not([hidden]) .panel-sentence").textContent;
      });
    }
    move();
  };
  const start = () => document.querySelectorAll("figure.panel").forEach(wake);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
