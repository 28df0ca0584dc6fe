import { hostOf, type Instance, type Layout } from "../layout.ts";
import type { ContainerOf } from "./engine.ts";
import { flagsIn, optional, ownAddress, serverEnv, serverFlags } from "./flags.ts";
import { type Handoff, handoffFlags } from "./handoff.ts";
import { schedulerLimits } from "./scheduler-limits.ts";
import { schedulerTls } from "./scheduler-tls.ts";

/** On the memory file system of its own that Docker gives each container: nothing on the host leads there. */
export const adminSocket = "/dev/shm/ascend-pd-admin.sock";

/** The variable with what browsers are asked for where the page listens for others. */
export const pageToken = "ASCEND_PD_PAGE_TOKEN";

/** Its own default. */
export const defaultMetaserverPort = 9100;

/**
 * This repository's scheduler, given what step four of the manual gives to its own, so that either can stand here; but
 * nothing that changes with the instances, so that its container stays: it asks them directly, whatever the proxy.
 * It needs no device and no driver.
 */
export const scheduler =
  (handoff: Handoff): ContainerOf =>
  (layout, instance, tables) => ({
    image: { kind: "source", folder: "scheduler" },
    command: [
      `--admin-socket=${adminSocket}`,
      ...optional("--api-keys-file", tables.keys),
      ...schedulerTls(layout.file).flags,
      ...optional("--max-answer-tokens", layout.file.scheduler.maxAnswerTokens?.toString()),
      ...handoffFlags(handoff),
      ...metaserver(handoff, layout, instance),
      ...page(layout),
      ...metrics(layout, instance),
      ...serverFlags(layout, instance),
    ],
    env: serverEnv(layout, instance, tables),
    devices: [],
    mounts: schedulerTls(layout.file).mounts,
    files: tables.files,
    ...schedulerLimits(instance.extraArgs),
    restricted: true,
    ...(layout.file.scheduler.tls !== undefined && { tls: true }),
    readyPath: "/readyz",
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: Math.ceil(drainSeconds(instance)) + 10,
  });

/** Its address, for connectors by which decode tells it where it wants KV cache. */
function metaserver(handoff: Handoff, layout: Layout, instance: Instance): string[] {
  if (handoff["kv-connector"] !== "MooncakeLayerwiseConnector") return [];
  return [`--metaserver-host=${hostOf(layout, instance).address}`];
}

function page({ file: { scheduler } }: Layout): string[] {
  if (scheduler.page === undefined) return [];
  return [`--page-port=${scheduler.page.port}`, `--page-host=${scheduler.page.address}`];
}

/** Where its metrics are for who looks at them from `watcher`, the name of a host. */
export const metricsAddress = (layout: Pick<Layout, "hosts">, watcher: string, host: string): string =>
  watcher === host ? "127.0.0.1" : ownAddress(layout, { host });

/** For the Prometheus of the stack, wherever that is, and nobody else. */
function metrics(layout: Layout, { host }: Instance): string[] {
  const { monitoring } = layout.file;
  if (monitoring === undefined) return [];
  const address = metricsAddress(layout, monitoring.host, host);
  return [`--metrics-port=${monitoring.metricsPort}`, `--metrics-host=${address}`];
}

/** How long it may drain when it is stopped: its own default, and for what it refuses to start with. */
function drainSeconds({ extraArgs }: Instance): number {
  const seconds = Number(flagsIn(extraArgs).findLast(({ name }) => name === "drain-timeout")?.value);
  return seconds > 0 && seconds <= 86_400 ? seconds : 50;
}
