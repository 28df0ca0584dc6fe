import type { SchedulerTables } from "../../hosts/administered.ts";
import { repeated } from "../../problems/repeated.ts";
import { count } from "../../problems/text.ts";
import { globalTable, serverJson } from "../../rank-tables/format.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";
import { askScheduler, instancesOf } from "./scheduler.ts";
import { renewTables, tablesGiven } from "./scheduler-tables.ts";

// Run before any instance joins: a scheduler that runs knows those that are new, besides all that it had, of which some
// may be about to go. A new one gets requests when it has proven itself and joins.
await runProbe(async () => {
  const { scheduler } = probeArguments("announce");
  const tables = await tablesGiven();
  const known = await instancesOf(scheduler);
  if (known === undefined) return "there is no scheduler to tell: the next one starts with these instances";

  const had = known.filter(({ leaving }) => !leaving);
  // An address has one role until its old instance is gone.
  const wanted = tables.instances.filter(({ address }) => !had.some((one) => one.address === address));
  if (wanted.length === 0) return `${scheduler.container} has all instances`;
  await renewTables(scheduler, addressesOnly(tables, [...had, ...wanted], scheduler.host.address));
  for (const { address } of wanted) {
    if (known.some((one) => one.address === address)) continue;
    await askScheduler(scheduler, "/drain", { instance: address, force: true, deadline: 0 });
  }
  return `${scheduler.container} has ${count(wanted.length, "instance")} more`;
});

/** Tables for a scheduler alone, which reads addresses and ports. Two instances may take turns on an NPU. */
function addressesOnly(
  { global, local, nodePorts }: SchedulerTables,
  instances: SchedulerTables["instances"],
  own: string,
): Pick<SchedulerTables, "global" | "local" | "nodePorts"> {
  const places = (["prefill", "decode"] as const).map((role) =>
    instances.filter((one) => one.role === role).map((one) => ({ ...one, at: splitAtPort(one.address) })),
  );
  let npu = 0;
  const [prefill = [], decode = []] = places.map((list) =>
    list.map(({ at: [host] }) => serverJson(host, [[npu++, "0.0.0.0"]])),
  );
  const content = globalTable({ scheduler: [serverJson(own, [])], prefill, decode });
  // Of one that moves there are two for a while: the one that was there first has the name until it goes.
  const doubles = new Set(repeated(instances, ({ name }) => name).map(([{ address }]) => address));
  const ports = places
    .flat()
    .map(({ name, address, at: [, port] }) => (doubles.has(address) ? port : `${name}=${port}`));
  return { global: { ...global, content }, local, nodePorts: { ...nodePorts, content: ports.join(",") } };
}

function splitAtPort(address: string): [host: string, port: string] {
  const colon = address.lastIndexOf(":");
  return [address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), address.slice(colon + 1)];
}
