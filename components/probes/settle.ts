import { count } from "../../problems/text.ts";
import { probeArguments } from "./arguments.ts";
import { runProbe } from "./main.ts";
import { askScheduler, instancesOf } from "./scheduler.ts";
import { renewTables, tablesGiven } from "./scheduler-tables.ts";

// Run when every instance that stays has joined: the scheduler lets those go that are planned no more. Each is drained
// by it, which its membership waits for before its container is stopped.
await runProbe(async () => {
  const { scheduler } = probeArguments("settle");
  const tables = await tablesGiven();
  const { container, host } = scheduler;
  if (!(await renewTables(scheduler, tables))) {
    throw new Error(
      `${container} on ${host.name} does not run; it has its new rank tables for when it starts\n` +
        "fix: run `pulumi up --refresh`, which starts it",
    );
  }
  // One at an address that another one has left was drained with that one.
  for (const { address, draining, leaving } of (await instancesOf(scheduler)) ?? [])
    if (draining && !leaving) await askScheduler(scheduler, "/join", { instance: address, deadline: 0 });
  return `${container} sends requests to ${count(tables.instances.length, "instance")}`;
});
