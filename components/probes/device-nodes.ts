import { statSync } from "node:fs";
import type { HostPlan } from "../../planning/plan.ts";
import { sshOptions } from "../../planning/ssh-options.ts";
import { run } from "../../toolchain/context.ts";
import { sshArguments } from "../../toolchain/ssh.ts";

// Paths come by standard input, so that no shell ever reads one as code.
const listMissing = `sh -c 'while IFS= read -r path; do test -c "$path" || printf "%s\\n" "$path"; done'`;

/** Those of `paths` that are no character devices on the host. */
export async function missingDeviceNodes(host: HostPlan, paths: readonly string[]): Promise<string[]> {
  if (!host.docker?.startsWith("ssh://")) {
    return paths.filter((path) => !statSync(path, { throwIfNoEntry: false })?.isCharacterDevice());
  }
  const ssh = sshArguments(new URL(host.docker), sshOptions(host));
  const missing = await run("ssh", [...ssh, listMissing], {
    input: paths.map((path) => `${path}\n`).join(""),
  });
  return missing.split("\n").filter((path) => path !== "");
}
