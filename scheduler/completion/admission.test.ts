import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ask, type Client, client, get, PLAIN, post, until } from "../testing/client.ts";
import { type EngineCall, fakeEngine, goodDecode, goodPrefill } from "../testing/engine.ts";
import { type Overrides, rigOf } from "../testing/rig.ts";

/*
 * Rule 45. Engines here answer when they are told to, so what waits, and who is next, is counted and not timed.
 */

/** A prefill and a decode instance; decode answers when `answer` is called. */
async function gated(overrides: Overrides) {
  const waiting: EngineCall[] = [];
  const prefill = await fakeEngine(goodPrefill);
  const decode = await fakeEngine((call) => void waiting.push(call));
  const rig = await rigOf([prefill], [decode], { metrics: { host: "127.0.0.1", port: 0 }, ...overrides });
  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${rig.metricsPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  };
  const waits = (count: number) => until(async () => (await metric("ascend_pd_requests_waiting")) === count);
  const send = async (name: string, address?: string, key?: string): Promise<Client> => {
    const one = await client(rig.port, address);
    const shown = key === undefined ? [] : [`Authorization: Bearer ${key}`];
    one.send(post(PLAIN, "/v1/completions", `X-Request-Id: ${name}`, ...shown));
    return one;
  };
  /** Sends one after the other, so that it is known who came first; `running` of these run. */
  const sendAll = async (names: readonly string[], running: number, address?: string, key?: string) => {
    const clients: Client[] = [];
    for (const [at, name] of names.entries()) {
      const before = await metric("ascend_pd_requests_waiting");
      clients.push(await send(name, address, key));
      if (at < running) await decode.call(at + 1);
      else await waits(before + 1);
    }
    return clients;
  };
  /** Who reached decode so far, by name. */
  const reached = () => decode.calls.map((call) => call.header("x-request-id")[0]?.split("-")[0]);
  const answer = () => {
    const call = waiting.shift();
    if (call !== undefined) goodDecode(call);
  };
  return { ...rig, log: rig.log, prefill, decode, waiting, metric, waits, send, sendAll, reached, answer };
}

const one = { prefill: 4096, decode: 1 };

