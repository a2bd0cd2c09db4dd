// The worker behind python.js: fetches Python's files, starts it, and answers one call at a time.

import { FILES, LOCK } from "./python/files.js";

const FOLDER = new URL("python/", import.meta.url).href;
const CACHE = "python-in-the-page";
const HOME = "/home/package";  // where the package is unpacked
const TYPES = { mjs: "text/javascript", wasm: "application/wasm" };

let loaded = 0;

const starting = start();
starting.then(
  () => postMessage({ ready: true }),
  ({ message }) => postMessage({ failed: `could not be started: ${message}` }),
);

self.onmessage = async ({ data: { name, args } }) => {
  const answer = await starting.catch(() => {});
  try {
    if (answer) postMessage({ answer: answer(name, JSON.stringify(args)) });
  } catch ({ message }) {  // the interpreter itself, such as a stack that overflowed
    postMessage({ failed: `broke off: ${message}` });
  }
};

/** Fetch everything, start Python, and return the package's function that answers calls. */
async function start() {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  const files = Object.fromEntries(await Promise.all(
    Object.keys(FILES).map(async (name) => [name, await fetched(name, cache)]),
  ));
  serve(files);
  const [{ loadPyodide }, { default: createPyodideModule }, archive] = await Promise.all([
    module(files["pyodide.mjs"]),
    module(files["pyodide.asm.mjs"]),
    files["package.zip"].arrayBuffer(),
  ]);
  const pyodide = await loadPyodide({
    indexURL: FOLDER, packageBaseUrl: FOLDER, lockFileContents: LOCK, createPyodideModule,
  });
  await forget(cache);
  pyodide.unpackArchive(archive, "zip", { extractDir: HOME });
  pyodide.runPython(`import sys; sys.path.insert(0, "${HOME}")`);
  return pyodide.pyimport("delivery_semantics.play.calls").answer;
}

/** Return a file as a response of its own kind: from the cache of this site, else fetched. */
async function fetched(name, cache) {
  const address = FOLDER + FILES[name].path;
  let response = await cache?.match(address);
  if (!response) {
    response = await fetch(address);
    if (!response.ok) throw new Error(`${FILES[name].path}: ${response.status} ${response.statusText}`);
    // A full disk is no reason not to go on.
    cache?.put(address, response.clone()).catch(() => {});
  }
  const counted = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      postMessage({ loaded });
      controller.enqueue(chunk);
    },
  });
  const body = response.body.pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
  return new Response(body, { headers: { "Content-Type": TYPES[name.split(".").pop()] ?? "" } });
}

/** Let the interpreter's loader fetch what is here already. */
function serve(files) {
  const outside = self.fetch;
  self.fetch = (address, options) => {
    const name = String(address).replace(FOLDER, "");
    return name in files ? Promise.resolve(files[name]) : outside(address, options);
  };
}

async function module(response) {
  const address = URL.createObjectURL(await response.blob());
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Remove what an earlier version of the site left in the cache. */
async function forget(cache) {
  const kept = new Set(Object.values(FILES).map((file) => FOLDER + file.path));
  const held = (await cache?.keys()) ?? [];
  await Promise.all(held.filter(({ url }) => url.startsWith(FOLDER) && !kept.has(url)).map((one) => cache.delete(one)));
}
