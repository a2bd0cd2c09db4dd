// The editor of the exercises: CodeMirror 6 with what Python code needs, and no more.
// `make editor` bundles it, with the packages of package-lock.json, into _static/editor.js.
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// The colours are the page's own, so they follow light and dark.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.self], color: "var(--eo-message)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--eo-good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--eo-accent)" },
  { tag: tags.comment, color: "var(--eo-muted)" },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)], fontWeight: "600" },
]);

/** Make an editor in `parent`; `changed` hears what stands in it, `check` is Ctrl-Enter. */
export function edit(parent, { code, label, changed, check }) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        lineNumbers(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        python(),
        syntaxHighlighting(colours),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && changed(view.state.doc.toString())),
        keymap.of([
          { key: "Mod-Enter", run: () => (check(), true) },
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          indentWithTab, // Esc, then Tab, leaves: the editor's own way out
        ]),
      ],
    }),
  });
  return {
    get: () => view.state.doc.toString(),
    set: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    /** Put the cursor into a line, counted from 1. */
    goTo: (line) => {
      const at = view.state.doc.line(Math.min(line, view.state.doc.lines));
      view.dispatch({ selection: { anchor: at.from }, scrollIntoView: true });
    },
  };
}
