// A receiver of the reader's own: an editor, and the playground of what stands in it.
//
// Code that a link brings is shown and not run: whoever opens it reads it first, then plays it.

import { button, edit, keeper, part } from "./exercise.js";
import { mount } from "./play.js";
import { call } from "./python.js";

const element = document.querySelector("[data-own-game]");
if (element) begin(element, JSON.parse(element.dataset.ownGame));

function begin(element, data) {
  const code = element.querySelector(".exercise-start");
  const start = data.settings[0].values[0];
  const kept = keeper("own-game");
  const open = button("Write your own here");
  code.after(open);
  open.addEventListener("click", () => write(kept.get() ?? start));
  const brought = linked(data);
  if (brought) write(brought, "This link brings code that somebody wrote. Read it, then play it.");

  async function write(text, said = "") {
    const place = part("div", "exercise-editor");
    const changed = (now) => kept.set(now === start ? null : now);
    code.replaceWith(place);
    open.remove();
    const options = { code: text, label: "Your bank", changed, check: () => played.play() };
    const editor = await edit(place, options);
    const played = controls(element, place, data, editor);
    played.says(said);
    if (!said) editor.focus();
  }
}

/** Return the code that the address brings, or "". */
function linked(data) {
  const [game, , code] = location.hash.slice(1).split("/").map(decodeURIComponent);
  return game === data.game && code ? code : "";
}

function controls(element, place, data, editor) {
  const bar = part("div", "exercise-bar");
  const go = button("Play it");
  const again = button("Start again");
  const said = part("p", "exercise-keys");
  said.setAttribute("role", "status");
  const board = part("div", "playground");
  bar.append(go, again, said);
  place.after(bar);
  let play = null;
  const whole = {
    says(words) { said.textContent = words; },
    async play() {
      const code = editor.get();
      whole.says("");
      if (play) return play.choose("bank", code);
      if (linked(data) !== code) history.replaceState(null, "", "#");
      bar.after(board);
      const [setting] = data.settings;
      const own = { ...data, settings: [{ ...setting, values: [code] }] };
      play = mount(board, own, { call, links: true });
    },
  };
  go.addEventListener("click", whole.play);
  again.addEventListener("click", () => {
    editor.set(data.settings[0].values[0]);
    editor.focus();
  });
  return whole;
}
