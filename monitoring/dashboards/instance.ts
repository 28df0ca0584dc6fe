import { engine, scheduler } from "../metrics.ts";
import type { Dashboard } from "./dashboard.ts";
import {
  fromOne,
  fromOneOrange,
  lines,
  number,
  of,
  quantiles,
  rate,
  share,
  stackVariable,
  sum,
} from "./queries.ts";

const one = 'pd_instance="$pd_instance"';

export const instance: Dashboard = {
  uid: "ascend-pd-instance",
  title: "ascend-pd: instance",
  description: "One instance, by the scheduler's word and by its own.",
  variables: [
    stackVariable,
    {
      name: "pd_instance",
      label: "Instance",
      metric: of(scheduler.instanceReady),
      of: "pd_instance",
    },
  ],
  rows: [
    {
      title: "State",
      panels: [
        number("Gets requests", "1 while it does.", "none", `min(${of(scheduler.instanceReady, one)})`, [
          { from: 0, colour: "red" },
          { from: 1, colour: "green" },
        ]),
        number(
          "Healthy",
          "1 while it answers its health check.",
          "none",
          `min(${of(scheduler.instanceHealthy, one)})`,
          [
            { from: 0, colour: "red" },
            { from: 1, colour: "green" },
          ],
        ),
        number(
          "Stalled",
          "1 while its requests stand still.",
          "none",
          `max(${of(scheduler.instanceStalled, one)})`,
          fromOne,
        ),
        number(
          "Drained",
          "1 while it gets nothing new.",
          "none",
          `max(${of(scheduler.instanceDraining, one)})`,
          fromOneOrange,
        ),
        number(
          "Broken",
          "1 while it gets nothing because it failed too many requests.",
          "none",
          `max(${of(scheduler.instanceBroken, one)})`,
          fromOne,
        ),
        number(
          "Unproven",
          "1 while it gets nothing until a canary has gone well.",
          "none",
          `max(${of(scheduler.instanceUnproven, one)})`,
          fromOneOrange,
        ),
        number(
          "In flight",
          "What the scheduler has there.",
          "short",
          sum(of(scheduler.instanceInFlight, one)),
        ),
        number(
          "KV caches held",
          "Prompts whose KV cache it keeps for decode.",
          "short",
          sum(of(scheduler.kvHeld, one)),
        ),
      ],
    },
    {
      title: "Work",
      panels: [
        lines("Batch", "By its own word.", "short", [
          { expr: sum(of(engine.running, one)), legend: "running" },
          { expr: sum(of(engine.waiting, one)), legend: "waiting" },
        ]),
        lines("KV cache", "Part that is in use.", "percentunit", [
          { expr: `max(${of(engine.kvUsage, one)} or ${of(engine.kvUsageBefore, one)})`, legend: "in use" },
        ]),
        lines("Tokens", "A second.", "short", [
          { expr: sum(rate(engine.promptTokens, one)), legend: "of prompts" },
          { expr: sum(rate(engine.generationTokens, one)), legend: "generated" },
        ]),
        lines("Time to first token", "By its own word.", "s", quantiles(engine.timeToFirstToken, one)),
        lines("Finished", "Requests a second, by why they ended.", "reqps", [
          { expr: sum(rate(engine.success, one), "finished_reason"), legend: "{{finished_reason}}" },
        ]),
        lines("Prefix cache", "Share of prompt tokens that were there.", "percentunit", [
          {
            expr: share(sum(rate(engine.prefixHits, one)), sum(rate(engine.prefixQueries, one))),
            legend: "hits",
          },
        ]),
        lines("Served", "Requests a second that it has answered well.", "reqps", [
          { expr: sum(rate(scheduler.served, one)), legend: "served" },
        ]),
        lines("Failures", "Times a second that it has failed a request.", "reqps", [
          { expr: sum(rate(scheduler.failures, one), "kind"), legend: "{{kind}}" },
        ]),
      ],
    },
  ],
};
