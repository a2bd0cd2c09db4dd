// What the page does beyond HTML: light and dark, copying code, the section being read, wide boxes.
"use strict";

// Light and dark: the first visit follows the system, the button decides for the visits after it.
const root = document.documentElement;
const themeSwitch = document.querySelector(".theme-switch-button");
const showTheme = (theme) => {
  root.dataset.theme = theme;
  themeSwitch.setAttribute("aria-pressed", theme === "dark");
};
showTheme(root.dataset.theme);
themeSwitch.hidden = false;
themeSwitch.addEventListener("click", () => {
  showTheme(root.dataset.theme === "dark" ? "light" : "dark");
  localStorage.setItem("theme", root.dataset.theme);
});

// From a file a browser loads no module, and so no Python: what needs it says so.
if (location.protocol === "file:") {
  root.classList.add("from-file");
  const told = "<p>Python cannot run in a page opened from a file: run <code>make serve</code>, and open the address that it prints.</p>";
  document.querySelectorAll("article :is(.play-first, .exercise-start)").forEach((still) => still.insertAdjacentHTML("afterend", told));
}

// A slash goes to the search field.
document.addEventListener("keydown", (event) => {
  const field = document.querySelector('input[type="search"]');
  if (event.key !== "/" || event.target.closest("input") || !field.offsetParent) return;
  event.preventDefault();
  field.focus();
});

// Each code cell can be copied, where the browser allows it.
if (navigator.clipboard) {
  for (const code of document.querySelectorAll("article .highlight:not(.cell_output .highlight)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy-button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.querySelector("pre").innerText);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    code.append(button);
  }
}

// A box that scrolls sideways can be reached and scrolled by keyboard; one that does not is no stop.
const boxes = new ResizeObserver((entries) => {
  const scrolls = entries.map(({ target }) => target.scrollWidth > target.clientWidth);
  entries.forEach(({ target }, i) => (scrolls[i] ? (target.tabIndex = 0) : target.removeAttribute("tabindex")));
});
document.querySelectorAll("article :is(pre, .scroll, .panel-scroll, .output, .play-first, div.math)").forEach((box) => boxes.observe(box));

// The list of chapters shows which section is being read.
const links = new Map(
  [...document.querySelectorAll('.site-nav ul ul a[href^="#"]')].map((link) => [link.hash.slice(1), link]),
);
const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
const follow = () => {
  const line = window.innerHeight / 3;
  const here = headings.findLast((heading) => heading.getBoundingClientRect().top < line);
  for (const [id, link] of links) {
    if (here && id === here.id) link.setAttribute("aria-current", "location");
    else link.removeAttribute("aria-current");
  }
};
if (headings.length) {
  requestAnimationFrame(follow);
  document.addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });
}

// Choosing a section closes the list of chapters on a phone. Paper shows what is folded, but not how
// it was run: code is on paper where the reader has unfolded it, and where the text needs it.
document.querySelector(".site-nav").addEventListener("click", (event) => {
  const nav = event.currentTarget;
  if (event.target.closest("a") && nav.matches(":popover-open")) nav.hidePopover();
});
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not(.hide), .tag_print > details").forEach((details) => (details.open = true));
});
