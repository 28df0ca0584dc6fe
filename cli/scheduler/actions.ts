import type { SchedulerState } from "../../hosts/administration.ts";
import { UserError } from "../user-error.ts";
import { stateTable } from "./state.ts";

/** What the options say of an action. */
export interface Settings {
  readonly deadline?: string;
  readonly force?: boolean;
  readonly "node-ports"?: string;
}

export interface Action {
  /** Whether it takes the name of an instance. */
  readonly takesInstance: boolean;
  readonly options: readonly (keyof Settings)[];
  readonly body?: (settings: Settings, instance: string) => object;
  /** What to print, and whether it came out as wished. */
  readonly told: (answer: never) => [text: string, done: boolean];
}

interface Moved {
  readonly instance: string;
  readonly ended: string;
  readonly inFlight: number;
  readonly kvHeld: number;
}

export const actions: Readonly<Record<string, Action>> = {
  state: { takesInstance: false, options: [], told: (state: SchedulerState) => [stateTable(state), true] },
  drain: {
    takesInstance: true,
    options: ["deadline", "force"],
    body: ({ deadline, force = false }, instance) => ({ instance, force, ...seconds(deadline) }),
    told: ({ instance, drained, ended, inFlight, kvHeld }: Moved & { drained: boolean }) => {
      if (drained) return [`${instance} is drained: nothing needs it any more`, true];
      if (ended === "joined") return [`${instance} was joined again while it drained`, false];
      const left = `in flight: ${inFlight}, KV caches held: ${kvHeld}`;
      return [`${instance} gets nothing new, but at the deadline had still ${left}`, false];
    },
  },
  join: {
    takesInstance: true,
    options: ["deadline"],
    body: ({ deadline }, instance) => ({ instance, ...seconds(deadline) }),
    told: ({ instance, joined, ended }: Moved & { joined: boolean }) => {
      if (joined) return [`${instance} gets requests`, true];
      if (ended === "draining") return [`${instance} was drained again before it was healthy`, false];
      return [`${instance} does not answer its health check yet; it gets requests as soon as it does`, false];
    },
  },
  reload: {
    takesInstance: false,
    options: ["node-ports"],
    body: ({ "node-ports": nodePorts }) => (nodePorts === undefined ? {} : { nodePorts }),
    told: (lists: Record<"added" | "leaving" | "kept", string[]>) => [
      (["added", "leaving", "kept"] as const)
        .map((name) => `${name}: ${lists[name].join(", ") || "none"}`)
        .join("\n"),
      true,
    ],
  },
};

function seconds(deadline: string | undefined): { deadline?: number } {
  if (deadline === undefined) return {};
  if (/^[0-9]+(\.[0-9]+)?$/.test(deadline) && Number(deadline) <= 86_400)
    return { deadline: Number(deadline) };
  throw new UserError(`--deadline is ${deadline}\nfix: give seconds, 0 to 86400`);
}
