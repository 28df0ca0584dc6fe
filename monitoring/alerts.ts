import { scheduler as own, up } from "./metrics.ts";
import { jobs } from "./targets.ts";

/** What somebody has to look at, and how it is known. */
export interface Alert {
  readonly name: string;
  /** PromQL that has a value in any deployment that serves; what it is compared with stands in `fires`. */
  readonly query: string;
  readonly fires: string;
  /** How long it has to be so. */
  readonly for: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

/** Per stack and instance of the scheduler's series, without the labels of its target. */
const perInstance = (metric: string, aggregate = "max") =>
  `${aggregate} by (stack, role, pd_instance) (${metric})`;

const requests = (by = "") => `sum by (stack) (rate(${own.requests}${by}[5m]))`;

/** With none at all it is 0, and not nothing. */
const failed = `(${requests('{status=~"5.."}')} or 0 * ${requests()})`;

const where = "{{ $labels.pd_instance }} of {{ $labels.stack }}";

export const alerts: readonly Alert[] = [
  {
    name: "AscendPdSchedulerDown",
    query: `${up}{job="${jobs.scheduler}"}`,
    fires: "== 0",
    for: "1m",
    severity: "critical",
    summary: "The scheduler of {{ $labels.stack }} does not answer on its port for metrics.",
  },
  {
    name: "AscendPdNotReady",
    query: `max by (stack) (${own.ready})`,
    fires: "== 0",
    for: "1m",
    severity: "critical",
    summary: "The scheduler of {{ $labels.stack }} refuses requests: a role has no instance.",
  },
  {
    name: "AscendPdInstanceUnhealthy",
    query: perInstance(own.instanceHealthy),
    fires: "== 0",
    for: "1m",
    severity: "warning",
    summary: `${where} does not answer its health check.`,
  },
  {
    name: "AscendPdInstanceStalled",
    query: perInstance(own.instanceStalled),
    fires: "== 1",
    for: "30s",
    severity: "critical",
    summary: `${where} answers its health check, and its requests stand still.`,
  },
  {
    name: "AscendPdInstanceDrained",
    query: perInstance(own.instanceDraining),
    fires: "== 1",
    for: "30m",
    severity: "warning",
    summary: `${where} has been drained for half an hour.`,
  },
  {
    name: "AscendPdRequestsFail",
    query: `${failed} / ${requests()}`,
    fires: "> 0.05",
    for: "5m",
    severity: "critical",
    summary: "{{ $value | humanizePercentage }} of the requests of {{ $labels.stack }} fail.",
  },
  {
    name: "AscendPdRequestsWait",
    query: `min by (stack) (min_over_time(${own.requestsWaiting}[5m]))`,
    fires: "> 0",
    for: "5m",
    severity: "warning",
    summary: "Requests of {{ $labels.stack }} have waited for their turn all the time: it is full.",
  },
  {
    name: "AscendPdFirstTokenSlow",
    query: `histogram_quantile(0.9, sum by (stack, le) (rate(${own.timeToFirstToken}_bucket[5m])))`,
    fires: "> 10",
    for: "10m",
    severity: "warning",
    summary:
      "One stream in ten of {{ $labels.stack }} waits {{ $value | humanizeDuration }} for its first token.",
  },
  {
    name: "AscendPdKvNotFetched",
    query: `sum by (stack, role, pd_instance) (increase(${own.kvExpired}[15m]))`,
    fires: "> 0",
    for: "0s",
    severity: "warning",
    summary: `${where} kept KV cache until its lease was over: decode did not fetch it.`,
  },
  {
    name: "AscendPdPromptsRecomputed",
    query: `sum by (stack) (rate(${own.recomputed}[5m])) / ${requests()}`,
    fires: "> 0.05",
    for: "5m",
    severity: "warning",
    summary:
      "Decode computes the prompts of {{ $value | humanizePercentage }} of the requests of {{ $labels.stack }}.",
  },
];

/** Where people read what an alert means, how to check it and what to do. */
export const runbookPage = "docs/monitoring.md";

export const runbookOf = ({ name }: Pick<Alert, "name">): string => `${runbookPage}#${name.toLowerCase()}`;

/** A file of rules for Prometheus. */
export function alertRules(): object {
  return {
    groups: [
      {
        name: "ascend-pd",
        rules: alerts.map((alert) => ({
          alert: alert.name,
          expr: `${alert.query} ${alert.fires}`,
          for: alert.for,
          labels: { severity: alert.severity },
          annotations: { summary: alert.summary, runbook_url: runbookOf(alert) },
        })),
      },
    ],
  };
}
