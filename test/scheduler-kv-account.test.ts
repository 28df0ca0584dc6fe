import { join } from "node:path";
import { expect, test } from "vitest";
import {
  metric,
  operator,
  type Program,
  post,
  scheduler,
  simulator,
  temporaryFolder,
  until,
} from "./testing/pd-processes.ts";

/*
 * What the scheduler believes of KV cache that prefill keeps, against what the simulated engine keeps, when clients
 * leave.
 */

const LEASE_SECONDS = 1;

interface Instances {
  readonly prefill: Program;
  readonly decode: Program;
}

interface Moment {
  readonly when: string;
  readonly prefillFlags?: readonly string[];
  readonly decodeFlags?: readonly string[];
  /** Puts the instances into the state that the client's request is to meet. */
  prepare?(instances: Instances): void | Promise<void>;
  /** Whether the request is where the client is to leave it. */
  isThere(instances: Instances): Promise<boolean>;
  readonly abandoned: 0 | 1;
  /** Leases that run out on the engine because nobody fetched. */
  readonly expired: 0 | 1;
}

const BODY = '{"model":"sim","prompt":"Where is it kept?","max_tokens":50,"stream":true}';

const MOMENTS: readonly Moment[] = [
  {
    when: "prefill computes",
    prefillFlags: ["--ttft-base-ms=600000"],
    isThere: async ({ prefill }) => (await metric(prefill, "vllm:num_requests_running")) === 1,
    abandoned: 0,
    expired: 0,
  },
  {
    when: "prefill has it queued",
    prefillFlags: ["--max-num-seqs=1", "--ttft-base-ms=600000"],
    prepare: async ({ prefill }) => {
      void post(`${prefill.url}/v1/completions`, BODY).catch(() => {});
      await until(async () => (await metric(prefill, "vllm:num_requests_running")) === 1);
    },
    isThere: async ({ prefill }) => (await metric(prefill, "vllm:num_requests_waiting")) === 1,
    abandoned: 0,
    expired: 0,
  },
  {
    when: "decode does not even read it",
    prepare: ({ decode }) => void decode.child.kill("SIGSTOP"),
    isThere: async ({ prefill }) => (await metric(prefill, "simulator:kv_blocks_leased")) > 0,
    abandoned: 1,
    expired: 1,
  },
  {
    when: "decode refuses connections",
    prepare: async ({ decode }) => void (await decode.stop("SIGKILL")),
    isThere: async ({ prefill }) => (await metric(prefill, "simulator:kv_blocks_leased")) > 0,
    abandoned: 1,
    expired: 1,
  },
  {
    when: "decode has it queued",
    decodeFlags: ["--max-num-seqs=1", "--inter-token-ms=600000"],
    prepare: async ({ decode }) => {
      void post(`${decode.url}/v1/completions`, BODY).catch(() => {});
      await until(async () => (await metric(decode, "vllm:num_requests_running")) === 1);
    },
    isThere: async ({ decode }) => (await metric(decode, "vllm:num_requests_waiting")) === 1,
    abandoned: 1,
    expired: 0,
  },
  {
    when: "decode has fetched, but given no token",
    decodeFlags: ["--inter-token-ms=600000"],
    isThere: async ({ decode }) => (await metric(decode, "simulator:kv_pulls_total", 'result="ok"')) === 1,
    abandoned: 1,
    expired: 0,
  },
  {
    when: "decode streams",
    decodeFlags: ["--inter-token-ms=50"],
    isThere: async ({ decode }) => (await metric(decode, "vllm:generation_tokens_total")) > 1,
    abandoned: 0,
    expired: 0,
  },
];

test.for(MOMENTS)(
  "A client that leaves while $when: the KV account agrees with the engine.",
  async (moment) => {
    const lease = `--kv-lease-seconds=${LEASE_SECONDS}`;
    const prefill = await simulator("prefill", [lease, ...(moment.prefillFlags ?? [])]);
    const decode = await simulator("decode", moment.decodeFlags);
    const socket = join(temporaryFolder(), "admin.sock");
    // No health check after the first: an instance that stops is to be met by the request.
    const args = [`--admin-socket=${socket}`, `--kv-lease=${LEASE_SECONDS + 0.5}`, "--health-interval=600"];
    const { url } = await scheduler([prefill], [decode], { args });
    const instances = { prefill, decode };
    await moment.prepare?.(instances);
    const leaving = new AbortController();
    const asked = post(`${url}/v1/completions`, BODY, { signal: leaving.signal }).catch(() => {});
    await until(() => moment.isThere(instances));

    leaving.abort();
    await asked;
    const ask = operator(socket);
    const drained = await ask("/drain", { instance: "prefill-0", force: true, deadline: 0 });
    const leasedThen = await metric(prefill, "simulator:kv_blocks_leased");
    const done = await ask("/drain", { instance: "prefill-0", force: true, deadline: 30 });

    // What is said to be drained keeps nothing; what keeps something is not said to be drained.
    if (leasedThen > 0) expect(drained).toMatchObject({ drained: false });
    expect(done).toMatchObject({ drained: true });
    expect(await metric(prefill, "simulator:kv_blocks_leased")).toBe(0);
    expect(await metric(prefill, "simulator:kv_leases_expired_total")).toBe(moment.expired);
    const { instances: states } = (await ask("/state")) as { instances: { kvAbandoned: number }[] };
    expect(states[0]?.kvAbandoned).toBe(moment.abandoned);
  },
);
