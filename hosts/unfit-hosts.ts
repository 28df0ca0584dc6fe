import { checkHosts, hostChecks } from "../host-checks/index.ts";
import type { WantedHost } from "../host-checks/wanted.ts";
import { isOf } from "../planning/container/settings.ts";
import { visibleLines } from "../problems/text.ts";
import { hostsAtOnce, mapAtOnce } from "./at-once.ts";
import { listContainers } from "./containers.ts";
import { look } from "./look.ts";

const guards = new Set(hostChecks.filter(({ guardsUp }) => guardsUp === true).map(({ code }) => code));

/**
 * Before a host's first container of the stack: what is certain to keep one from starting there. Where some run
 * already, a change may be what mends them, and its own checks guard it.
 */
export async function unfitHosts(hosts: readonly WantedHost[]): Promise<string[]> {
  const failures = await mapAtOnce(hosts, hostsAtOnce, (host) =>
    failuresOf(host).catch((error: Error) => [error.message]),
  );
  return failures.flat().map(visibleLines);
}

async function failuresOf(host: WantedHost): Promise<string[]> {
  if ((await listContainers(host)).some(({ Labels }) => isOf(host.stack, Labels))) return [];
  const [{ results } = { results: [] }] = checkHosts([await look(host)]);
  return results
    .filter(({ code, status }) => status === "error" && guards.has(code))
    .flatMap(({ code, seen, fixes }) =>
      seen.map((one, index) => `${host.name}: ${one} (${code})\nfix: ${fixes[index]}`),
    );
}
