import { setGlobalProxyFromEnv } from "node:http";
import { FixableError } from "../problems/fixable-error.ts";

/** Why something else is used, for a `Choice`. */
export const unreachable = "Pulumi's downloads could not be reached";

let answer: Promise<boolean> | undefined;

/** Whether Pulumi's own download site can be reached from here. Asked at most once, answered within two seconds. */
export function downloadsReachable(): Promise<boolean> {
  answer ??= ask();
  return answer;
}

async function ask(): Promise<boolean> {
  setGlobalProxyFromEnv();
  return fetch("https://get.pulumi.com/", { method: "HEAD", signal: AbortSignal.timeout(1500) }).then(
    () => true,
    () => false,
  );
}

/** Installs the published CLI that belongs to the installed @pulumi/pulumi, with its language hosts, in `folder`/bin. */
export async function installPublishedCli(folder: string): Promise<void> {
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/cmd.js");
  try {
    await PulumiCommand.install({ root: folder });
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error)
      .trim()
      .split("\n")
      .at(-1);
    throw new FixableError(
      `Pulumi's installer failed: ${reason}`,
      "run `npx pulumi version` to see all of it",
    );
  }
}
