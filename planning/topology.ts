import { isLoopback } from "../rank-tables/addresses.ts";
import { engineKey } from "./credentials/engine-key.ts";
import type { Engine } from "./engines/engine.ts";
import { kvPorts } from "./engines/mooncake.ts";
import { pageToken } from "./engines/scheduler.ts";
import { found, type Host, type Instance, isHead, type Layout, type Place } from "./layout.ts";
import { memberNameOf } from "./member-name.ts";
import type { Declared } from "./stack-file/schema.ts";

/** A stack file resolved: where everything stands, and the engine that runs there. */
export interface Topology extends Layout {
  readonly engine: Engine;
}

type File = Declared & { readonly engine: Engine };

export function topologyOf(stack: string, file: File): Topology {
  const { engine } = file;
  const names = (shortName: string) => ({ shortName, name: `${stack}-${shortName}` });
  const instances = (role: "prefill" | "decode"): Instance[] =>
    file[role].flatMap(({ host = "", devices, hosts, name, ...declared }, index) => {
      const path = `${role}[${index}]`;
      const shortName = name ?? `${role}-${index}`;
      const places = (hosts ?? [{ host, devices }]).map((one) => ({ host: one.host, npus: one.devices }));
      return places.map((place, member) => ({
        ...declared,
        ...place,
        ...names(memberNameOf(shortName, member)),
        role,
        path,
        place: hosts === undefined ? path : `${path}.hosts[${member}]`,
        port: member === 0 ? declared.port : memberPort(engine, place, declared.port),
        ...(places.length > 1 && { member: { index: member, of: names(shortName).name, places } }),
        extraArgs: [...engine.extras.extraArgs, ...declared.extraArgs],
        extraEnv: { ...engine.extras.extraEnv, ...declared.extraEnv },
        secretEnv: engine.extras.secretEnv,
      }));
    });
  const {
    runtime,
    host = schedulersService,
    port,
    routingPolicy,
    page,
    extraArgs,
    extraEnv,
    secretEnv,
  } = file.scheduler;
  // Whoever asks engines that want a key shows it; the manual's own scheduler knows of none.
  const shown = runtime === "ascend-pd" ? engine.extras.secretEnv.filter((name) => name === engineKey) : [];
  const scheduler: Instance = {
    role: "scheduler",
    ...names("scheduler"),
    path: "scheduler",
    place: "scheduler",
    npus: [],
    host,
    port,
    routingPolicy,
    extraArgs,
    extraEnv,
    secretEnv: [...secretEnv, ...shown, ...(page && !isLoopback(page.address) ? [pageToken] : [])],
  };
  const servers = [...instances("prefill"), ...instances("decode")];
  return {
    stack,
    file,
    engine,
    hosts: [...hostsOf(file), ...serviceOf(stack, file)],
    instances: [...servers, scheduler],
    nodePorts: servers
      .filter(isHead)
      .map((server) => server.port)
      .join(","),
  };
}

/** `other`: where the engine has no members, which a rule says. */
const memberPort = ({ overHosts }: Engine, place: Place, other: number): number =>
  "none" in overHosts ? other : kvPorts(overHosts.kvPort, place).first;

/** Where a scheduler is that any node of a cluster may have. No host can be called so, and it sorts behind none. */
const schedulersService = "(service)";

/** It has the address of a host, which everything is derived from that names the scheduler. */
function serviceOf(stack: string, { target, scheduler }: File): Host[] {
  if (target === undefined || scheduler.host !== undefined) return [];
  const address = `${stack}-scheduler.${target.namespace}.svc`;
  return [{ name: schedulersService, address, npus: 0, deviceIps: {} }];
}

function hostsOf({ engine, hosts }: File): Host[] {
  return Object.keys(hosts)
    .sort()
    .map((name) => {
      const host = found(hosts[name]);
      return { ...host, name, deviceIps: { ...engine.deviceIps(host.npus), ...host.deviceIps } };
    });
}
