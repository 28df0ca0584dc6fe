import { type Listener, listenersFunction, readListeners } from "../host-checks/listeners.ts";
import type { HostPlan } from "../planning/plan.ts";
import { engineOf } from "./engine.ts";
import { runScript } from "./script.ts";

/**
 * Who listens on which of `ports` on a host, as far as it can be seen: nobody where it cannot. Docker cannot know: on
 * the host's network a port is nobody's until it is opened.
 */
export async function listenersOn(host: HostPlan, ports: readonly number[]): Promise<Listener[]> {
  const { output } = await runScript(engineOf(host), `${listenersFunction}\nlisteners ${ports.join(" ")}\n`);
  return readListeners(output);
}
