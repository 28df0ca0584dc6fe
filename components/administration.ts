import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../planning/plan.ts";
import { probe } from "./probe.ts";
import type { Administered, SchedulerTables } from "./probes/arguments.ts";

/** By what a scheduler that runs is told of the instances, so that it stays when they change. */
export interface Administration {
  readonly scheduler: Administered;
  /** `SchedulerTables` as JSON. */
  readonly tables: string;
  /** Made anew with other tables: the scheduler has the instances that are new, besides those that it had. */
  readonly announced: pulumi.CustomResource;
}

/** That of a Plan's scheduler, if it has one. */
export function administrationOf(
  { hosts, containers, adminSocket: socket, rankTables }: Plan,
  options: pulumi.CustomResourceOptions,
): Administration | undefined {
  const { global, nodePorts } = rankTables;
  const local = rankTables.local.at(-1);
  const container = containers.at(-1);
  const hostNamed = (wanted: string | undefined) => hosts.find(({ name }) => name === wanted);
  const host = hostNamed(container?.host);
  if (!container || !host || !socket || !local || !nodePorts) return undefined;
  const scheduler = { host, container: container.name, socket };
  const instances = containers.flatMap(({ role, host: on, port }) =>
    role === "scheduler" ? [] : [{ role, address: `${hostNamed(on)?.address}:${port}` }],
  );
  const tables = JSON.stringify({ instances, global, local, nodePorts } satisfies SchedulerTables);
  const sha256 = createHash("sha256").update(tables).digest("hex");
  const name = `${container.name}-announced`;
  const announced = probe(name, "announce", { scheduler }, [sha256], options, { stdin: tables });
  return { scheduler, tables, announced };
}
