import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { type Administered, administered, schedulerTables } from "../hosts/administered.ts";
import type { Plan } from "../planning/plan.ts";
import { probe } from "./probe.ts";

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
  plan: Plan,
  options: pulumi.CustomResourceOptions,
): Administration | undefined {
  const scheduler = administered(plan);
  const wanted = schedulerTables(plan);
  if (scheduler === undefined || wanted === undefined) return undefined;
  const tables = JSON.stringify(wanted);
  const sha256 = createHash("sha256").update(tables).digest("hex");
  const name = `${scheduler.container}-announced`;
  const announced = probe(name, "announce", { scheduler }, [sha256], options, { stdin: tables });
  return { scheduler, tables, announced };
}
