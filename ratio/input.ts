import { z } from "zod";
import { shapeProblems } from "../planning/stack-file/shape-problems.ts";
import type { Problem } from "../problems/problem.ts";

/* Descriptions reach editors through schemas/ratio.schema.json, and the `fix` line of shape problems. */

const above = (least: number, description: string) => z.number().gt(least).max(1e9).describe(description);

const count = (description: string, most = 1_000_000) => z.int().min(1).max(most).describe(description);

const lengths = (what: string, least: number) =>
  z
    .strictObject({
      mean: z.number().min(least).max(1e9).describe(`mean ${what} tokens of a request, e.g. 256`),
      p95: above(
        0,
        `${what} tokens that 95 % of the requests do not exceed; shows whether a mean describes them`,
      ).optional(),
    })
    .describe(`${what} tokens of the requests that will come`);

const batch = count("requests in the batch that was measured, e.g. 16").optional();

const tokensPerSecond = (what: string) =>
  above(
    0,
    `${what} tokens per second of one instance in a run that kept its SLO, instead of a latency and batch`,
  ).optional();

const prefillPoint = z
  .strictObject({
    input: count("prompt tokens of every request in the run, e.g. 256"),
    batch,
    ttftMs: above(0, "time to first token in milliseconds at that batch, e.g. 877.61").optional(),
    tokensPerSecond: tokensPerSecond("prompt"),
  })
  .refine(({ batch, ttftMs, tokensPerSecond }) => isOneMeasurement(batch, ttftMs, tokensPerSecond), {
    error: "needs batch and ttftMs, or tokensPerSecond alone",
  })
  .describe("a measurement of one prefill instance: input, and batch and ttftMs, or tokensPerSecond");

const decodePoint = z
  .strictObject({
    input: count("prompt tokens of every request in the run, e.g. 256"),
    output: count("generated tokens of every request in the run, e.g. 256"),
    batch,
    tpotMs: above(0, "time per output token in milliseconds at that batch, e.g. 48.7").optional(),
    tokensPerSecond: tokensPerSecond("generated"),
  })
  .refine(({ batch, tpotMs, tokensPerSecond }) => isOneMeasurement(batch, tpotMs, tokensPerSecond), {
    error: "needs batch and tpotMs, or tokensPerSecond alone",
  })
  .describe("a measurement of one decode instance: input, output, and batch and tpotMs, or tokensPerSecond");

function isOneMeasurement(batch?: number, milliseconds?: number, tokensPerSecond?: number): boolean {
  const given = [batch, milliseconds, tokensPerSecond].map((value) => value !== undefined);
  return given.join() === "true,true,false" || given.join() === "false,false,true";
}

const side = <Point extends z.ZodType>(role: string, point: Point) =>
  z
    .strictObject({
      npus: count(`NPUs of one ${role} instance, e.g. 2`),
      batch: count(
        "batch that the instances will run with, default the measured one that serves most",
      ).optional(),
      points: z.array(point).min(1).describe(`measurements of one ${role} instance on these NPUs`),
    })
    .describe(`what was measured on one ${role} instance`);

export const ratioInputSchema = z
  .strictObject({
    requestRate: above(0, "requests per second to serve, e.g. 12; instead of npus").optional(),
    npus: count(
      "NPUs to share out for the highest rate, e.g. 16; instead of requestRate",
      100_000,
    ).optional(),
    input: lengths("input", 1),
    output: lengths("output", 2),
    prefixHit: z
      .number()
      .min(0)
      .max(0.99)
      .default(0)
      .describe("fraction of the prefill work that the prefix cache saves, default 0"),
    slo: z
      .strictObject({
        ttftMs: above(0, "longest time to first token in milliseconds, e.g. 1000"),
        tpotMs: above(0, "longest time per output token in milliseconds, e.g. 50"),
      })
      .describe("what the service promises; points that miss it do not count"),
    utilisation: z
      .number()
      .gt(0)
      .max(0.99)
      .default(0.75)
      .describe("how busy instances may be on average, default 0.75; the rest absorbs bursts"),
    prefill: side("prefill", prefillPoint),
    decode: side("decode", decodePoint),
    kvTransfer: z
      .strictObject({
        bytesPerToken: above(0, "KV cache of one token in bytes, over all layers, e.g. 131072"),
        gigabytesPerSecond: above(
          0,
          "what one instance can send or receive, in 10^9 bytes per second, e.g. 20",
        ),
      })
      .optional()
      .describe("size and link of the KV cache, default: never the bottleneck"),
  })
  .refine(({ requestRate, npus }) => requestRate !== undefined || npus !== undefined, {
    path: ["requestRate"],
  })
  .refine(({ requestRate, npus }) => requestRate === undefined || npus === undefined, {
    path: ["npus"],
    error: "stands beside requestRate; only one of them can be given",
  })
  .describe("measurements and workload for `ascend-pd ratio`");

/** What a valid file of measurements holds, defaults filled in. */
export type RatioInput = z.infer<typeof ratioInputSchema>;

export type PrefillPoint = RatioInput["prefill"]["points"][number];
export type DecodePoint = RatioInput["decode"]["points"][number];

export function ratioInputJsonSchema() {
  return z.toJSONSchema(ratioInputSchema, { io: "input" });
}

export function parseRatioInput(input: unknown): { input: RatioInput } | { problems: Problem[] } {
  const result = ratioInputSchema.safeParse(input);
  if (result.success) return { input: result.data };
  return { problems: shapeProblems(result.error.issues, input, ratioInputJsonSchema()) };
}
