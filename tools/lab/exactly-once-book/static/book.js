// Shows the book's directives in JupyterLab: before a markdown cell is drawn, each becomes
// markdown that JupyterLab knows. What cannot be shown stays as it is written.
(() => {
  const MARKDOWN = "text/markdown";
  const DIRECTIVE = /^(`{3,})\{([\w-]+)\} *(.*)\n((?::.*\n)*)([^]*?)^\1 *$/gm;
  const OPTION = /^:([\w-]+): *(.*)$/gm;
  const TARGET = /^\(([\w-]+)\)=$/gm;
  const LINK = /\[([^\]\n]*)\]\(((?:[\w-]+\/|\.\.\/)*)([\w-]+)\)/g;
  const STYLE = `
    .jp-RenderedHTMLCommon .admonition {
      margin: 0 0 1em; padding: .5em 1em; border-left: 4px solid var(--jp-brand-color1);
      background: var(--jp-layout-color2);
    }
    .jp-RenderedHTMLCommon .admonition-title { margin-bottom: .5em; font-weight: bold; }
    .jp-RenderedHTMLCommon summary.admonition-title { margin: 0; cursor: pointer; }
    .jp-RenderedHTMLCommon .admonition > :last-child { margin-bottom: 0; }`;

  const depth = (line) => line.search(/\S/);

  // The lines of a class, function or method (Name or Name.method), decorators included.
  const definition = (lines, name) => {
    let [start, end] = [0, lines.length];
    for (const part of name.split(".")) {
      const head = new RegExp(`^\\s*(async def|def|class) ${part}\\b`);
      start = lines.findIndex((line, i) => start <= i && i < end && head.test(line));
      if (start < 0) throw new Error(`no ${name}`);
      const over = (line, i) => i > start && line.trim() && depth(line) <= depth(lines[start])
        && !line.trim().startsWith(")");
      const next = lines.findIndex(over);
      end = Math.min(end, next < 0 ? end : next);
    }
    while (start && lines[start - 1].trim().startsWith("@")) start -= 1;
    return lines.slice(start, end);
  };

  const selected = (text, options) => {
    const lines = text.split("\n");
    if (options.pyobject) return definition(lines, options.pyobject);
    if (!options["start-at"]) return lines;
    const start = lines.findIndex((line) => line.includes(options["start-at"]));
    const end = lines.findIndex((line, i) => i >= start && line.includes(options["end-at"]));
    return lines.slice(start, end + 1);
  };

  // Replaces each match by what the asynchronous `by` makes of it, or leaves it.
  const replace = async (text, pattern, by) => {
    const matches = [...text.matchAll(pattern)];
    const parts = await Promise.all(matches.map((match) => by(...match).catch(() => match[0])));
    return text.replace(pattern, () => parts.shift());
  };

  // The plugin's work on one cell; `read` gives a file or a folder beside the notebook.
  const translate = (source, read) => {
    const directives = {
      async literalinclude(path, options) {
        const lines = selected((await read(path)).content, options);
        const code = lines.map((line) => line.slice(options.dedent ?? 0)).join("\n").trimEnd();
        return `~~~~${options.language}\n${code}\n~~~~`;
      },
      async admonition(title, options, body) {
        const folded = options.class === "dropdown";
        const [box, head] = folded ? ["details", "summary"] : ["div", "p"];
        const name = `<${head} class="admonition-title">${title}</${head}>`;
        const within = await replace(body, DIRECTIVE, directive);
        return `<${box} class="admonition ${options.class}">${name}\n\n${within}\n\n</${box}>`;
      },
    };
    const directive = async (all, fence, name, argument, options, body) => {
      const pairs = [...options.matchAll(OPTION)].map(([, key, value]) => [key, value]);
      return directives[name](argument, Object.fromEntries(pairs), body);
    };
    const link = async (all, text, folder, name) => {
      const files = (await read(folder || ".")).content.map((file) => file.name);
      const file = [`${name}.ipynb`, `${name}.md`].find((one) => files.includes(one));
      if (!file) return `[${text}](#${name})`;
      const page = text ? null : (await read(folder + file)).content;
      const first = page?.cells?.[0].source ?? page;
      return `[${text || first.match(/^# (.*)$/m)[1]}](${folder}${file})`;
    };
    return replace(source, DIRECTIVE, directive)
      .then((text) => replace(text, LINK, link))
      .then((text) => text.replace(TARGET, '<a id="$1"></a>\n'));
  };

  const activate = (app, registry) => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
    const factory = registry.getFactory(MARKDOWN);
    const createRenderer = (options) => {
      const renderer = factory.createRenderer(options);
      const draw = renderer.renderModel.bind(renderer);
      const read = async (path) => {
        const place = await options.resolver.resolveUrl(path);
        return app.serviceManager.contents.get(decodeURIComponent(place));
      };
      renderer.renderModel = async (model) => {
        const { data, metadata, trusted } = model;
        const text = await translate(String(data[MARKDOWN]), read);
        return draw({ metadata, trusted, data: { ...data, [MARKDOWN]: text } });
      };
      return renderer;
    };
    registry.addFactory({ ...factory, createRenderer });
  };

  // A module federation container, as JupyterLab loads its extensions; written by hand, for
  // there is nothing to bundle.
  let shared;
  const extension = async () => {
    const versions = Object.values(shared["@jupyterlab/rendermime"]);
    const { IRenderMimeRegistry } = (await versions[0].get())();
    const id = "exactly-once-book:directives";
    return () => ({ id, autoStart: true, requires: [IRenderMimeRegistry], activate });
  };
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["exactly-once-book"] = { init: (scope) => { shared = scope; }, get: extension };
})();
