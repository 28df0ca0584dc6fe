import type { Problem } from "../../problems/problem.ts";
import { count } from "../../problems/text.ts";
import type { RatioInput } from "../../ratio/input.ts";
import type { RatioPlan } from "../../ratio/plan-ratio.ts";
import type { Sensitivity } from "../../ratio/sensitivity.ts";
import type { Sizing } from "../../ratio/sizing.ts";
import { table } from "../table.ts";

/** A plan as text for people. */
export function report(plan: RatioPlan, sensitivities: readonly Sensitivity[], input: RatioInput): string {
  const [best, ...others] = plan.sizings;
  return [
    headline(best),
    indent(table(facts(plan, best, input))),
    ...(others.length > 0 ? [indent(table(choices(plan.sizings)))] : []),
    indent(table(whatIf(sensitivities, input))),
    ["An estimate, not a forecast:", ...cautions(plan, input).map((caution) => `  - ${caution}`)].join("\n"),
  ].join("\n\n");
}

const headline = ({ prefill, decode, npus, requestRate }: Sizing) =>
  `${count(prefill, "prefill instance")} and ${count(decode, "decode instance")}, ${count(npus, "NPU")}, for ${short(requestRate)} requests/s`;

function facts(
  { rates, points, decodePerPrefill, queueingMs }: RatioPlan,
  best: Sizing,
  input: RatioInput,
): string[][] {
  const { busy, bottleneck, headroom, busyWithoutOne } = best;
  const link = Number.isFinite(rates.transfer) ? `, KV cache link ${percent(busy.transfer)}` : "";
  return [
    [
      "one instance serves",
      `prefill ${short(rates.prefill)}/s (${points.prefill.path}), decode ${short(rates.decode)}/s (${points.decode.path})`,
    ],
    ["balance", balance(decodePerPrefill)],
    [
      "busy",
      `prefill ${percent(busy.prefill)}, decode ${percent(busy.decode)}${link}; ${percent(input.utilisation)} is allowed`,
    ],
    [
      "bottleneck",
      `${bottleneck === "transfer" ? "the KV cache link" : bottleneck}; the rate can grow by ${percent(headroom)}`,
    ],
    [
      "when one fails",
      `prefill ${without(busyWithoutOne.prefill)}, decode ${without(busyWithoutOne.decode)}`,
    ],
    [
      "N+1",
      `${best.prefill + 1} prefill and ${best.decode + 1} decode, ${count(best.npus + input.prefill.npus + input.decode.npus, "NPU")}`,
    ],
    ...(queueingMs === undefined
      ? []
      : [
          [
            "queue",
            `a prompt waits ${short(queueingMs)} ms or more on average, beside its TTFT of ${points.prefill.latencyMs} ms`,
          ],
        ]),
  ];
}

function balance(decodePerPrefill: number): string {
  return decodePerPrefill >= 1
    ? `1 prefill instance keeps ${short(decodePerPrefill)} decode instances busy`
    : `1 decode instance keeps ${short(1 / decodePerPrefill)} prefill instances busy`;
}

const without = (busy: number | null) =>
  busy === null ? "has none left" : `${percent(busy)}${busy > 1 ? " (overloaded)" : ""}`;

function choices(sizings: readonly Sizing[]): string[][] {
  const rows = sizings.map(({ prefill, decode, npus, requestRate, bottleneck }) => [
    `${prefill}P ${decode}D`,
    String(npus),
    short(requestRate),
    short(requestRate / npus),
    bottleneck,
  ]);
  return [["CHOICE", "NPUS", "REQUESTS/S", "PER NPU", "BOTTLENECK"], ...rows];
}

function whatIf(sensitivities: readonly Sensitivity[], { requestRate }: RatioInput): string[][] {
  const cell = (outcome: Sizing | Problem) => {
    if ("code" in outcome) return outcome.code === "PD901" ? "to be measured" : "misses the SLO";
    const { prefill, decode } = outcome;
    return requestRate === undefined
      ? `${prefill}P ${decode}D ${short(outcome.requestRate)}/s`
      : `${prefill}P ${decode}D`;
  };
  return [
    ["WHEN IT IS", "20 % LOWER", "20 % HIGHER"],
    ...sensitivities.map(({ input, lower, higher }) => [input, cell(lower), cell(higher)]),
  ];
}

function cautions({ queueingMs = 0, points }: RatioPlan, { input, output, slo }: RatioInput): string[] {
  const unknown = input.p95 === undefined || output.p95 === undefined;
  const hidden = Object.entries({ input, output }).flatMap(([what, { mean, p95 = 0 }]) =>
    p95 > 2 * mean
      ? [`the p95 of the ${what} length is ${short(p95 / mean)} times its mean, which hides long requests`]
      : [],
  );
  const late = (points.prefill.latencyMs ?? 0) + queueingMs > slo.ttftMs;
  return [
    "it holds for steady requests of mean length; bursts queue, and TTFT grows with the queue",
    ...(late
      ? ["with the queue the mean TTFT misses the SLO: allow less utilisation, or measure a smaller batch"]
      : []),
    ...(unknown ? ["without p95 lengths nobody knows whether the means describe the requests"] : []),
    ...hidden,
    "separation may not pay: run the same NPUs unseparated first, and compare",
    "confirm it with a run of this layout, and add to the side that reaches its limit first",
  ];
}

const indent = (text: string) => text.replace(/^/gm, "  ");
const percent = (value: number) => `${Math.round(value * 100)} %`;
const short = (value: number) => String(Number(value.toPrecision(value >= 1000 ? 6 : 3)));
