/**
 * Makes dist/: the page, one script, one style sheet, the icon. Run by scripts/setup.sh.
 *
 * Owns names and compression. Names carry a hash of what is in them, so browsers may
 * keep them for ever; index.html keeps %NONCE% and %ASSETS% for the relay to fill in.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const dist = new URL("dist/", here);
const text = (/** @type {string} */ path) => readFile(new URL(path, here), "utf8");

const result = await build({
  absWorkingDir: here.pathname,
  entryPoints: { page: "src/main.js", style: "src/style.css" },
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  splitting: true,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome111", "firefox113", "safari16.4"],
  legalComments: "linked",
  write: false,
  logLevel: "warning",
});

/** @type {Map<string, Uint8Array>} */
const files = new Map();
for (const file of result.outputFiles) files.set(file.path.split("/").pop() ?? "", file.contents);
const icon = await readFile(new URL("../icons/app.svg", here));
const hash = createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase();
files.set(`icon-${hash}.svg`, icon);

const named = (/** @type {RegExp} */ pattern) => [...files.keys()].find((name) => pattern.test(name));
let page = await text("src/index.html");
for (const [mark, pattern] of /** @type {[string, RegExp][]} */ ([
  ["%SCRIPT%", /^page-\w+\.js$/],
  ["%SHARED%", /^chunk-\w+\.js$/],
  ["%STYLE%", /^style-\w+\.css$/],
  ["%ICON%", /^icon-\w+\.svg$/],
]))
  page = page.replaceAll(mark, named(pattern) ?? mark);

await rm(dist, { recursive: true, force: true });
await mkdir(new URL("assets/", dist), { recursive: true });
for (const [name, contents] of files) {
  await writeFile(new URL(`assets/${name}`, dist), contents);
  await writeFile(new URL(`assets/${name}.gz`, dist), gzipSync(contents, { level: 9 }));
}
// Last: whoever finds it finds the rest.
await writeFile(new URL("index.html", dist), page);
