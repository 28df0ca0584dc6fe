import { buildSync } from "esbuild";

/** The one file that an image runs: `main.ts` of a folder below `root` with all that it imports. */
export function bundle(folder: string, root = process.cwd()): Uint8Array {
  const { outputFiles } = buildSync({
    entryPoints: [`${folder}/main.ts`],
    // Paths from here stand in the result.
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    write: false,
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild gave no bundle for ${folder}/main.ts`);
  return file.contents;
}
