import { engineAt } from "../../docker/api.ts";
import { type HostFacts, hostFacts } from "../../host-checks/facts.ts";
import { hostScript } from "../../host-checks/script.ts";
import type { WantedHost } from "../../host-checks/wanted.ts";
import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import { engineReport, runScript } from "../../hosts/host-report.ts";
import { sshOptions } from "../../planning/ssh-options.ts";

/** What is seen of each host, in the order of `hosts`. Only reads; a host that is not there is a fact too. */
export function askHosts(hosts: readonly WantedHost[], say: (line: string) => void): Promise<HostFacts[]> {
  return mapAtOnce(hosts, hostsAtOnce, async (host) => {
    say(`${host.name}: asking ${host.docker ?? "this machine"}`);
    const seen = await askHost(host);
    say(`${host.name}: ${seen.reached ? "has answered" : "does not answer"}`);
    return seen;
  });
}

async function askHost(wanted: WantedHost): Promise<HostFacts> {
  const address = engineAt(wanted.docker, sshOptions(wanted));
  const [script, engine] = await Promise.all([
    runScript(address, hostScript(wanted)),
    engineReport(address, wanted.images),
  ]);
  return hostFacts(wanted, { ...script, engine });
}
