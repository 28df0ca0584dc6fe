import { z } from "zod";
import { placeholderProblems } from "./placeholders.ts";
import type { Problem } from "./plan.ts";
import { shapeProblems } from "./shape-problems.ts";

/*
 * Descriptions reach two readers: editors, through schemas/stack.schema.json, and the `fix` line of shape problems.
 * Each is a noun phrase with unit, default and example.
 */

const text = (description: string) => z.string().min(1).describe(description);

const whole = (least: number, description: string) => z.int().min(least).describe(description);

const port = (description: string) => whole(1024, `${description}, 1024 to 65535`).max(65535);

const ipv4 = z.ipv4({ error: "is not an IPv4 address" });

const startTimeoutSeconds = (seconds: number) =>
  whole(1, `seconds until a started instance must be ready, default ${seconds}`).default(seconds);

const ascendcloud = z.strictObject({
  kind: z.literal("ascendcloud").describe("the AscendCloud image and its start_servers.sh"),
  image: text("image with AscendCloud-LLM, present on every host or in a registry, e.g. ascend-vllm:6.3.910"),
  workDir: z
    .strictObject({
      source: text("absolute folder of the host, e.g. /data/models"),
      target: text(
        "absolute folder in the container, not at, under or above /home/ma-user, e.g. /data/models",
      ),
    })
    .describe("folder with the model weights, mounted into every instance, read and write"),
  startTimeoutSeconds: startTimeoutSeconds(1800),
});

const simulated = z.strictObject({
  kind: z.literal("simulated").describe("this repository's simulator; needs no NPU"),
  startTimeoutSeconds: startTimeoutSeconds(60),
});

const model = z.strictObject({
  path: text("where the weights lie in the container, e.g. /data/models/qwen2.5-7b"),
  servedName: z
    .string()
    .regex(/^[^\s-]\S*$/, { error: "is not a model name: no white space, no leading hyphen" })
    .describe("name that clients put into `model`, e.g. qwen2.5-7b"),
  maxModelLen: whole(1, "longest request in tokens, input and output together, e.g. 4096"),
  maxNumSeqs: whole(1, "sequences that an instance runs at once, default 256").default(256),
  maxNumBatchedTokens: whole(
    1,
    "tokens that one step may batch, at least maxModelLen, 4096 or 8192 are usual",
  ),
  quantization: text("quantization method the weights were made for, e.g. awq, default none").optional(),
});

const hostName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: "is not a host name of small letters, digits and inner hyphens",
});

const host = z.strictObject({
  address: z
    .union([ipv4, z.literal("localhost")], { error: "is not an IPv4 address" })
    .describe("IPv4 address at which the other hosts and the clients reach this host, e.g. 10.0.0.18"),
  docker: z
    .string()
    .regex(/^(unix:\/\/\/\S+|ssh:\/\/([^\s@/]+@)?[^\s@/:]+(:\d+)?)$/, { error: "is not a Docker endpoint" })
    .describe(
      "Docker endpoint, unix:///path or ssh://user@host[:port], default what DOCKER_HOST names, else the default socket",
    )
    .optional(),
  hostKey: z
    .string()
    .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$/, {
      error: "is not a public host key",
    })
    .describe(
      "public key of the host, only with ssh://: type and base64, as `ssh-keyscan -t ed25519 HOST` prints",
    )
    .optional(),
  npus: z
    .literal([8, 16])
    .default(8)
    .describe("NPU device nodes of the host: 8 (A2) or 16 (A3, two dies a card), default 8"),
  deviceIps: z
    .record(z.string().regex(/^(0|[1-9]\d*)$/, { error: "is not an NPU id" }), ipv4)
    .default({})
    .describe(
      "address of each NPU's own network port by NPU id, as `hccn_tool -i N -ip -g` prints it, e.g. { 4: 29.0.0.22 }; needless with engine simulated",
    ),
});

const instance = {
  host: text("name of a host, as in `hosts`"),
  devices: z
    .array(z.int().min(0))
    .min(1)
    .describe("physical NPU ids, N of /dev/davinciN, in rank order, e.g. [4, 5]"),
  port: port("TCP port to listen on, on the host's network, e.g. 8088"),
};

const prefillInstance = z.strictObject({
  ...instance,
  batchingPolicy: z
    .enum(["fcfs", "gtsf"])
    .describe("order of waiting prompts: fcfs (first come) or gtsf (by group waiting time), default fcfs")
    .optional(),
});

const scheduler = z.strictObject({
  host: instance.host,
  port: port("TCP port that clients use, e.g. 9000"),
  routingPolicy: z
    .enum(["RoundRobin", "FreeKVFirst", "BLB"])
    .default("RoundRobin")
    .describe(
      "next prefill instance: RoundRobin, FreeKVFirst (most free KV cache) or BLB (shortest queue), default RoundRobin",
    ),
});

export const stackFileSchema = z
  .strictObject({
    engine: z
      .discriminatedUnion("kind", [ascendcloud, simulated])
      .describe("what runs in a prefill or decode container, `kind: ascendcloud` or `kind: simulated`"),
    model: model.describe("the model and its limits, equal on every instance"),
    hosts: z
      .record(hostName, host)
      .describe("machines with a Docker Engine by a name of your choice, which must not change later"),
    prefill: z
      .array(prefillInstance)
      .min(1)
      .describe("prefill instances, in the order of the rank table and of NODE_PORTS"),
    decode: z
      .array(z.strictObject(instance))
      .min(1)
      .describe("decode instances, in the order of the rank table and of NODE_PORTS"),
    scheduler: scheduler.describe("the one place that clients send requests to"),
    allow: z
      .array(z.enum(["PD104", "PD112", "PD151"]))
      .default([])
      .describe(
        "codes of problems that are meant and do not stop the deployment, e.g. [PD104], default none",
      ),
  })
  .describe("a PD-separated deployment");

/** What a valid `ascend-pd:deployment` holds, defaults filled in. */
export type StackFile = z.infer<typeof stackFileSchema>;

/** The JSON Schema of what a user writes. */
export function stackFileJsonSchema() {
  return z.toJSONSchema(stackFileSchema, { io: "input" });
}

/** Checks the shape of `input`: every shape problem and every placeholder left in it, at once, in order of place. */
export function parseStackFile(input: unknown): { file: StackFile } | { problems: Problem[] } {
  const placeholders = placeholderProblems(input);
  const result = stackFileSchema.safeParse(input);
  if (result.success && placeholders.length === 0) return { file: result.data };
  const known = new Set(placeholders.map(({ path }) => path));
  const shape = result.success ? [] : shapeProblems(result.error.issues, input, stackFileJsonSchema());
  const problems = [...shape.filter(({ path }) => !known.has(path)), ...placeholders];
  return { problems: problems.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}
