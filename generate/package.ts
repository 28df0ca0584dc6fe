import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../system/programs.ts";
import { bundle } from "../toolchain/bundle.ts";
import { bundledScript } from "../toolchain/source-image.ts";

/*
 * `npm run build`, which `npm pack` calls: makes lib/, all that the npm package has beside package.json and the command.
 * It is this repository as JavaScript with types, each file in its place, so that what finds a file by its own place
 * finds it there too.
 */

/** Rooms and files that only those who work on the project need. What is not named here is shipped. */
const workshop =
  /^(\.|test\/|bench\/|docs\/|generate\/|page\/browser\/)|(^|\/)testing\/|\.test\.ts$|^vitest\.config\.ts$/;

/** Of the files of the repository, by their paths from its root, those of the package. */
export const shipped = (files: readonly string[]): string[] =>
  files.filter((file) => !workshop.test(file) && (file.includes("/") || file.endsWith(".ts")));

const isCompiled = (file: string) => /(?<!\.d)\.[jt]s$/.test(file);

/** Builds what `root` has of the files into `out`. */
export async function buildPackage(root: string, files: readonly string[], out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  const all = shipped(files);
  for (const file of all.filter((file) => !isCompiled(file))) cpSync(join(root, file), join(out, file));
  await compile(root, all.filter(isCompiled), out);
  for (const folder of all.filter((file) => /^\w+\/Dockerfile$/.test(file)).map(dirname))
    writeFileSync(join(out, folder, bundledScript), bundle(folder, root));
}

async function compile(root: string, files: readonly string[], out: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-build-"));
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      // `npm run check` does that, in far more time.
      noCheck: true,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir: out,
      typeRoots: [join(root, "node_modules/@types")],
    },
    files: files.map((file) => join(root, file)),
    include: [],
  };
  try {
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", folder], {
      cwd: root,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const tracked = await run("git", ["ls-files"], { cwd: root });
  await buildPackage(root, tracked.trim().split("\n"), join(root, "lib"));
}
