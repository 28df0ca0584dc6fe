import { UserError } from "../user-error.ts";

const ownInstances =
  "an instance over several hosts is not in the manual's format: give the NPUs of each host to instances of their own, with ascend-pd ranktable gen on each host";
const mergeGlobals =
  "write ascend-pd ranktable merge --global-ranktable-list FILE FILE…, with the global table of each host; local tables stay as they are";

/** Modes and options that newer editions of pd_ranktable_tools.py have and the manual's has not, and what to write. */
const others: Readonly<Record<string, string>> = {
  "merge-local": ownInstances,
  "merge-all": mergeGlobals,
  "--ip": "write --host-ip ADDRESS, the address by which the other hosts reach this one",
  "--local-ranktable-list": mergeGlobals,
  "--api-server-list": "leave it out: the global tables say which host has the service entry",
};

/** Throws for the first of them among `args`. */
export function refuseOtherEditions(args: readonly string[]): void {
  for (const [index, arg] of args.entries()) {
    const word = /^(--[a-z-]+)=?/.exec(arg)?.[1] ?? arg;
    const mode =
      word === "--mode" ? (/=(.*)/.exec(arg)?.[1] ?? args[index + 1] ?? "") : index === 0 ? word : "";
    const known = [mode, word.startsWith("--") ? word : ""].find((one) => Object.hasOwn(others, one));
    if (known !== undefined)
      throw new UserError(`${known} is of another edition of the tool\nfix: ${others[known]}`);
  }
}
