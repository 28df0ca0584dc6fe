import { z } from "zod";
import { isOneTreatmentAName, keyLine } from "../credentials/api-key.ts";
import { canonicalEndpoint, sshEndpoint } from "../ssh-endpoint.ts";
import { mostEntries } from "./size-problems.ts";
import { target } from "./target.ts";
import {
  extraArgs,
  extraEnv,
  hostAddress,
  ipv4,
  listening,
  port,
  secretEnv,
  text,
  visible,
  whole,
} from "./words.ts";

const model = z.strictObject({
  path: text("where the weights lie in the container, e.g. /data/models/qwen2.5-7b"),
  servedName: visible
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
  address: hostAddress.describe(
    "IPv4 or IPv6 address at which the other hosts and the clients reach this host, e.g. 10.0.0.18 or 2001:db8::18",
  ),
  docker: visible
    .regex(/^(unix:\/\/\/\S+|ssh:\/\/([^\s@/:]+@)?([^\s@/:[\]]+|\[[\dA-Fa-f:.]+\])(:\d+)?)$/, {
      error: "is not a Docker endpoint",
    })
    .refine((docker) => !docker.includes("[") || sshEndpoint(docker) !== undefined, {
      error: "is not a Docker endpoint",
    })
    .overwrite(canonicalEndpoint)
    .describe(
      "Docker endpoint, unix:///path or ssh://user@host[:port] with an IPv6 address in brackets, ssh://user@[2001:db8::18], default what DOCKER_HOST names, else the default socket",
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
  node: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: "is not the name of a node" })
    .describe(
      "name of the host as a node of the cluster, as `kubectl get nodes` prints it, e.g. npu-18.example.com, default that of the host; only with `target`",
    )
    .optional(),
  interface: z
    .string()
    .regex(/^[\w.:@-]{1,15}$/, { error: "is not the name of a network interface" })
    .describe(
      "network interface of the host that carries `address`, as `ip -br addr` names it, e.g. bond0; only for engine vllm-ascend, which needs it",
    )
    .optional(),
  npus: whole(
    0,
    "NPU device nodes of the host, /dev/davinci0 and so on, 0 to 16; 0 for one without NPUs, which may have the scheduler; default 8",
  )
    .max(16)
    .default(8),
  generation: z
    .enum(["a2", "a3", "310p"])
    .describe(
      "of the host's NPUs, as images are made for: a2, a3 (two dies a card) or 310p, default a3 where npus is 16, else a2",
    )
    .optional(),
  deviceIps: z
    .record(z.string().regex(/^(0|[1-9]\d*)$/, { error: "is not an NPU id" }), ipv4)
    .default({})
    .describe(
      "address of each NPU's own network port by NPU id, as `hccn_tool -i N -ip -g` prints it, e.g. { 4: 29.0.0.22 }; needless with engines vllm-ascend and simulated",
    ),
});

const hostOfInstance = text("name of a host, as in `hosts`");

const devices = z
  .array(z.int().min(0))
  .describe("physical NPU ids, N of /dev/davinciN, in rank order, e.g. [4, 5]; none with engine vllm");

const instance = {
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
      error: "is not a name of at most 63 small letters, digits and inner hyphens",
    })
    .describe(
      "what the instance is called whatever its place in the list, so that others can be taken out or moved and it stays; must not change later, e.g. prefill-long, default its place: prefill-0",
    )
    .optional(),
  host: hostOfInstance
    .describe("name of the one host that it runs on, as in `hosts`, or `hosts` for several")
    .optional(),
  devices: devices.default([]),
  hosts: z
    .array(z.strictObject({ host: hostOfInstance, devices }))
    .min(1)
    .max(mostEntries)
    .describe(
      "hosts of one instance in place of `host` and `devices`, the first with its API, whole data-parallel ranks on each, e.g. [{ host: host-c, devices: [0, 1] }, { host: host-d, devices: [0, 1] }]; with engine vllm-ascend or simulated",
    )
    .optional(),
  port: port("TCP port to listen on, on the host's network, e.g. 8088"),
  extraArgs: extraArgs("this instance"),
  extraEnv: extraEnv("this instance"),
};

