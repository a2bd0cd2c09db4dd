// Compiles the standard library with the interpreter of the page itself, so that no page has to:
// node compile.mjs FOLDER TARGET, where FOLDER holds the package pyodide.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, target] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const pyodide = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });  // the same bytes each time
pyodide.FS.writeFile("bytecode.py", readFileSync(new URL("bytecode.py", import.meta.url)));
pyodide.FS.writeFile("source.zip", readFileSync(`${folder}/python_stdlib.zip`));
pyodide.pyimport("bytecode").library("source.zip", "target.zip");
writeFileSync(target, pyodide.FS.readFile("target.zip"));
process.exit(0);
