// Bundle editor.js into the file named on the command line, with the licences of what is in it.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { outputFiles, metafile } = await build({
  entryPoints: ["editor.js"], bundle: true, minify: true, format: "esm", target: "es2022",
  charset: "utf8", legalComments: "none", metafile: true, write: false,
});
const inputs = Object.keys(metafile.inputs).filter((path) => path.startsWith("node_modules/"));
const names = [...new Set(inputs.map((path) => path.match(/^node_modules\/(@[^/]+\/[^/]+|[^/]+)/)[1]))].sort();
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const versions = names.map((name) => ` * ${name} ${packages[`node_modules/${name}`].version}`);
const licence = readFileSync("node_modules/@codemirror/view/LICENSE", "utf8").trim();
for (const name of names) {
  const { license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  if (license !== "MIT") throw new Error(`${name} is under ${license}; allowed: MIT`);
}
const notice = ["/*! CodeMirror 6 and what it needs, bundled by make editor:", ...versions, " *",
  ...licence.split("\n").map((line) => ` * ${line}`.trimEnd()), " */"].join("\n");
writeFileSync(process.argv[2], `${notice}\n${outputFiles[0].text}`);
