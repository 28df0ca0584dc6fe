import { plan as makePlan } from "../../planning/make-plan.ts";
import { parseStackFile } from "../../planning/read-stack-file.ts";
import { topologyOf } from "../../planning/topology.ts";
import { formatProblems } from "../../problems/problem.ts";
import type { RatioInput } from "../../ratio/input.ts";
import { type Placement, place } from "../../ratio/place.ts";
import type { Sizing } from "../../ratio/sizing.ts";
import { readStackFile } from "../stack-file.ts";
import { UserError } from "../user-error.ts";

/**
 * These instances on the hosts of a stack, in place of those it has. Throws UserError when they do not fit, or when
 * the stack could not work with them.
 */
export function fragmentFor(stack: string, { prefill, decode }: Sizing, input: RatioInput): Placement {
  const { where, deployment } = readStackFile(stack);
  const parsed = parseStackFile(deployment);
  if ("problems" in parsed) throw new UserError(formatProblems(where, parsed.problems));
  const wanted = {
    prefill: { instances: prefill, npus: input.prefill.npus },
    decode: { instances: decode, npus: input.decode.npus },
  };
  const placement = place(topologyOf(stack, parsed.file), wanted);
  if (placement === undefined) {
    const message = `${prefill} prefill and ${decode} decode instances do not fit on the NPUs of its hosts`;
    throw new UserError(
      `${where}: ${message}\nfix: add hosts or device IPs, or share out what there is with --npus`,
    );
  }
  const result = makePlan(stack, { ...Object(deployment), ...placement });
  if ("problems" in result)
    throw new UserError(`with these instances, ${formatProblems(where, result.problems)}`);
  return placement;
}

/** As lines to paste in the place of the stack file's own. */
export function fragmentText(fragment: Placement): string {
  const indented = (["prefill", "decode"] as const).map((role) => {
    const items = fragment[role].map(
      ({ host, devices, port }) => `  - { host: ${host}, devices: [${devices.join(", ")}], port: ${port} }`,
    );
    return [`${role}:`, ...items].join("\n");
  });
  return indented.join("\n").replace(/^/gm, "    ");
}
