// The search page: the sections that have all the words, the best first, with the words marked.
"use strict";

const SHOWN_MAX = 30;
const AROUND = 90;  // characters shown on either side of a word
const form = document.querySelector(".search-form");
const results = document.getElementById("search-results");
const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const starting = (word) => new RegExp(`(?<![\\p{L}\\p{N}])${escaped(word)}`, "giu");
const count = (text, word) => text.match(starting(word))?.length ?? 0;

/** How well a section fits: a word in its title counts most; 0 unless it has every word. */
const score = ({ title, text }, words) => {
  const each = words.map((word) => 20 * Math.min(count(title, word), 1) + Math.min(count(text, word), 5));
  return each.includes(0) ? 0 : each.reduce((sum, one) => sum + one);
};

/** Fill an element with a text whose words are marked. */
const mark = (element, text, words) => {
  const parts = text.split(new RegExp(`((?<![\\p{L}\\p{N}])(?:${words.map(escaped).join("|")}))`, "iu"));
  element.append(...parts.map((part, i) => {
    if (i % 2 === 0) return part;
    const marked = document.createElement("mark");
    marked.textContent = part;
    return marked;
  }));
  return element;
};

/** What stands around the first word that the text has. */
const around = (text, words) => {
  const at = Math.max(0, Math.min(...words.map((word) => text.search(starting(word))).filter((i) => i >= 0)));
  const from = at > AROUND ? text.indexOf(" ", at - AROUND) + 1 : 0;
  return `${from ? "… " : ""}${text.slice(from, at + AROUND)}${text.length > at + AROUND ? " …" : ""}`;
};

/** A link to the section, by which the browser marks a few words of it. */
const address = ({ page, id, text }, words) => {
  const at = words.map((word) => text.search(starting(word))).find((i) => i >= 0);
  const phrase = at === undefined ? "" : text.slice(at).match(/^\S+(?: \S+){0,2}/u)[0];
  const directive = phrase && `:~:text=${encodeURIComponent(phrase).replaceAll("-", "%2D")}`;
  return `${page}.html#${id}${directive}`;
};

const entry = (section, words) => {
  const link = document.createElement("a");
  link.href = address(section, words);
  mark(link, section.title, words);
  const where = document.createElement("span");
  where.className = "context";
  where.textContent = section.title === section.chapter ? "" : ` · ${section.chapter}`;
  const context = document.createElement("p");
  context.className = "context";
  const item = document.createElement("li");
  item.append(link, where, mark(context, around(section.text, words), words));
  return item;
};

const search = (asked) => {
  const words = asked.trim().split(/\s+/u).filter(Boolean);
  results.replaceChildren();
  if (words.length === 0) return;
  const found = sections
    .map((fields) => Object.fromEntries(["page", "id", "chapter", "title", "text"].map((name, i) => [name, fields[i]])))
    .map((section) => ({ section, fits: score(section, words) }))
    .filter(({ fits }) => fits)
    .sort((a, b) => b.fits - a.fits);
  const said = document.createElement("p");
  said.textContent = found.length === 0 ? `No section has “${asked}”.`
    : `${found.length} ${found.length === 1 ? "section" : "sections"}${found.length > SHOWN_MAX ? `, of which the best ${SHOWN_MAX}` : ""}`;
  const list = document.createElement("ol");
  list.className = "search";
  list.append(...found.slice(0, SHOWN_MAX).map(({ section }) => entry(section, words)));
  results.append(said, list);
};

// The sections are many: they are fetched when something is looked for.
const asked = new URLSearchParams(location.search).get("q") ?? "";
form.elements.q.value = asked;
if (asked) {
  const script = document.createElement("script");
  script.src = new URL("sections.js", document.currentScript.src);
  script.onload = () => search(asked);
  script.onerror = () => results.replaceChildren("The search could not be loaded. Reload the page to try again.");
  document.head.append(script);
}
