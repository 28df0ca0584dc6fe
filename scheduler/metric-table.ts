import { type Instance, isReady } from "./instances.ts";
import type { Trace } from "./log.ts";
import type { Metric, Sample } from "./metrics.ts";
import type { Stats } from "./stats.ts";

/** The version of this program, that of package.json. */
export const VERSION = "0.1.0";

/** What the metrics tell of, as it is when they are asked for. */
export interface Facts {
  readonly stats: Stats;
  readonly instances: readonly Instance[];
  readonly ready: boolean;
  /** Of the requests in flight. */
  readonly traces: readonly Trace[];
}

interface TableEntry extends Metric {
  samples(facts: Facts): readonly Sample[];
}

type Type = "counter" | "gauge";

const single = (type: Type, name: string, help: string, value: (facts: Facts) => number): TableEntry => ({
  type,
  name,
  help,
  labels: [],
  samples: (facts) => [{ labels: {}, value: value(facts) }],
});

/** `instance` would be the name of a label that Prometheus itself gives. */
const labelsOf = ({ role, name }: Instance) => ({ role, pd_instance: name });

const perInstance = (
  type: Type,
  name: string,
  help: string,
  value: (instance: Instance) => number,
): TableEntry => ({
  type,
  name,
  help,
  labels: ["role", "pd_instance"],
  samples: ({ instances }) =>
    instances.map((instance) => ({ labels: labelsOf(instance), value: value(instance) })),
});

const histogram = (
  name: string,
  help: string,
  of: (stats: Stats) => { samples(): Sample[] },
): TableEntry => ({
  type: "histogram",
  name,
  help,
  labels: [],
  samples: ({ stats }) => of(stats).samples(),
});

/** With those of requests that still run, so that a counter does not stand still while a stream does not. */
const withRunning = (ended: number, { traces }: Facts, of: (trace: Trace) => number) =>
  traces.reduce((sum, trace) => sum + of(trace), ended);

/** Every metric there is. No label has a value that a client has chosen. */
export const METRICS: readonly TableEntry[] = [
  {
    type: "gauge",
    name: "ascend_pd_build_info",
    help: "Always 1; the versions of the program and of Node.",
    labels: ["version", "node"],
    samples: () => [{ labels: { version: VERSION, node: process.version }, value: 1 }],
  },
  single("gauge", "ascend_pd_ready", "1 while /readyz says so.", ({ ready }) => Number(ready)),
  {
    type: "counter",
    name: "ascend_pd_requests_total",
    help: "Requests that are over; outcome is ok or the code of the error.",
    labels: ["path", "outcome", "status"],
    samples: ({ stats }) => requestSamples(stats),
  },
  single(
    "gauge",
    "ascend_pd_requests_in_flight",
    "Requests whose head has been read and that are not over.",
    ({ traces }) => traces.length,
  ),
  histogram(
    "ascend_pd_time_to_first_token_seconds",
    "Of streams, from the request's head to the first event.",
    ({ ttft }) => ttft,
  ),
  histogram(
    "ascend_pd_time_per_output_token_seconds",
    "Of whole streams, from the first event to the last, over the number of events behind the first.",
    ({ tpot }) => tpot,
  ),
  {
    type: "histogram",
    name: "ascend_pd_leg_seconds",
    help: "From the request's body to prefill's answer, and from there to the end of decode's.",
    labels: ["leg"],
    samples: ({ stats: { legs } }) => [
      ...legs.prefill.samples({ leg: "prefill" }),
      ...legs.decode.samples({ leg: "decode" }),
    ],
  },
  single("counter", "ascend_pd_answer_bytes_total", "Bytes of the bodies of answers.", (facts) =>
    withRunning(facts.stats.bytes, facts, ({ bytes }) => bytes),
  ),
  single("counter", "ascend_pd_events_total", "Events or records relayed, [DONE] not counted.", (facts) =>
    withRunning(facts.stats.events, facts, ({ events }) => events),
  ),
  single(
    "counter",
    "ascend_pd_recomputed_total",
    "Requests for which prefill gave no KV parameters, so that decode computed the prompt.",
    ({ stats }) => stats.recomputed,
  ),
  perInstance("gauge", "ascend_pd_instance_ready", "1 while it gets requests.", (instance) =>
    Number(isReady(instance)),
  ),
  perInstance("gauge", "ascend_pd_instance_healthy", "1 while it answers its health check.", ({ healthy }) =>
    Number(healthy),
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_stalled",
    "1 while its requests stand still although it answers its health check.",
    ({ stalled }) => Number(stalled),
  ),
  perInstance("gauge", "ascend_pd_instance_draining", "1 while it gets nothing new.", ({ draining }) =>
    Number(draining),
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_in_flight",
    "Requests that it works on.",
    ({ inFlight }) => inFlight,
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_kv_held",
    "Prompts whose KV cache it keeps, until decode has fetched it or its lease is over.",
    ({ kvHeld }) => kvHeld,
  ),
  perInstance(
    "counter",
    "ascend_pd_instance_kv_abandoned_total",
    "Prompts whose KV cache it handed out, and decode is not known to have fetched.",
    ({ kvAbandoned }) => kvAbandoned,
  ),
  perInstance(
    "counter",
    "ascend_pd_instance_served_total",
    "Requests that it has answered well.",
    ({ served }) => served,
  ),
  {
    type: "counter",
    name: "ascend_pd_instance_failures_total",
    help: "Times that it has failed a request, also where another attempt went well.",
    labels: ["role", "pd_instance", "kind"],
    samples: ({ instances }) =>
      instances.flatMap((instance) =>
        [...instance.failures].map(([kind, value]) => ({ labels: { ...labelsOf(instance), kind }, value })),
      ),
  },
  perInstance(
    "gauge",
    "ascend_pd_instance_load_told",
    "1 while its /metrics tell what the routing policy compares.",
    ({ load, loadProblem }) => Number(load !== undefined && loadProblem === undefined),
  ),
  histogram(
    "ascend_pd_event_loop_lag_seconds",
    "How late the event loop comes to what is due.",
    ({ lag }) => lag,
  ),
];

function requestSamples({ requests }: Stats): Sample[] {
  const samples: Sample[] = [];
  for (const [path, outcomes] of requests) {
    for (const [outcome, byStatus] of outcomes) {
      for (const [digit, value] of byStatus.entries()) {
        if (value > 0) samples.push({ labels: { path, outcome, status: `${digit}xx` }, value });
      }
    }
  }
  return samples;
}
