import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import { lookAtLog } from "../../hosts/logs.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import { visible, visibleLines } from "../../problems/text.ts";
import { chosenHosts } from "../chosen-hosts.ts";
import { complain, print } from "../print.ts";
import { type InstanceLog, logText } from "./show-logs.ts";

/** Over SSH each log is a session of the host's one connection. */
const logsAtOnce = 4;

/** Reads the logs of all instances of a stack, and prints what is known of what they say. Gives the exit code. */
export async function examineLogs(
  plan: Plan,
  names: readonly string[],
  skip: ReadonlyMap<string, string>,
  asJson: boolean,
): Promise<number> {
  const hosts = chosenHosts(plan.stack, plan.hosts, names);
  const looks = await mapAtOnce(hosts, hostsAtOnce, (host) => {
    const planned = plan.containers.filter((container) => container.host === host.name);
    return mapAtOnce(planned, logsAtOnce, (container) => look(host, container, skip));
  });
  const order = plan.containers.map(({ name }) => name);
  const logs = looks.flat().sort((a, b) => order.indexOf(a.instance) - order.indexOf(b.instance));
  if (asJson) print(JSON.stringify({ stack: plan.stack, instances: logs }, undefined, 2));
  else print(logText(logs, skip));
  const isWell = logs.every((log) => "findings" in log && !log.findings.some(isError));
  return isWell ? 0 : 2;
}

const isError = ({ severity, isPast }: { severity: string; isPast: boolean }) =>
  severity === "error" && !isPast;

async function look(
  host: HostPlan,
  container: ContainerPlan,
  skip: ReadonlyMap<string, string>,
): Promise<InstanceLog> {
  complain(`${container.name}: reading its log on ${host.name}`);
  const seen = await lookAtLog(host, container);
  const named = { instance: container.name, role: container.role, host: host.name };
  if ("unreadable" in seen) return { ...named, unreadable: visibleLines(seen.unreadable).slice(0, 600) };
  const findings = seen.findings
    .filter(({ code }) => !skip.has(code))
    .map((finding) => ({ ...finding, quotes: finding.quotes.map(visible) }));
  return { ...named, ...seen, findings };
}
