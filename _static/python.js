// Python in the page: the tested package itself, in a Web Worker, from the site's own files.
//
// Nothing is fetched before the first call. One call runs at a time and the others wait, so
// that each answer is that of a run undisturbed. A run that is stopped takes its worker with
// it; whoever still waits is answered by a new one.

import { FILES, MISSING } from "./python/files.js";

const WORKER = new URL("python-worker.js", import.meta.url);

/** An exception of Python's, or why there was no answer: Stopped, Unavailable. */
export class PythonError extends Error {
  /** @param {{kind: string, message: string, line?: number | null}} said */
  constructor({ kind, message, line = null }) {
    super(message);
    this.name = kind;
    Object.assign(this, { kind, line });
  }
}

/** Whether Python can be had here, and if not, why: {ok, why}. Fetches nothing. */
export function available() {
  const why = whyNot();
  return { ok: why === "", why };
}

function whyNot() {
  if (MISSING) return MISSING;
  const needed = { WebAssembly: "WebAssembly", Worker: "workers",
                   DecompressionStream: "compressed streams" };
  const lacks = Object.keys(needed).filter((name) => !(name in globalThis));
  return lacks.length === 0 ? ""
    : `Python cannot run in this browser: it lacks ${lacks.map((name) => needed[name]).join(", ")}.`;
}

const waiting = [];  // calls in order; the first one is with the worker
let worker = null;
let progress = { text: "", loaded: 0, total: 0 };

/**
 * Call a function of the package by name, with JSON as keyword arguments.
 *
 * @param {string} name "delivery_semantics.play.MODULE:FUNCTION"
 * @param {object} args
 * @param {{onProgress?: (progress: {text: string, loaded: number, total: number}) => void,
 *          signal?: AbortSignal}} options onProgress: a line to show, empty when Python is ready
 * @returns {Promise<any>} rejects with a PythonError
 */
export function call(name, args = {}, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const { ok, why } = available();
    if (!ok) return reject(new PythonError({ kind: "Unavailable", message: why }));
    if (signal?.aborted) return reject(stopped());
    const asked = { name, args, onProgress, resolve, reject };
    const stop = () => { leave(asked); reject(stopped()); };
    asked.done = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop, { once: true });
    waiting.push(asked);
    if (worker) onProgress(progress);
    if (waiting.length === 1) next();
  });
}

const stopped = () => new PythonError({ kind: "Stopped", message: "You stopped the run." });

/** Give the first call to the worker, which is started if there is none. */
function next() {
  if (waiting.length === 0) return;
  worker ??= start();
  worker.postMessage({ name: waiting[0].name, args: waiting[0].args });
}

/** Take a stopped call out of the row; the one that runs ends with its worker. */
function leave(asked) {
  const place = waiting.indexOf(asked);
  waiting.splice(place, 1);
  if (place > 0) return;
  end();
  worker = start();  // at once: whoever stops a run is about to try another
  next();
}

function start() {
  const started = new Worker(WORKER, { type: "module" });
  const total = Object.values(FILES).reduce((sum, file) => sum + file.bytes, 0);
  tell({ text: "Python: starting", loaded: 0, total });
  started.onmessage = ({ data }) => (data.answer ? answered(data.answer) : heard(data, total));
  started.onerror = ({ message }) => fail(`could not be started: ${message ?? WORKER}`);
  return started;
}

function heard({ loaded, ready, failed }, total) {
  if (failed) return fail(failed);
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  const text = ready ? "" : loaded < total
    ? `Python: ${megabytes(loaded)} of ${megabytes(total)} MB` : "Python: starting";
  tell({ text, loaded: loaded ?? total, total });
}

function tell(now) {
  progress = now;
  for (const asked of waiting) asked.onProgress(now);
}

function answered(text) {
  const asked = waiting.shift();
  asked.done();
  next();
  const { value, error } = JSON.parse(text);
  if (error) asked.reject(new PythonError(error));
  else asked.resolve(value);
}

/** Python is not there: all who wait are told, and the next call begins anew. */
function fail(why) {
  end();
  tell({ text: "", loaded: 0, total: 0 });
  const message = `Python ${why}. The next try begins anew.`;
  for (const asked of waiting.splice(0)) {
    asked.done();
    asked.reject(new PythonError({ kind: "Unavailable", message }));
  }
}

function end() {
  worker?.terminate();
  worker = null;
}