const prefillInstance = placed(
  z.strictObject({
    ...instance,
    batchingPolicy: z
      .enum(["fcfs", "gtsf"])
      .describe("order of waiting prompts: fcfs (first come) or gtsf (by group waiting time), default fcfs")
      .optional(),
  }),
);

/** One of `host` and `hosts` must be there; also said of an instance with other faults. */
function placed<T extends z.ZodObject>(schema: T): T {
  return schema
    .refine((one) => ["host", "hosts"].some((key) => Object(one)[key] !== undefined), {
      path: ["host"],
      when: ({ value }) => typeof value === "object" && value !== null,
    })
    .meta({ anyOf: [{ required: ["host"] }, { required: ["hosts"] }] });
}

const fileName = z.string().regex(/^[\w-][\w.-]*$/, { error: "is not the name of a file" });

const scheduler = z.strictObject({
  runtime: z
    .enum(["ascend-pd", "ascendcloud"])
    .default("ascend-pd")
    .describe(
      "which scheduler: ascend-pd (this repository's, needs no driver on its host) or ascendcloud (the manual's own, from the instances' image), default ascend-pd",
    ),
  host: text(
    "name of the host that it runs on, as in `hosts`; one with instances or without; none with `target`, where any node may have it",
  ).optional(),
  port: port("TCP port that clients use, e.g. 9000"),
  routingPolicy: z
    .enum(["RoundRobin", "FreeKVFirst", "BLB", "affinity"])
    .default("RoundRobin")
    .describe(
      "next prefill instance: RoundRobin, FreeKVFirst (most free KV cache), BLB (shortest queue) or affinity (what prefix caches have, decode instances as well), default RoundRobin",
    ),
  useOpenai: z
    .boolean()
    .default(true)
    .describe(
      "which API clients find, the manual's USE_OPENAI: true (OpenAI) or false (vLLM's own /generate), default true",
    ),
  noProxy: z
    .array(visible.regex(/^[^\s,]+$/, { error: "is not one entry of no_proxy: no white space, no comma" }))
    .default([])
    .describe(
      "entries of no_proxy besides localhost and the hosts' addresses, which are always in it, e.g. [.example.com]; only for `runtime: ascendcloud`, since ascend-pd asks instances directly",
    ),
  apiKeys: z
    .array(z.string().regex(keyLine, { error: "is not a line as `ascend-pd key new NAME` prints it" }))
    .max(1000)
    .refine((lines) => new Set(lines.map((line) => line.split(" ")[1])).size === lines.length, {
      error: "has a key twice",
    })
    .refine(isOneTreatmentAName, { error: "has keys of one name with different shares or priorities" })
    .default([])
    .describe(
      "keys of clients, of each the line that `ascend-pd key new NAME` prints, e.g. [alice sha256:0b0c…], default none, and everybody may ask",
    ),
  page: z
    .strictObject({
      port: port("TCP port of the page, e.g. 9002"),
      address: listening.describe(
        "address of the scheduler's host that the page listens at, or 0.0.0.0 or :: for all, default 127.0.0.1; for any other ascend-pd:secretEnv has to have the token that browsers are asked for, ASCEND_PD_PAGE_TOKEN",
      ),
    })
    .describe(
      "page for a browser that shows the stack as it is now, e.g. { port: 9002 }, default none; `ascend-pd page` shows it without",
    )
    .optional(),
  maxAnswerTokens: whole(
    1,
    "tokens of one answer, which ends there, e.g. 4096, default what the engines give",
  ).optional(),
  tls: z
    .strictObject({
      folder: text(
        "absolute folder of the scheduler's host with certificate and key, which its user 1000 can read, mounted read-only, e.g. /data/tls",
      ),
      cert: fileName
        .default("tls.crt")
        .describe("PEM file in it with the certificate, and those that signed it behind it, default tls.crt"),
      key: fileName.default("tls.key").describe("PEM file in it with its key, default tls.key"),
      ca: z
        .string()
        .regex(/^-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/, {
          error: "is not the PEM text of one certificate",
        })
        .describe(
          "PEM text of the authority that signed it, for `up` and the commands, default those that their machine trusts",
        )
        .optional(),
    })
    .describe("TLS for clients, default none: plain HTTP")
    .optional(),
  extraArgs: extraArgs("the scheduler"),
  extraEnv: extraEnv("the scheduler"),
  secretEnv: secretEnv("the scheduler"),
});

