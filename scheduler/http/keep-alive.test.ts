import { expect, test } from "vitest";
import { keepAliveHint } from "./keep-alive.ts";

const NO_HINT = Number.POSITIVE_INFINITY;

test.for([
  { value: "timeout=5", timeoutMs: 5000 },
  { value: "timeout=5, max=100", timeoutMs: 5000, max: 100 },
  { value: "MAX=1,\tTimeOut=2", timeoutMs: 2000, max: 1 },
  { value: "timeout=0, max=0", timeoutMs: 0, max: 0 },
  { value: "timeout=9, timeout=3, timeout=6", timeoutMs: 3000 },
  { value: `timeout=${"9".repeat(400)}` },
  { value: "x=1, timeout=5, y", timeoutMs: 5000 },
  { value: "" },
  { value: "timeout" },
  { value: "timeout=" },
  { value: "timeout=-1" },
  { value: "timeout=+1" },
  { value: "timeout=1.5" },
  { value: "timeout=0x1" },
  { value: "timeout=1s" },
  { value: 'timeout="1"' },
  { value: "timeout = 1" },
  { value: "timeout=1; max=2" },
  { value: "xtimeout=1, x max=2" },
])("Keep-Alive: $value.", ({ value, timeoutMs = NO_HINT, max = NO_HINT }) => {
  expect(keepAliveHint([{ name: "keep-alive", value }])).toEqual({ timeoutMs, max });
});

test("Of several Keep-Alive lines the least counts, other fields do not.", () => {
  const fields = [
    { name: "keep-alive", value: "timeout=9" },
    { name: "x-keep-alive", value: "timeout=1, max=1" },
    { name: "keep-alive", value: "timeout=7, max=3" },
  ];

  expect(keepAliveHint(fields)).toEqual({ timeoutMs: 7000, max: 3 });
});
