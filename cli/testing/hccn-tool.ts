import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A real executable in the place of the driver's hccn_tool: prints what `answers` has for an NPU, or does it when it
 * starts with `sh:`; notes its arguments in the file `calls` beside it. Returns its path.
 */
export function fakeHccnTool(folder: string, answers: Readonly<Record<number, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [npu, answer] of Object.entries(answers)) {
    const script = answer.startsWith("sh:") ? answer.slice(3) : `cat <<'END'\n${answer}\nEND\n`;
    writeFileSync(join(folder, `answer-${npu}`), answer === "" ? "" : script);
  }
  const path = join(folder, "hccn_tool");
  writeFileSync(
    path,
    '#!/bin/sh\nfolder=$(dirname "$0")\necho "$*" >> "$folder/calls"\n. "$folder/answer-$2"\n',
  );
  chmodSync(path, 0o755);
  return path;
}

export const ipaddr = (ip: string): string => `ipaddr:${ip}\nnetmask:255.255.255.0`;
