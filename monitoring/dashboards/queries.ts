import { scheduler } from "../metrics.ts";
import type { Panel, Query, Unit, Variable } from "./dashboard.ts";

export const stackVariable: Variable = {
  name: "stack",
  label: "Stack",
  metric: scheduler.ready,
  of: "stack",
};

/** A selector of one stack's series, with more matchers. */
export const of = (metric: string, ...matchers: readonly string[]): string =>
  `${metric}{${['stack="$stack"', ...matchers].join(",")}}`;

/** Over the time that Grafana finds fit for the panel. */
export const rate = (metric: string, ...matchers: readonly string[]): string =>
  `rate(${of(metric, ...matchers)}[$__rate_interval])`;

export const sum = (expr: string, ...by: readonly string[]): string =>
  by.length === 0 ? `sum(${expr})` : `sum by (${by.join(", ")}) (${expr})`;

/** `part` of `whole`, and 0 of something rather than nothing. */
export const share = (part: string, whole: string): string => `(${part} or 0 * ${whole}) / ${whole}`;

/** Three quantiles of a histogram. */
export const quantiles = (metric: string, ...matchers: readonly string[]): Query[] =>
  [0.5, 0.9, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${sum(rate(`${metric}_bucket`, ...matchers), "le")})`,
    legend: `p${quantile * 100}`,
  }));

type Short = (
  title: string,
  description: string,
  unit: Unit,
  queries: string | readonly Query[],
  thresholds?: Panel["thresholds"],
) => Panel;

const panel =
  (shows: Panel["shows"]): Short =>
  (title, description, unit, queries, thresholds) => ({
    ...{ title, description, shows, unit },
    queries: typeof queries === "string" ? [{ expr: queries, legend: title }] : queries,
    ...(thresholds !== undefined && { thresholds }),
  });

/** One number. */
export const number: Short = panel("number");

/** Lines over time. */
export const lines: Short = panel("lines");

/** Of what need not be a fault. */
export const fromOneOrange = [{ from: 1, colour: "orange" }] as const;
export const fromOne = [{ from: 1, colour: "red" }] as const;
