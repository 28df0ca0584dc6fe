import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { EngineState } from "./engine.ts";

/** The engines' process. */
export interface Engines {
  readonly pid: number;
  /** Ports, as NODE_PORTS has them. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  state(): Promise<EngineState>;
  stop(): void;
}

export async function startEngines(): Promise<Engines> {
  const child = fork(join(import.meta.dirname, "engine.ts"));
  const [ports] = (await once(child, "message")) as [Pick<Engines, "prefill" | "decode">];
  return {
    ...ports,
    pid: child.pid ?? 0,
    async state() {
      const answer = once(child, "message");
      child.send("state");
      const [state] = await answer;
      return state as EngineState;
    },
    stop: () => child.disconnect(),
  };
}
