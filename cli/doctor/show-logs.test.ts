import { expect, test } from "vitest";
import { diagnose } from "../../log-signatures/diagnose.ts";
import { logSignatures } from "../../log-signatures/index.ts";
import type { Hit } from "../../log-signatures/search.ts";
import type { ContainerState } from "../../log-signatures/signature.ts";
import { type InstanceLog, logText } from "./show-logs.ts";

const state: ContainerState = {
  status: "running",
  exitCode: 0,
  oomKilled: false,
  restarts: 1,
  startedAt: "2026-11-29T01:00:00.000000000Z",
  age: 1900,
  startTimeoutSeconds: 1800,
  answer: "http://10.0.0.18:8088/health gave HTTP 503",
};

function hit(code: string, first: string, count = 1): Hit {
  const signature = logSignatures.find((one) => one.code === code);
  if (signature === undefined) throw new Error(`there is no ${code}`);
  return { signature, count, first, last: "2026-11-29T01:09:00.000000000Z", quotes: [`quote of ${code}`] };
}

const log = (instance: string, hits: readonly Hit[], changes: Partial<ContainerState> = {}): InstanceLog => ({
  instance,
  role: "prefill",
  host: "host-a",
  state: { ...state, ...changes },
  findings: diagnose(hits, { ...state, ...changes }),
  bytes: 2048,
});

test("An instance has its state, and each finding what it quotes, when, why, and the way out.", () => {
  const [head, first, ...rest] = logText(
    [log("2p2d-prefill-0", [hit("LS401", "2026-11-29T01:01:00.000000000Z", 3)])],
    new Map(),
  ).split("\n");

  expect(head).toBe(
    "2p2d-prefill-0 on host-a: not ready after 32 of 30 minutes, 1 restart; 2 findings (2 KiB of its log read)",
  );
  expect(first).toBe("  error    LS401  a port is in use");
  expect(rest.slice(0, 2).map((line) => line.trim())).toEqual([
    '"quote of LS401"',
    "in 3 lines, from 2026-11-29T01:01:00Z to 2026-11-29T01:09:00Z",
  ]);
  expect(rest.map((line) => line.trim())).toContain(
    "see: https://github.com/vllm-project/vllm-ascend/issues/16237",
  );
  expect(rest).toContain(
    "  error    LS907  it runs, but has not become ready in its time, follows from LS401",
  );
});

test("Of several instances the one whose root came first is where to begin; what is past is marked.", () => {
  const text = logText(
    [
      log("a", [hit("LS505", "2026-11-29T01:01:00.000000000Z")], { age: 10 }),
      log("b", [hit("LS208", "2026-11-29T01:05:00.000000000Z")], { age: 10 }),
      log("c", [hit("LS208", "2026-11-29T01:05:00.000000000Z")], {
        answer: "ready",
        startedAt: "2026-11-29T02:00:00.000000000Z",
      }),
      { instance: "d", role: "decode", host: "host-b", unreadable: "no container" },
    ],
    new Map([["LS716", "no HCA here"]]),
  );

  expect(text).toContain("\n  past     LS208  there are no weights");
  expect(text).toContain("d on host-b: its log could not be read\n  no container\n");
  expect(text).toContain("skipped LS716: no HCA here");
  expect(text.split("\n").at(-1)).toBe("begin with LS208 of b: there are no weights in the model's folder");
});

test("Where nothing is found that is said, with how much was read.", () => {
  expect(logText([log("a", [], { answer: "ready", restarts: 0 })], new Map())).toBe(
    "a on host-a: ready; nothing found (2 KiB of its log read)",
  );
});
