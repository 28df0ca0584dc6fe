import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Runs install.sh, which machines without this program run by themselves; `say` is told each step. */
export async function install(
  file: string,
  folder: string,
  say: (line: string) => void,
): Promise<{ folder: string } | { error: string; fix: string }> {
  const shell = spawn("sh", [join(import.meta.dirname, "install.sh"), file, folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  // The terminal sends Ctrl-C to it too; it clears away what it has unpacked.
  const stop = (signal: NodeJS.Signals) => shell.kill(signal);
  process.on("SIGINT", stop).on("SIGTERM", stop);
  let installed = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => {
    installed += text;
  });
  const lines: string[] = [];
  const ended = new Promise<number>((done) => shell.on("close", (code) => done(code ?? 1)));
  for await (const line of createInterface({ input: shell.stderr })) {
    lines.push(line);
    say(line);
  }
  const code = await ended;
  process.off("SIGINT", stop).off("SIGTERM", stop);
  if (code === 0) return { folder: installed.trim() };
  const told = (word: string) =>
    lines.findLast((line) => line.startsWith(`${word}: `))?.slice(word.length + 2);
  return {
    error:
      told("error") ?? `the installation was interrupted, and nothing is installed: ${lines.at(-1) ?? ""}`,
    fix: told("fix") ?? "run it again",
  };
}
