import { readInfo, readVersion } from "../docker/answers.ts";
import { type Engine, type HostFacts, hostFacts } from "../host-checks/facts.ts";
import { hostScript } from "../host-checks/script.ts";
import type { Reading } from "../host-checks/tools/reading.ts";
import type { WantedHost } from "../host-checks/wanted.ts";
import { mapAtOnce } from "./at-once.ts";
import { inspectHolders, listContainers } from "./containers.ts";
import { ask, engineOf, greet } from "./engine.ts";
import { imageOn } from "./images.ts";
import { runScript } from "./script.ts";

/** What is seen of a host. Only reads; that it is not there is a fact too. */
export async function look(host: WantedHost): Promise<HostFacts> {
  const [script, engine] = await Promise.all([
    runScript(engineOf(host), hostScript(host)),
    lookAtEngine(host).catch(({ message }: Error) => ({ unreadable: message })),
  ]);
  return hostFacts(host, { ...script, engine });
}

async function lookAtEngine(host: WantedHost): Promise<Reading<Engine>> {
  const greeting = await greet(host);
  if (!greeting.answers) return { unreadable: greeting.reason };
  const version = await ask(host, "/version", readVersion);
  const info = await ask(host, "/info", readInfo);
  const listed = await listContainers(host);
  const alive = await inspectHolders(host, listed);
  const images = await mapAtOnce(host.images, 4, async (name) => [name, await imageOn(host, name)] as const);
  const there = images.flatMap(([name, image]) => (image === undefined ? [] : [[name, image] as const]));
  return { value: { version, info, listed, alive, images: new Map(there) } };
}
