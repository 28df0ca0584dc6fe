import { z } from "zod";
import { placeholderProblems } from "./placeholders.ts";
import type { Problem } from "./plan.ts";
import { shapeProblems } from "./shape-problems.ts";

/*
 * Descriptions and examples reach two readers: editors, through schemas/stack.schema.json, and the `fix` line of
 * shape problems. Each is a noun phrase that says unit and default.
 */

const text = (description: string) => z.string().min(1).describe(description);

const port = z
  .int()
  .min(1024)
  .max(65535)
  .describe("TCP port to listen on, on the host's network, 1024 to 65535, e.g. 8088")
  .meta({ examples: [8088] });

const notAnAddress = { error: "is not an IPv4 address" };

const hostName = text("name of a host, as in `hosts`");

const devices = z
  .array(z.int().min(0))
  .min(1)
  .describe("physical NPU ids, N of /dev/davinciN, in rank order, e.g. [4, 5]")
  .meta({ examples: [[4, 5]] });

const startTimeoutSeconds = (seconds: number) =>
  z
    .int()
    .min(1)
    .default(seconds)
    .describe(`seconds until a started instance must be ready, default ${seconds}`);

const ascendcloud = z.strictObject({
  kind: z.literal("ascendcloud").describe("the AscendCloud image and its start_servers.sh"),
  image: text("image with AscendCloud-LLM, present on every host or in a registry, e.g. ascend-vllm:6.3.910"),
  workDir: z
    .strictObject({
      source: text("absolute folder of the host, e.g. /data/models"),
      target: text(
        "absolute folder in the container, never at, under or above /home/ma-user, e.g. /data/models",
      ),
    })
    .describe("folder with the model weights, mounted into every instance, read and write"),
  startTimeoutSeconds: startTimeoutSeconds(1800),
});

const simulated = z.strictObject({
  kind: z.literal("simulated").describe("this repository's simulator; needs no NPU"),
  startTimeoutSeconds: startTimeoutSeconds(60),
});

const host = z.strictObject({
  address: z
    .union([z.ipv4(notAnAddress), z.literal("localhost")], notAnAddress)
    .describe("IPv4 address at which the other hosts and the clients reach this host, e.g. 10.0.0.18"),
  docker: z
    .string()
    .regex(/^(unix:\/\/\/\S+|ssh:\/\/([^\s@/]+@)?[^\s@/:]+(:\d+)?)$/, { error: "is not a Docker endpoint" })
    .optional()
    .describe(
      "Docker endpoint, unix:///path or ssh://user@host[:port], default the engine that DOCKER_HOST names, else the default socket",
    ),
  hostKey: z
    .string()
    .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$/, {
      error: "is not a public host key",
    })
    .optional()
    .describe(
      "public host key that ssh must meet, type and base64, as `ssh-keyscan -t ed25519 HOST` prints them",
    ),
  npus: z
    .literal([8, 16])
    .default(8)
    .describe("NPU device nodes of the host: 8 (A2) or 16 (A3, two dies a card), default 8"),
  deviceIps: z
    .record(z.string().regex(/^(0|[1-9]\d*)$/, { error: "is not an NPU id" }), z.ipv4(notAnAddress))
    .default({})
    .describe(
      "IP address of each NPU's own network port by NPU id, as `hccn_tool -i N -ip -g` prints it, e.g. { 4: 29.0.0.22 }; may be left out with engine simulated",
    ),
});

const instance = { host: hostName, devices, port };

export const stackFileSchema = z
  .strictObject({
    engine: z
      .discriminatedUnion("kind", [ascendcloud, simulated])
      .describe("what runs in a prefill or decode container, `kind: ascendcloud` or `kind: simulated`"),
    model: z
      .strictObject({
        path: text("where the weights lie in the container, e.g. /data/models/qwen2.5-7b"),
        servedName: z
          .string()
          .regex(/^[^\s-]\S*$/, { error: "is not a model name: no white space, no leading hyphen" })
          .describe("name that clients put into `model`, e.g. qwen2.5-7b"),
        maxModelLen: z
          .int()
          .min(1)
          .describe("longest request in tokens, input and output together, e.g. 4096"),
        maxNumSeqs: z
          .int()
          .min(1)
          .default(256)
          .describe("sequences that an instance runs at once, default 256"),
        maxNumBatchedTokens: z
          .int()
          .min(1)
          .describe("tokens that one step may batch, at least maxModelLen, 4096 or 8192 are usual"),
        quantization: text(
          "quantization method that the weights were made for, e.g. awq, default none",
        ).optional(),
      })
      .describe("the model and its limits, equal on every instance"),
    hosts: z
      .record(
        z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
          error: "is not a host name of small letters, digits and inner hyphens",
        }),
        host,
      )
      .describe(
        "machines with a Docker Engine by a name of your choice; a name must not change later, an address may",
      ),
    prefill: z
      .array(
        z.strictObject({
          ...instance,
          batchingPolicy: z
            .enum(["fcfs", "gtsf"])
            .optional()
            .describe(
              "order in which waiting prompts are batched: fcfs (first come) or gtsf (by group waiting time), default the engine's, fcfs",
            ),
        }),
      )
      .min(1)
      .describe("prefill instances; their order is the order of the rank table and of NODE_PORTS"),
    decode: z
      .array(z.strictObject(instance))
      .min(1)
      .describe("decode instances; their order is the order of the rank table and of NODE_PORTS"),
    scheduler: z
      .strictObject({
        host: hostName,
        port: port.describe("TCP port that clients use, 1024 to 65535, e.g. 9000").meta({ examples: [9000] }),
        routingPolicy: z
          .enum(["RoundRobin", "FreeKVFirst", "BLB"])
          .default("RoundRobin")
          .describe(
            "how a prefill instance is picked: RoundRobin, FreeKVFirst (most free KV cache) or BLB (shortest queue), default RoundRobin",
          ),
      })
      .describe("the one place that clients send requests to"),
    allow: z
      .array(z.enum(["PD104", "PD112", "PD151"]))
      .default([])
      .describe(
        "codes of problems that are meant and must not stop the deployment, e.g. [PD104], default none",
      ),
  })
  .describe("a PD-separated deployment");

/** What a valid `ascend-pd:deployment` holds, defaults filled in. */
export type StackFile = z.infer<typeof stackFileSchema>;

/** The JSON Schema of what a user writes. */
export function stackFileJsonSchema() {
  return z.toJSONSchema(stackFileSchema, { io: "input" });
}

/** Checks the shape of `input`: every shape problem and every placeholder left in it, at once. */
export function parseStackFile(input: unknown): { file: StackFile } | { problems: Problem[] } {
  const placeholders = placeholderProblems(input);
  const result = stackFileSchema.safeParse(input);
  if (result.success && placeholders.length === 0) return { file: result.data };
  const known = new Set(placeholders.map(({ path }) => path));
  const shape = result.success ? [] : shapeProblems(result.error.issues, input, stackFileJsonSchema());
  const problems = [...shape.filter(({ path }) => !known.has(path)), ...placeholders];
  return { problems: problems.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}
