import { FixableError } from "../problems/fixable-error.ts";
import { onPath } from "../system/programs.ts";
import type { Context } from "./context.ts";
import { installPackages } from "./debian-packages.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** The path of a Chromium, installed if need be: what tests of the page look at it with. */
export async function ensureChromium(context: Context): Promise<string> {
  const present = await found();
  if (present !== undefined) return present;
  const fix = "install Chromium (on Debian: sudo apt-get install chromium), or run this as root on Debian";
  if (process.geteuid?.() !== 0)
    throw new FixableError("No Chromium is on the PATH, and only root can install one", fix);
  context.say("installing the package chromium, because this machine has none");
  await installPackages(context, ["chromium"], fix);
  const installed = await found();
  if (installed === undefined) throw new FixableError("The package chromium brought no such program", fix);
  return installed;
}

async function found(): Promise<string | undefined> {
  for (const name of NAMES) {
    const path = await onPath(name);
    if (path !== undefined) return path;
  }
  return undefined;
}
