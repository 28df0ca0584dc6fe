import { visibleLines } from "../problems/text.ts";
import { addressHere } from "./address.ts";
import { type HostCheck, unseen, type Verdict } from "./check.ts";
import * as clocks from "./clocks.ts";
import * as devices from "./devices.ts";
import * as docker from "./docker.ts";
import type { HostFacts } from "./facts.ts";
import * as files from "./files.ts";
import * as npuNetwork from "./npu-network.ts";
import * as npus from "./npus.ts";
import * as ports from "./ports.ts";
import { commandsRun, engineAnswers } from "./reach.ts";
import * as sshd from "./sshd.ts";
import * as toolsWork from "./tools-work.ts";

/** Every check, in the order of the codes, in which results are shown. A new check is a value in a file of its subject. */
export const hostChecks: readonly HostCheck[] = [
  commandsRun,
  engineAnswers,
  docker.engineVersion,
  docker.apiVersion,
  docker.noUserNamespace,
  docker.storageSpace,
  docker.imageFits,
  docker.imageThere,
  docker.namesFree,
  devices.npuNodes,
  devices.managerNodes,
  devices.npusNotHeld,
  devices.noHiddenHolders,
  devices.noProcesses,
  devices.noHiddenUse,
  npus.npuSmiFound,
  npus.hccnToolFound,
  npus.npuListed,
  npus.npuWithoutAlarm,
  npus.npuWithoutWarning,
  npus.firmwareFits,
  npus.driversEqual,
  toolsWork.npuSmiWorks,
  toolsWork.hccnToolWorks,
  toolsWork.generationSupported,
  npuNetwork.deviceIps,
  npuNetwork.bootAddress,
  npuNetwork.linkUp,
  npuNetwork.netHealthy,
  npuNetwork.netChecked,
  npuNetwork.tlsEqual,
  files.mountsThere,
  files.mountKinds,
  files.modelThere,
  files.modelWhole,
  files.modelReadable,
  addressHere,
  ports.portsFree,
  ports.portsKept,
  clocks.clockHere,
  clocks.clocksEqual,
  sshd.sshdStartups,
  sshd.sshdSessions,
];

/** How a check went on a host. */
export interface Result {
  readonly code: string;
  readonly title: string;
  readonly status: "ok" | "note" | HostCheck["severity"] | "unseen" | "not applicable" | "skipped";
  /** What was seen, or why nothing was. */
  readonly seen: readonly string[];
  /** One for each thing that was seen to be wrong. */
  readonly fixes: readonly string[];
}

export interface HostResults {
  readonly host: string;
  readonly results: readonly Result[];
}

/** All checks of all hosts. `skip` has reasons by code. A host that was not reached is judged on that alone. */
export function checkHosts(
  hosts: readonly HostFacts[],
  skip: ReadonlyMap<string, string> = new Map(),
): HostResults[] {
  const reached = hosts.filter((host) => host.reached);
  return hosts.map((host) => ({
    host: host.wanted.name,
    results: hostChecks.map((check) => {
      const reason = skip.get(check.code);
      if (reason !== undefined) return { ...named(check), status: "skipped", seen: [reason], fixes: [] };
      return result(check, verdictOn(check, host, reached));
    }),
  }));
}

function verdictOn(check: HostCheck, host: HostFacts, reached: readonly HostFacts[]): Verdict {
  const isGone = !host.reached && "unreadable" in host.engine;
  if (isGone && check !== commandsRun) return unseen("the host was not reached");
  return check.check(host, reached);
}

const named = ({ code, title }: HostCheck) => ({ code, title });

function result(check: HostCheck, verdict: Verdict): Result {
  switch (verdict.status) {
    case "ok":
      return { ...named(check), status: "ok", seen: [harmless(verdict.seen)], fixes: [] };
    case "note":
      return {
        ...named(check),
        status: "note",
        seen: [harmless(`${verdict.seen}: ${verdict.why}`)],
        fixes: [],
      };
    case "failed":
      return {
        ...named(check),
        status: check.severity,
        seen: verdict.problems.map(({ seen }) => harmless(seen)),
        fixes: verdict.problems.map(({ fix }) => harmless(fix)),
      };
    default:
      return { ...named(check), status: verdict.status, seen: [harmless(verdict.why)], fixes: [] };
  }
}

/** What came from a host, so that it is no command to a terminal and no flood. */
function harmless(text: string): string {
  const plain = visibleLines(text);
  return plain.length > 600 ? `${plain.slice(0, 599)}…` : plain;
}
