import { FAULTS, SUNG } from "../instances/account.ts";
import type { Instance } from "../instances/instances.ts";
import { PAIR } from "../instances/pairs.ts";
import { SOURCES } from "../instances/prompt-sources.ts";
import type { Metric, Sample } from "./metrics.ts";
import type { Stats } from "./stats.ts";

/** The version of this program, that of package.json. */
export const VERSION = "0.1.0";

/** What the metrics tell of, as it is when they are asked for. */
export interface Facts {
  readonly stats: Stats;
  readonly instances: readonly Instance[];
  readonly ready: boolean;
  readonly workerDeaths: number;
  /** Of keys, by place. */
  readonly keyNames: readonly string[];
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

const ofDecode = (instances: readonly Instance[], samples: (decode: Instance) => readonly Sample[]) =>
  instances.filter(({ role }) => role === "decode").flatMap(samples);

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
    samples: ({ stats }) => stats.requestSamples(),
  },
  {
    type: "counter",
    name: "ascend_pd_key_requests_total",
    help: "The same by the name of the key that they came with, where keys are asked for.",
    labels: ["key", "status"],
    samples: ({ stats, keyNames }) => stats.keySamples(keyNames),
  },
  single(
    "gauge",
    "ascend_pd_requests_in_flight",
    "Requests whose head has been read and that are not over.",
    ({ stats }) => stats.inFlight,
  ),
  single(
    "gauge",
    "ascend_pd_requests_waiting",
    "Of these: requests that wait for their turn.",
    ({ stats }) => stats.waiting,
  ),
  single("gauge", "ascend_pd_connections", "Connections of clients.", ({ stats }) => stats.connections),
  single(
    "counter",
    "ascend_pd_connections_refused_total",
    "Connections of clients for which there was no room.",
    ({ stats }) => stats.refused,
  ),
  single(
    "gauge",
    "ascend_pd_buffered_bytes",
    "What --max-buffered-bytes limits.",
    ({ stats }) => stats.buffered,
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
  single(
    "counter",
    "ascend_pd_answer_bytes_total",
    "Bytes of the bodies of answers.",
    ({ stats }) => stats.bytes,
  ),
  single(
    "counter",
    "ascend_pd_events_total",
    "Events or records relayed, [DONE] not counted.",
    ({ stats }) => stats.events,
  ),
  single(
    "counter",
    "ascend_pd_prompt_tokens_total",
    "Tokens of prompts, as engines count them.",
    ({ stats }) => stats.promptTokens,
  ),
  single(
    "counter",
    "ascend_pd_cached_tokens_total",
    "Of these: those that prefill had in its prefix cache, where it says so.",
    ({ stats }) => stats.cachedTokens,
  ),
  {
    type: "counter",
    name: "ascend_pd_generated_tokens_total",
    help: "Tokens of answers, by how they are known: the engine's usage, or the events of a stream without one.",
    labels: ["source"],
    samples: ({ stats: { generatedTokens } }) =>
      Object.entries(generatedTokens).map(([source, value]) => ({ labels: { source }, value })),
  },
  {
    type: "counter",
    name: "ascend_pd_key_tokens_total",
    help: "Tokens by the name of the key that requests came with: kind is prompt, cached or generated.",
    labels: ["key", "kind"],
    samples: ({ stats, keyNames }) => stats.keyTokenSamples(keyNames),
  },
  single(
    "counter",
    "ascend_pd_recomputed_total",
    "Requests for which prefill gave no KV parameters, so that decode computed the prompt.",
    ({ stats }) => stats.recomputed,
  ),
  single(
    "counter",
    "ascend_pd_given_back_total",
    "Answers that decode gave back for want of KV cache, as often as it did.",
    ({ stats }) => stats.givenBack,
  ),
  perInstance("gauge", "ascend_pd_instance_ready", "1 while it gets requests.", ({ ready }) => Number(ready)),
  perInstance("gauge", "ascend_pd_instance_healthy", "1 while it answers its health check.", ({ healthy }) =>
    Number(healthy),
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_stalled",
    "1 while its requests stand still although it answers its health check.",
    ({ stalled }) => Number(stalled),
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_broken",
    "1 while it gets nothing because it has failed too many requests.",
    ({ broken }) => Number(broken),
  ),
  perInstance(
    "gauge",
    "ascend_pd_instance_unproven",
    "1 while no instance of the other role is known to hand KV cache over as it should be.",
    ({ unproven }) => Number(unproven),
  ),
  {
    type: "gauge",
    name: "ascend_pd_instance_quarantined_pairs",
    help: "Prefill instances with which it has failed its last canary.",
    labels: ["role", "pd_instance"],
    samples: ({ instances }) =>
      ofDecode(instances, (decode) => [
        {
          labels: labelsOf(decode),
          value: instances.filter(
            ({ role, place }) => role === "prefill" && decode.pairs.at(place) === PAIR.quarantined,
          ).length,
        },
      ]),
  },
  {
    type: "counter",
    name: "ascend_pd_instance_canaries_total",
    help: "Canaries of its pairs; outcome is passed, failed, or unknown where it says nothing of the pair.",
    labels: ["role", "pd_instance", "outcome"],
    samples: ({ instances }) =>
      ofDecode(instances, (decode) =>
        SUNG.map((outcome) => ({
          labels: { ...labelsOf(decode), outcome },
          value: decode.canaries(outcome),
        })),
      ),
  },
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
    "Prompts whose KV cache it keeps, until decode has fetched it, it is told to free it, or its lease is over.",
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
    "ascend_pd_instance_kv_released_total",
    "Prompts whose KV cache it was told to free, because decode will not fetch it.",
    ({ kvReleased }) => kvReleased,
  ),
  perInstance(
    "counter",
    "ascend_pd_instance_kv_expired_total",
    "Prompts whose KV cache it kept until its lease was over.",
    ({ kvExpired }) => kvExpired,
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
        FAULTS.map((fault) => ({
          labels: { ...labelsOf(instance), kind: `${instance.role}_${fault}` },
          value: instance.faults(fault),
        })),
      ),
  },
  perInstance(
    "gauge",
    "ascend_pd_instance_load_told",
    "1 while its /metrics tell what the routing policy compares.",
    ({ load }) => Number(load !== undefined),
  ),
  {
    type: "counter",
    name: "ascend_pd_instance_prompt_tokens_total",
    help: "Prompt tokens of a decode instance by where they came from, as its own /metrics count them.",
    labels: ["role", "pd_instance", "source"],
    samples: ({ instances }) =>
      instances.flatMap((instance) => {
        const { sources } = instance;
        if (sources === undefined) return [];
        return SOURCES.map((source) => ({
          labels: { ...labelsOf(instance), source },
          value: sources[source],
        }));
      }),
  },
  {
    type: "gauge",
    name: "ascend_pd_instance_transfer_share",
    help: "Of its prompt tokens of the last minute that it had not cached: the part that prefill computed, 0 to 1.",
    labels: ["role", "pd_instance"],
    samples: ({ instances }) =>
      instances
        .filter(({ transferShare }) => !Number.isNaN(transferShare))
        .map((instance) => ({ labels: labelsOf(instance), value: instance.transferShare })),
  },
  perInstance(
    "gauge",
    "ascend_pd_instance_computes_prompts",
    "1 while a decode instance computes most of its prompts itself: KV caches do not reach it.",
    ({ computesPrompts }) => Number(computesPrompts),
  ),
  single(
    "counter",
    "ascend_pd_worker_deaths_total",
    "Threads of --workers that died; another one takes the place of each.",
    ({ workerDeaths }) => workerDeaths,
  ),
  {
    type: "counter",
    name: "ascend_pd_spans_total",
    help: "Spans of traces, by what became of them: exported, or dropped because the collector was slow or failed.",
    labels: ["result"],
    samples: ({ stats: { spans } }) => [
      { labels: { result: "exported" }, value: spans.exported },
      { labels: { result: "dropped" }, value: spans.dropped },
    ],
  },
  histogram(
    "ascend_pd_event_loop_lag_seconds",
    "How late the event loop comes to what is due.",
    ({ lag }) => lag,
  ),
];
