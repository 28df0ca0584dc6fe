import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
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
 * KV cache that clients have left on prefill, whose lease would last for longer than any test.
 */

const CLIENTS = 1000;
const LEASE = 600;

interface Service {
  readonly prefill: Program;
  readonly decode: Program;
  readonly front: Program;
  readonly metrics: { url: string };
  readonly ask: ReturnType<typeof operator>;
}

async function service(decodeFlags: readonly string[] = [], args: readonly string[] = []): Promise<Service> {
  const prefill = await simulator("prefill", [`--kv-lease-seconds=${LEASE}`, `--max-num-seqs=${CLIENTS}`]);
  const decode = await simulator("decode", decodeFlags);
  const socket = join(temporaryFolder(), "admin.sock");
  const front = await scheduler([prefill], [decode], {
    // Nothing but the requests is to reach an instance that is stopped for a while.
    args: [
      `--admin-socket=${socket}`,
      "--metrics-port=0",
      `--kv-lease=${LEASE}`,
      "--health-interval=600",
      "--stall-timeout=600",
      ...args,
    ],
  });
  await until(() => /metrics on \S+:\d+/.test(front.output()));
  const [, port] = /metrics on \S+:(\d+)/.exec(front.output()) ?? [];
  return { prefill, decode, front, metrics: { url: `http://127.0.0.1:${port}` }, ask: operator(socket) };
}

/** Clients that have each sent a request. */
async function clients({ port }: Program): Promise<Socket[]> {
  const body = '{"model":"sim","prompt":"Where is it kept?","max_tokens":50,"stream":true}';
  const head = `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = connect({ host: "127.0.0.1", port });
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(`${head}\r\n${body}`);
      return socket;
    }),
  );
}

/** What has become of all KV cache, by the scheduler and by prefill itself, once neither keeps any. */
async function endOf({ metrics, prefill }: Service) {
  const leased = () => metric(prefill, "simulator:kv_blocks_leased");
  await until(async () => (await leased()) + (await metric(metrics, "ascend_pd_instance_kv_held")) === 0);
  const of = (end: string) => metric(metrics, `ascend_pd_instance_kv_${end}_total`, 'role="prefill"');
  return {
    abandoned: await of("abandoned"),
    released: await of("released"),
    expired: await of("expired"),
    expiredOnPrefill: await metric(prefill, "simulator:kv_leases_expired_total"),
  };
}

test("Of 1,000 clients that leave between prefill's answer and decode nothing is kept.", async () => {
  const all = await service();
  const { prefill, front, metrics } = all;
  // Prefill's answers are all there before the scheduler sees the first of them, or that a client has left.
  prefill.child.kill("SIGSTOP");
  const sockets = await clients(front);
  await until(async () => (await metric(metrics, "ascend_pd_instance_in_flight")) === CLIENTS);
  // Each scrape is a turn of the loop in which the scheduler writes what waits.
  for (let turn = 0; turn < 3; turn++) await metric(metrics, "ascend_pd_instance_ready");
  front.child.kill("SIGSTOP");
  prefill.child.kill("SIGCONT");
  await until(async () => (await metric(prefill, "simulator:kv_blocks_leased")) >= CLIENTS);

  for (const socket of sockets) socket.destroy();
  front.child.kill("SIGCONT");
  const left = performance.now();
  const end = await endOf(all);
  console.log(`nothing is kept ${Math.round(performance.now() - left)} ms after the last has left`);

  expect(end).toEqual({ abandoned: end.released, released: end.released, expired: 0, expiredOnPrefill: 0 });
  expect(end.released).toBeGreaterThan(CLIENTS / 2);
});

test("Of 1,000 clients that leave while decode has them queued nothing is kept, and a drain does not wait.", async () => {
  const all = await service(["--max-num-seqs=1", "--inter-token-ms=600000"]);
  const { decode, front, ask } = all;
  const sockets = await clients(front);
  await until(async () => (await metric(decode, "vllm:num_requests_waiting")) === CLIENTS - 1);

  for (const socket of sockets) socket.destroy();
  const drained = await ask("/drain", { instance: "prefill-0", force: true, deadline: LEASE });
  const end = await endOf(all);

  expect(drained).toMatchObject({ drained: true, kvHeld: 0 });
  expect(end).toEqual({ abandoned: CLIENTS, released: CLIENTS, expired: 0, expiredOnPrefill: 0 });
});

test.for([
  { what: "what only decode refuses", flags: [], fields: '"max_tokens":100000', status: 400 },
  { what: "what decode refuses unread", flags: [], fields: '"max_tokens":"2"', status: 400 },
  {
    what: "a decode that is full",
    flags: ["--max-num-queued-reqs=0"],
    fields: '"max_tokens":2',
    status: 503,
  },
])("A drain does not wait for the KV cache of $what.", async ({ flags, fields, status }) => {
  const all = await service(flags);

  const answer = await post(`${all.front.url}/v1/completions`, `{"model":"sim","prompt":"x",${fields}}`);
  const drained = await all.ask("/drain", { instance: "prefill-0", force: true, deadline: LEASE });

  expect(answer.status).toBe(status);
  expect(drained).toMatchObject({ drained: true, kvHeld: 0 });
  expect(await endOf(all)).toEqual({ abandoned: 1, released: 1, expired: 0, expiredOnPrefill: 0 });
});

test("With MooncakeConnectorV1 answers are exact, and what decode refuses is kept to the end of its lease.", async () => {
  const connector = "--kv-connector=MooncakeConnectorV1";
  const prefill = await simulator("prefill", [connector, "--kv-lease-seconds=1"]);
  const decode = await simulator("decode", [connector]);
  const { url } = await scheduler([prefill], [decode], { args: [connector, "--kv-lease=1"] });

  const good = await post(`${url}/v1/completions`, '{"model":"sim","prompt":"x","max_tokens":4}');
  const bad = await post(`${url}/v1/completions`, '{"model":"sim","prompt":"x","max_tokens":100000}');
  await until(async () => (await metric(prefill, "simulator:kv_leases_expired_total")) === 1);

  expect([good.status, bad.status]).toEqual([200, 400]);
  expect(await metric(decode, "simulator:kv_pulls_total", 'result="ok"')).toBe(1);
  expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
  expect(await metric(prefill, "simulator:kv_leases_freed_total")).toBe(0);
});

test("Where one decode instance is full another one answers, with KV cache of its own.", async () => {
  const prefill = await simulator("prefill");
  const full = await simulator("decode", ["--max-num-queued-reqs=0"]);
  const free = await simulator("decode");
  const { url } = await scheduler([prefill], [full, free]);
  const body = '{"model":"sim","prompt":"x","max_tokens":4,"stream":true}';

  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) {
    const answer = await post(`${url}/v1/completions`, body);
    await answer.text();
    statuses.push(answer.status);
  }

  expect(statuses).toEqual(Array(10).fill(200));
  expect(await metric(full, "vllm:admission_rejections_total")).toBeGreaterThan(0);
  expect(await metric(free, "simulator:recomputed_total")).toBe(0);
  expect(await metric(prefill, "simulator:kv_blocks_leased")).toBe(0);
});