const memoryMib = (most: number) =>
  whole(64, `MiB of memory that its container may use, default ${most}`).default(most);

const monitoring = z.strictObject({
  host: text("name of the host that it runs on, as in `hosts`; one with instances or without"),
  metricsPort: port("TCP port of the scheduler's metrics, default 9464").default(9464),
  npuExporters: z
    .array(
      visible.regex(/^([A-Za-z\d][\w.-]*|\[[\dA-Fa-f:.]+\]):\d{1,5}$/, {
        error: "is not an address and a port",
      }),
    )
    .max(mostEntries)
    .default([])
    .describe(
      "address and port of each host's npu-exporter, which is not deployed from here, e.g. [10.0.0.18:8082], default none",
    ),
  prometheus: z
    .strictObject({
      image: text(
        "image of Prometheus 2.40 or later, with /prometheus for its user, e.g. prom/prometheus:v3.5.0",
      ),
      port: port("TCP port of Prometheus, default 9090").default(9090),
      address: listening.describe(
        "address of its host that Prometheus listens at, or 0.0.0.0 or :: for all, default 127.0.0.1; it asks nobody who he is",
      ),
      retentionDays: whole(1, "days that Prometheus keeps what it has scraped, default 15").default(15),
      retentionGib: whole(1, "GiB of it that it keeps at most, default 10").default(10),
      memoryMib: memoryMib(2048),
    })
    .describe("the Prometheus that scrapes scheduler and instances and checks the alert rules"),
  grafana: z
    .strictObject({
      image: text("image of Grafana 10 or later, e.g. grafana/grafana:12.2.0"),
      port: port("TCP port of Grafana, default 3000").default(3000),
      address: listening.describe(
        "address of its host that Grafana listens at, or 0.0.0.0 or :: for all, default 127.0.0.1",
      ),
      memoryMib: memoryMib(512),
    })
    .describe(
      "the Grafana that shows the dashboards, default none; the password of its user admin is GF_SECURITY_ADMIN_PASSWORD in ascend-pd:secretEnv",
    )
    .optional(),
});

/** What a stack file declares besides its engine. */
export const declaredShape = {
  model: model.describe("the model and its limits, equal on every instance"),
  hosts: z
    .record(hostName, host)
    .describe(
      "machines with a Docker Engine, or with `target` nodes of its cluster, by a name of your choice, which must not change later",
    ),
  prefill: z
    .array(prefillInstance)
    .min(1)
    .max(mostEntries)
    .describe("prefill instances, in the order of the rank table and of NODE_PORTS"),
  decode: z
    .array(placed(z.strictObject(instance)))
    .min(1)
    .max(mostEntries)
    .describe("decode instances, in the order of the rank table and of NODE_PORTS"),
  scheduler: scheduler.describe("the one place that clients send requests to"),
  target,
  monitoring: monitoring
    .describe(
      "Prometheus, and Grafana, for scheduler and instances, in containers of their own, default none",
    )
    .optional(),
};

/** That, defaults filled in. */
export type Declared = z.infer<z.ZodObject<typeof declaredShape>>;
