import { z } from "zod";
import { canonical } from "../../rank-tables/addresses.ts";

/*
 * Descriptions reach two readers: editors, through schemas/stack.schema.json, and the `fix` line of shape problems.
 * Each is a noun phrase with unit, default and example.
 */

export const visible = z
  .string()
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, { error: "holds a line break or another invisible character" });

export const text = (description: string) => visible.min(1).describe(description);

export const whole = (least: number, description: string) => z.int().min(least).describe(description);

export const port = (description: string) => whole(1024, `${description}, 1024 to 65535`).max(65535);

export const ipv4 = z.ipv4({ error: "is not an IPv4 address" });

/** Of a host, in the one way to write it. */
export const hostAddress = z
  .union([z.ipv4(), z.ipv6(), z.literal("localhost")], {
    error: ({ input }) =>
      /^[\dA-Fa-f:.]+%/.test(String(input))
        ? "has a zone, which is the name of an interface of one machine and means nothing on the others"
        : "is not an IPv4 or IPv6 address",
  })
  .overwrite(canonical);

/** Where something listens that is not for everybody. */
export const listening = hostAddress.default("127.0.0.1");

export const startTimeoutSeconds = (seconds: number) =>
  whole(1, `seconds until a started instance must be ready, default ${seconds}`).default(seconds);

/** Each argument reaches the program as it is: no shell reads it. */
export const extraArgs = (whose: string) =>
  z
    .array(visible.min(1))
    .default([])
    .describe(
      `arguments added to those that are derived, for ${whose}; one item each, passed on as it is, e.g. [--gpu-memory-utilization=0.9], default none`,
    );

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "is not a variable's name" });

export const extraEnv = (whose: string) =>
  z
    .record(variable, visible)
    .default({})
    .describe(
      `variables added to those that are derived, for ${whose}; values in quotes and none of them secret, e.g. { OMP_NUM_THREADS: "10" }, default none`,
    );

/** Names alone: what a Plan does not hold, nothing that is made from it can show. */
export const secretEnv = (whose: string) =>
  z
    .array(variable)
    .default([])
    .describe(
      `names of variables for ${whose} whose values are secrets, kept in the key ascend-pd:secretEnv, e.g. [HF_TOKEN], default none`,
    );

export const ofEveryInstance = {
  extraArgs: extraArgs("every prefill and decode instance, before an instance's own"),
  extraEnv: extraEnv("every prefill and decode instance, unless it sets its own"),
  secretEnv: secretEnv("every prefill and decode instance"),
};
