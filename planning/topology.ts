import { engineKey } from "./credentials/engine-key.ts";
import type { Engine } from "./engines/engine.ts";
import { found, type Host, type Instance, type Layout } from "./layout.ts";
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
    file[role].map(({ devices, name, ...declared }, index) => ({
      ...declared,
      role,
      ...names(name ?? `${role}-${index}`),
      path: `${role}[${index}]`,
      npus: devices,
      extraArgs: [...engine.extras.extraArgs, ...declared.extraArgs],
      extraEnv: { ...engine.extras.extraEnv, ...declared.extraEnv },
      secretEnv: engine.extras.secretEnv,
    }));
  const { runtime, host, port, routingPolicy, extraArgs, extraEnv, secretEnv } = file.scheduler;
  // Whoever asks engines that want a key shows it; the manual's own scheduler knows of none.
  const shown = runtime === "ascend-pd" ? engine.extras.secretEnv.filter((name) => name === engineKey) : [];
  const scheduler: Instance = {
    role: "scheduler",
    ...names("scheduler"),
    path: "scheduler",
    npus: [],
    host,
    port,
    routingPolicy,
    extraArgs,
    extraEnv,
    secretEnv: [...secretEnv, ...shown],
  };
  const servers = [...instances("prefill"), ...instances("decode")];
  return {
    stack,
    file,
    engine,
    hosts: hostsOf(file),
    instances: [...servers, scheduler],
    nodePorts: servers.map((server) => server.port).join(","),
  };
}

function hostsOf({ engine, hosts }: File): Host[] {
  return Object.keys(hosts)
    .sort()
    .map((name) => {
      const host = found(hosts[name]);
      return { ...host, name, deviceIps: { ...engine.deviceIps(host.npus), ...host.deviceIps } };
    });
}
