import { hostFacts } from "../host-checks/facts.ts";
import { checkHosts, hostChecks } from "../host-checks/index.ts";
import { hostScript } from "../host-checks/script.ts";
import type { WantedHost } from "../host-checks/wanted.ts";
import { visibleLines } from "../problems/text.ts";
import { hostsAtOnce, mapAtOnce } from "./at-once.ts";
import { engineOf, hasContainers } from "./containers.ts";
import { engineReport, runScript } from "./host-report.ts";

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
  if (await hasContainers(host, host.stack)) return [];
  const engine = engineOf(host);
  const [script, report] = await Promise.all([
    runScript(engine, hostScript(host)),
    engineReport(engine, host.images),
  ]);
  const [{ results } = { results: [] }] = checkHosts([hostFacts(host, { ...script, engine: report })]);
  return results
    .filter(({ code, status }) => status === "error" && guards.has(code))
    .flatMap(({ code, seen, fixes }) =>
      seen.map((one, index) => `${host.name}: ${one} (${code})\nfix: ${fixes[index]}`),
    );
}
