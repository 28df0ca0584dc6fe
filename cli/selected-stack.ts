import { tryRun } from "../system/programs.ts";
import { UserError } from "./user-error.ts";

/** The stack that `pulumi stack select` has selected, for commands that may leave it out. */
export async function selectedStack(): Promise<string> {
  const { code, stdout } = await tryRun("pulumi", ["stack", "--show-name", "--non-interactive"]);
  const name = stdout.trim().split("/").at(-1);
  if (code === 0 && name) return name;
  throw new UserError("STACK is missing, and `pulumi stack select` has selected none\nfix: name the stack");
}
