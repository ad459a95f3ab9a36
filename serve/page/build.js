// Builds the page into the Python package, which serves it: npm run build

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const OUT = join(HERE, "../postings_serve/page");

const built = await build({
  absWorkingDir: HERE,
  entryPoints: ["src/main.tsx", "src/style.css"],
  outdir: OUT,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  charset: "utf8", // modules are read as UTF-8, and an escaped character takes up to twice the bytes
  format: "esm",
  target: "es2022",
  // In place of tsconfig.json: an element's children are arguments, which takes 3 kB less than a property of each.
  tsconfigRaw: { compilerOptions: { jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Fragment", verbatimModuleSyntax: true } },
  inject: ["src/jsx.ts"],
  metafile: true,
  write: false,
});

const [script, style] = [".js", ".css"].map((type) => built.outputFiles.find(({ path }) => path.endsWith(type)));
const template = await readFile(join(HERE, "src/index.html"), "utf8");
// The style is within the page, whose first paint would wait for it.
const html = template.replace("SCRIPT", basename(script.path)).replace("STYLE", () => style.text.trim());

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT);
await writeFile(script.path, script.contents);
await writeFile(join(OUT, "licenses.txt"), await licenses(Object.keys(built.metafile.inputs)));
// Last: the service takes the page for built once this is there.
await writeFile(join(OUT, "index.html"), html);

for (const { path, contents } of built.outputFiles) console.log(`${contents.length.toLocaleString("en")} B  ${basename(path)}`);

/** The license texts of the packages whose files are in the bundle. */
async function licenses(inputs) {
  const packages = new Set(inputs.flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
  const texts = [...packages].sort().map(async (name) => {
    const folder = join(HERE, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no license text: add it, or do without the package`);
    return `${name} ${version} (${license})\n\n${await readFile(join(folder, file), "utf8")}`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}