test("Rule 45: more requests than instances may have wait, and the newest is next.", async () => {
  const rig = await gated({ runningRequests: one });
  const clients = await rig.sendAll(["a", "b", "c", "d"], 1);
  expect(rig.prefill.calls).toHaveLength(1);

  for (let at = 1; at <= 4; at++) {
    await rig.decode.call(at);
    rig.answer();
  }
  const answers = await Promise.all(clients.map((one) => one.answer()));

  expect(rig.reached()).toEqual(["a", "d", "c", "b"]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(await rig.metric("ascend_pd_requests_waiting")).toBe(0);
});

test("Rule 45: a request whose client left while it waited reaches no engine.", async () => {
  const rig = await gated({ runningRequests: one });
  const clients = await rig.sendAll(["a", "b", "c", "d"], 1);

  clients[3]?.socket.destroy();
  clients[1]?.socket.destroy();
  await rig.waits(1);
  rig.answer();
  await rig.decode.call(2);
  rig.answer();
  await clients[2]?.answer();

  expect(rig.reached()).toEqual(["a", "c"]);
  expect(rig.prefill.calls).toHaveLength(2);
  expect(rig.log.map(({ outcome }) => outcome).sort()).toEqual(["client_left", "client_left", "ok", "ok"]);
});

test("Rule 45: what has no turn within --queue-timeout is answered 503 with Retry-After, and reaches no engine.", async () => {
  const rig = await gated({ runningRequests: one, timeouts: { queueMs: 100 } });
  await rig.sendAll(["a"], 1);

  const late = await rig.send("b");
  const answer = await late.answer();
  rig.answer();

  expect(answer.status).toBe(503);
  expect(answer.header("retry-after")).toBe("1");
  expect(answer.json().error.code).toBe("overloaded");
  expect(rig.reached()).toEqual(["a"]);
});

test("Rule 45: beyond --max-requests the one that has waited for longest is refused at once.", async () => {
  const rig = await gated({ runningRequests: one, maxRequests: 3 });
  const [, oldest] = await rig.sendAll(["a", "b", "c"], 1);

  await rig.send("d");
  const answer = await oldest?.answer();
  rig.answer();
  await rig.decode.call(2);

  expect(answer?.status).toBe(503);
  expect(answer?.json().error.code).toBe("overloaded");
  expect(rig.reached()).toEqual(["a", "d"]);
});

test("Rule 45: requests that run are held to --max-requests too, where instances could have more.", async () => {
  const rig = await gated({ runningRequests: { prefill: 4096, decode: 4096 }, maxRequests: 2 });
  await rig.sendAll(["a", "b"], 2);

  const answer = await (await rig.send("c")).answer();
  rig.answer();
  await until(() => rig.log.length === 2);
  await rig.send("d");
  await rig.decode.call(3);

  expect(answer.status).toBe(503);
  expect(answer.header("retry-after")).toBe("1");
  expect(answer.json().error.code).toBe("overloaded");
  expect(rig.reached()).toEqual(["a", "b", "d"]);
});

test("Rule 44: a greedy client gets as many turns as a modest one, whatever it sends.", async () => {
  const rig = await gated({ runningRequests: { prefill: 4096, decode: 2 } });
  await rig.sendAll(["g", "g"], 2);
  await rig.sendAll(Array<string>(20).fill("g"), 0);
  await rig.sendAll(Array<string>(6).fill("m"), 0, "127.0.0.2");

  for (let at = 3; at <= 14; at++) {
    rig.answer();
    await rig.decode.call(at);
  }

  const turns = rig.reached().slice(2);
  const modest = turns.filter((who) => who === "m").length;
  expect(turns).toHaveLength(12);
  // The first turn makes good that the greedy one had both places.
  expect([6, 7]).toContain(modest);
});

/** A file of keys by name, with what stands behind each. */
function keysOf(words: Readonly<Record<string, string>>): { "api-keys-file": string } {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-shares-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines = Object.entries(words).map(
    ([name, more]) => `${name} sha256:${createHash("sha256").update(`sk-${name}`).digest("hex")} ${more}\n`,
  );
  writeFileSync(join(folder, "keys"), lines.join(""));
  return { "api-keys-file": join(folder, "keys") };
}

/** How many of the turns from `from` on each name had. */
function turnsOf(reached: readonly (string | undefined)[], from: number): Record<string, number> {
  const names = reached.slice(from).map((name) => name ?? "");
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}

test("Rule 44: where clients have keys turns go by key, whatever the addresses.", async () => {
  const rig = await gated({
    runningRequests: { prefill: 4096, decode: 2 },
    trustFiles: keysOf({ g: "", m: "" }),
  });
  await rig.sendAll(["g", "g"], 2, "127.0.0.1", "sk-g");
  for (const address of ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    await rig.sendAll(Array<string>(6).fill("g"), 0, address, "sk-g");
  await rig.sendAll(Array<string>(6).fill("m"), 0, "127.0.0.1", "sk-m");

  for (let at = 3; at <= 14; at++) {
    rig.answer();
    await rig.decode.call(at);
  }

  expect(turnsOf(rig.reached(), 4)).toEqual({ g: 5, m: 5 });
});

test("Rule 44: a key with a share of 3 gets three turns for each of another, where both want more.", async () => {
  const rig = await gated({
    runningRequests: { prefill: 4096, decode: 8 },
    trustFiles: keysOf({ small: "", large: "share=3" }),
  });
  await rig.sendAll(Array<string>(8).fill("small"), 8, "127.0.0.1", "sk-small");
  await rig.sendAll(Array<string>(40).fill("small"), 0, "127.0.0.1", "sk-small");
  await rig.sendAll(Array<string>(40).fill("large"), 0, "127.0.0.1", "sk-large");

  for (let at = 9; at <= 40; at++) {
    rig.answer();
    await rig.decode.call(at);
  }

  // The first six make good that the small one had all places.
  expect(turnsOf(rig.reached(), 8 + 8)).toEqual({ large: 18, small: 6 });
});

test("Rule 44: a key of a lower priority number is next before all others, and the last to give way.", async () => {
  const rig = await gated({
    runningRequests: one,
    maxRequests: 4,
    trustFiles: keysOf({ batch: "priority=5", live: "share=1", urgent: "priority=-1" }),
  });
  const [, batch] = await rig.sendAll(["batch", "batch"], 1, "127.0.0.1", "sk-batch");
  await rig.sendAll(["live", "live"], 0, "127.0.0.1", "sk-live");
  await rig.send("urgent", "127.0.0.1", "sk-urgent");
  const gaveWay = await batch?.answer();
  const tooLate = await (await rig.send("batch", "127.0.0.1", "sk-batch")).answer();

  for (let at = 2; at <= 4; at++) {
    rig.answer();
    await rig.decode.call(at);
  }

  expect([gaveWay?.status, tooLate.status]).toEqual([503, 503]);
  expect(rig.reached()).toEqual(["batch", "urgent", "live", "live"]);
});

test("Rule 44: of the requests that wait a client has its share, and beyond it 429.", async () => {
  const rig = await gated({ runningRequests: one, maxRequests: 6, clientShare: 0.5 });
  const [, oldest] = await rig.sendAll(["a", "b", "c", "d"], 1);

  await rig.send("e");
  const answer = await oldest?.answer();
  await rig.sendAll(["m"], 0, "127.0.0.2");

  expect(answer?.status).toBe(429);
  expect(answer?.json().error.code).toBe("too_many_requests");
});

test("Prefill's place is free again when the prompt is computed.", async () => {
  const rig = await gated({ runningRequests: { prefill: 1, decode: 4 } });

  await rig.sendAll(["a", "b", "c"], 3);

  expect(rig.prefill.calls).toHaveLength(3);
});

test("Rule 45: overload leaves nothing behind: all that was taken is given back, however requests end.", async () => {
  const rig = await gated({
    runningRequests: { prefill: 2, decode: 2 },
    maxRequests: 40,
    timeouts: { queueMs: 300 },
  });
  rig.decode.script = (call) =>
    rig.decode.calls.length % 3 === 0 ? call.socket.destroy() : setTimeout(() => goodDecode(call), 5);
  const clients = await Promise.all(Array.from({ length: 120 }, (_, at) => rig.send(`r${at}`)));
  for (const [at, one] of clients.entries()) if (at % 4 === 0) one.socket.destroy();

  await Promise.allSettled(clients.map((one) => one.answer()));
  await until(() => rig.log.length >= 120);

  expect(await rig.metric("ascend_pd_requests_waiting")).toBe(0);
  expect(await rig.metric("ascend_pd_buffered_bytes")).toBe(0);
  rig.decode.script = goodDecode;
  await until(async () => (await ask(rig.port, get("/readyz"))).status === 200);
  for (let at = 0; at < 4; at++) expect((await ask(rig.port, post(PLAIN))).status).toBe(200);
});
