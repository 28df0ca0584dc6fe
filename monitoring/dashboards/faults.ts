import { scheduler, up } from "../metrics.ts";
import { jobs } from "../targets.ts";
import type { Dashboard } from "./dashboard.ts";
import { fromOne, fromOneOrange, lines, number, of, rate, share, stackVariable, sum } from "./queries.ts";

const states = `${of(scheduler.instanceReady)}`;
const anyTarget = `job=~"${jobs.scheduler}|${jobs.engine}"`;

export const faults: Dashboard = {
  uid: "ascend-pd-faults",
  title: "ascend-pd: faults",
  description: "What is not as it should be, and since when.",
  variables: [stackVariable],
  rows: [
    {
      title: "Now",
      panels: [
        number(
          "Not scraped",
          "Targets that do not answer Prometheus.",
          "none",
          `count(${of(up, anyTarget)} == 0) or 0 * count(${of(up, anyTarget)})`,
          fromOne,
        ),
        number(
          "Without requests",
          "Instances that get none.",
          "none",
          `count(${states} == 0) or 0 * count(${states})`,
          fromOne,
        ),
        number(
          "Unhealthy",
          "Instances that do not answer their health check.",
          "none",
          `count(${states}) - ${sum(of(scheduler.instanceHealthy))}`,
          fromOne,
        ),
        number(
          "Stalled",
          "Instances whose requests stand still.",
          "none",
          sum(of(scheduler.instanceStalled)),
          fromOne,
        ),
        number(
          "Drained",
          "Instances that get nothing new.",
          "none",
          sum(of(scheduler.instanceDraining)),
          fromOneOrange,
        ),
        number(
          "Threads died",
          "Of --workers, in a day.",
          "none",
          sum(`increase(${of(scheduler.workerDeaths)}[1d])`),
          fromOne,
        ),
        number(
          "Broken",
          "Instances that get nothing because they failed too many requests.",
          "none",
          sum(of(scheduler.instanceBroken)),
          fromOne,
        ),
        number(
          "Unproven",
          "Instances that get nothing until a canary has gone well with one of the other role.",
          "none",
          sum(of(scheduler.instanceUnproven)),
          fromOneOrange,
        ),
        number(
          "Quarantined pairs",
          "Of a prefill and a decode instance: they failed their last canary.",
          "none",
          sum(of(scheduler.quarantinedPairs)),
          fromOne,
        ),
        number(
          "Canaries failed",
          "In an hour.",
          "none",
          sum(`increase(${of(scheduler.canaries, 'outcome="failed"')}[1h])`),
          fromOne,
        ),
        number(
          "Compute prompts",
          "Decode instances that compute most prompts themselves: KV caches do not reach them.",
          "none",
          sum(of(scheduler.computesPrompts)),
          fromOne,
        ),
        number(
          "Spans dropped",
          "Of traces, in an hour: the collector was slow or failed.",
          "none",
          sum(`increase(${of(scheduler.spans, 'result="dropped"')}[1h])`),
          fromOneOrange,
        ),
      ],
    },
    {
      title: "Requests",
      panels: [
        lines("Failed requests", "Share of answers 5xx.", "percentunit", [
          {
            expr: share(sum(rate(scheduler.requests, 'status=~"5.."')), sum(rate(scheduler.requests))),
            legend: "5xx",
          },
        ]),
        lines("Outcomes", "Requests a second by the code of their error; ok is none.", "reqps", [
          { expr: sum(rate(scheduler.requests), "outcome"), legend: "{{outcome}}" },
        ]),
        lines(
          "Failures by instance",
          "Times a second that it has failed a request, also where another attempt went well.",
          "reqps",
          [{ expr: sum(rate(scheduler.failures), "pd_instance"), legend: "{{pd_instance}}" }],
        ),
        lines("Failures by kind", "The same by what went wrong.", "reqps", [
          { expr: sum(rate(scheduler.failures), "kind"), legend: "{{kind}}" },
        ]),
      ],
    },
    {
      title: "Instances",
      panels: [
        lines("Gets requests", "1 while it does.", "none", [{ expr: states, legend: "{{pd_instance}}" }]),
        lines("Answers Prometheus", "1 while it does.", "none", [
          { expr: of(up, anyTarget), legend: "{{job}} {{pd_instance}}" },
        ]),
        lines("Canaries", "A second, by decode instance and outcome.", "short", [
          {
            expr: sum(rate(scheduler.canaries), "pd_instance", "outcome"),
            legend: "{{pd_instance}} {{outcome}}",
          },
        ]),
        lines("Leases of KV cache that ran out", "Prompts a second whose KV cache nobody fetched.", "short", [
          { expr: sum(rate(scheduler.kvExpired), "pd_instance"), legend: "{{pd_instance}}" },
        ]),
      ],
    },
  ],
};
