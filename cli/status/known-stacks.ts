import { FixableError } from "../../problems/fixable-error.ts";
import { tryRun } from "../../system/programs.ts";
import { stateDir } from "../../toolchain/state.ts";
import { isOpen } from "../stack.ts";

/** Those of `names` that Pulumi has a state of: in the backend that it is logged in to, or in that of the demo. */
export async function knownStacks(
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  const args = ["stack", "ls", "--json", "--non-interactive"];
  const { code, stdout, stderr } = await tryRun("pulumi", args, { env });
  const demos = names.filter((name) => isOpen(name, stateDir(env)));
  if (code !== 0 && demos.length === 0) {
    throw new FixableError(
      `pulumi cannot say which stacks there are: ${stderr.trim().split("\n").at(-1)}`,
      "name the stacks, or run this with a pulumi that is logged in: npx ascend-pd toolchain exec npx ascend-pd status",
    );
  }
  const known = code === 0 ? namesIn(stdout) : [];
  return names.filter((name) => known.includes(name) || demos.includes(name));
}

/** Of a backend with organisations a name may stand behind those. */
function namesIn(json: string): string[] {
  const stacks: unknown = JSON.parse(json);
  if (!Array.isArray(stacks)) return [];
  return stacks.flatMap(({ name }: { name?: unknown }) =>
    typeof name === "string" ? (name.split("/").at(-1) ?? []) : [],
  );
}
