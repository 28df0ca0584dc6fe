import { buildSync } from "esbuild";

/** The one file that an image runs: `main.ts` of a folder of this repository with all that it imports. */
export function bundle(folder: string): Uint8Array {
  const { outputFiles } = buildSync({
    entryPoints: [`${folder}/main.ts`],
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
