import { expect, test } from "vitest";
import { unfitHosts } from "./first-container.ts";
import { serve, startContainer } from "./test-support.ts";

const stack = "first-container";

/** One prefill and one decode of the simulator on this machine, and the scheduler at `port`. */
const deployment = (port: number) => ({
  engine: { kind: "simulated" },
  model: { path: "/models/test", servedName: "test", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
  hosts: { local: { address: "127.0.0.1" } },
  prefill: [{ host: "local", devices: [4, 5], port: 28088 }],
  decode: [{ host: "local", devices: [6, 7], port: 28089 }],
  scheduler: { host: "local", port },
});

async function takenPort(): Promise<number> {
  const url = await serve(() => {});
  return Number(new URL(url).port);
}

test("A host on which nothing is in the way is not mentioned.", async () => {
  expect(await unfitHosts(stack, deployment(29000))).toEqual([]);
});

test("A port that another program has stops the first container of a host.", async () => {
  const port = await takenPort();

  const [message, ...others] = await unfitHosts(stack, deployment(port));

  expect(message).toContain(`local: port ${port}, for scheduler, is taken by another program (HC602)\nfix: `);
  expect(others).toEqual([]);
});

test("Where containers of the stack run already, nothing is looked at.", async () => {
  const port = await takenPort();
  await startContainer("setInterval(() => {}, 1000)", {}, { "ascend-pd.stack": stack });

  expect(await unfitHosts(stack, deployment(port))).toEqual([]);
});
