import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import { ensurePrometheus, type Prometheus } from "../../toolchain/prometheus.ts";

/** Real ones, of Debian's package where the machine has none. */
export const programs = (): Promise<Prometheus> =>
  ensurePrometheus({ cacheDir: defaultCacheDir(), say: (line) => console.log(line) });

/** A folder with these files, gone with the test. */
export function folderWith(files: readonly { readonly name: string; readonly content: string }[]): string {
  const folder = mkdtempSync(join(tmpdir(), "monitoring-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const { name, content } of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** What promtool says of files in a folder; throws with it when it does not like them. */
export async function promtool(folder: string, ...args: readonly string[]): Promise<string> {
  const { promtool } = await programs();
  try {
    return execFileSync(promtool, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(" ")}\n${stdout}${stderr}`);
  }
}
