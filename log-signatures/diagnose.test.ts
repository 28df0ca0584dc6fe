import { expect, test } from "vitest";
import { diagnose } from "./diagnose.ts";
import { logSignatures } from "./index.ts";
import type { Hit } from "./search.ts";
import type { ContainerState } from "./signature.ts";

const at = (minute: number) => `2026-11-29T01:${String(minute).padStart(2, "0")}:00.000000000Z`;

function hit(code: string, first: number, last = first): Hit {
  const signature = logSignatures.find((one) => one.code === code);
  if (signature === undefined) throw new Error(`there is no ${code}`);
  return { signature, count: 1, first: at(first), last: at(last), quotes: ["quote"] };
}

const running: ContainerState = {
  status: "running",
  exitCode: 0,
  oomKilled: false,
  restarts: 0,
  startedAt: at(10),
  age: 600,
  startTimeoutSeconds: 300,
  answer: "http://10.0.0.18:8088/health gave HTTP 503",
};

const codes = (hits: readonly Hit[], state: Partial<ContainerState> = {}) =>
  diagnose(hits, { ...running, ...state }).map(({ code, follows, isPast }) =>
    [code, ...(follows === undefined ? [] : [`← ${follows}`]), ...(isPast ? ["past"] : [])].join(" "),
  );

test("The root comes first: a cause before what it led to, and of causes the earliest.", () => {
  const hits = [hit("LS801", 14), hit("LS505", 12), hit("LS302", 13), hit("LS401", 11)];

  expect(codes(hits)).toEqual(["LS401", "LS302", "LS505 ← LS401", "LS801 ← LS401", "LS907 ← LS401"]);
});

test("A port in use explains an instance that does not become ready.", () => {
  expect(codes([hit("LS401", 11)])).toEqual(["LS401", "LS907 ← LS401"]);
});

test("What came after explains nothing.", () => {
  expect(codes([hit("LS505", 11), hit("LS401", 14)], { age: 60 })).toEqual(["LS401", "LS505"]);
});

test("What a run that is over has said is past where the present one is ready.", () => {
  expect(codes([hit("LS401", 9), hit("LS701", 12)], { answer: "ready" })).toEqual(["LS701", "LS401 past"]);
});

test("Of one that is started again and again, the runs before count, but not those of long ago.", () => {
  const state = { restarts: 4, age: 5, startedAt: at(50) };

  expect(codes([hit("LS208", 1), hit("LS401", 20, 49)], state)).toEqual([
    "LS401",
    "LS905 ← LS401",
    "LS208 past",
  ]);
});

test.each([
  ["ready", { answer: "ready" }, []],
  ["starting for as long as it may", { age: 299 }, []],
  ["too late", {}, ["LS907"]],
  ["killed by the kernel", { status: "exited", exitCode: 137, oomKilled: true }, ["LS901", "LS906 ← LS901"]],
  ["killed", { status: "exited", exitCode: 137 }, ["LS902", "LS906 ← LS902"]],
  ["crashed", { status: "exited", exitCode: 139 }, ["LS903", "LS906 ← LS903"]],
  ["without its program", { status: "exited", exitCode: 127 }, ["LS904", "LS906 ← LS904"]],
  ["started again and again", { status: "restarting", exitCode: 1, restarts: 7 }, ["LS905"]],
  ["never started", { status: "created", startedAt: "0001-01-01T00:00:00Z" }, ["LS906"]],
])("An instance that is %s says so without a line.", (_, state, expected) => {
  expect(codes([], state)).toEqual(expected);
});
