import { type Container, type ListedContainer, readContainer, readList } from "../docker/answers.ts";
import { unframed } from "../docker/frames.ts";
import { hasDevices } from "../host-checks/holders.ts";
import type { HostPlan } from "../planning/plan.ts";
import { visibleLines } from "../problems/text.ts";
import { mapAtOnce } from "./at-once.ts";
import { ask, askIfThere, ofOne } from "./engine.ts";

/** All containers, running or not. */
export function listContainers(host: HostPlan): Promise<ListedContainer[]> {
  return ask(host, "/containers/json?all=1", readList);
}

/** Those of a list that are still there: between the two calls anybody's container may have ended. */
export async function inspectAll(host: HostPlan, listed: readonly ListedContainer[]): Promise<Container[]> {
  // Few at once: over SSH each is a session of the host's one connection.
  const found = await mapAtOnce(listed, 4, ({ Id }) => inspectIfThere(host, Id));
  return found.filter((one) => one !== undefined);
}

/** Those of a list that have their devices. */
export function inspectHolders(host: HostPlan, listed: readonly ListedContainer[]): Promise<Container[]> {
  const holders = listed.filter(({ State }) => hasDevices(State));
  return inspectAll(host, holders);
}

/** A container by its name or id, if it is there. */
export function inspectIfThere(host: HostPlan, container: string): Promise<Container | undefined> {
  return askIfThere(host, `/containers/${container}/json`, readContainer, ofOne);
}

/** A container that must be there. */
export function inspect(host: HostPlan, container: string): Promise<Container> {
  return ask(host, `/containers/${container}/json`, readContainer, ofOne).catch((error: Error) => {
    if (!error.message.includes("No such container")) throw error;
    throw new Error(
      `${error.message}\nfix: if it was removed, or the host is another machine now, \`pulumi up --refresh\` sees that and makes it again`,
    );
  });
}

/** The last lines that a container wrote, both streams, indented for a message. */
export function lastWords(host: HostPlan, container: string): Promise<string> {
  const path = `/containers/${container}/logs?stdout=1&stderr=1&tail=20`;
  const words = (log: string) =>
    visibleLines(unframed(Buffer.from(log, "latin1")))
      .trimEnd()
      .replaceAll(/^/gm, "  ");
  return ask(host, path, words, { encoding: "latin1" });
}
