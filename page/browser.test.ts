import { expect, test } from "vitest";
import { isTight, paceOf, sidesOf, wiresOf } from "./browser/groups.ts";
import { lasting, percent, short, time } from "./browser/numbers.ts";
import { sparkline } from "./browser/spark.ts";
import { instance, snapshot } from "./testing/snapshots.ts";

test.each([
  [0, "0"],
  [0.04, "0.04"],
  [3.24, "3.2"],
  [12.6, "13"],
  [999, "999"],
  [1234, "1.2k"],
  [56_789, "57k"],
  [34_000_000, "34M"],
  [Number.NaN, "–"],
])("%f is shown as %s.", (value, shown) => {
  expect(short(value)).toBe(shown);
});

test.each([
  [undefined, "– "],
  [1.234, "1.2 ms"],
  [78.4, "78 ms"],
  [999.7, "1.00 s"],
  [12_345, "12.3 s"],
])("%s ms are shown as %s.", (ms, shown) => {
  expect(time(ms).join(" ")).toBe(shown);
});

test("What lasts is told in its two largest units.", () => {
  expect([0, 61_000, 3_600_000, 90_061_000].map(lasting)).toEqual(["0 s", "1 min 1 s", "1 h", "1 d 1 h"]);
});

test("A part that is none is shown as the nearest one.", () => {
  expect([-1, 0.334, 7].map(percent)).toEqual(["0%", "33%", "100%"]);
});

test("A curve breaks where nothing was measured for a while.", () => {
  const samples = [0, 1000, 2000, 9000, 10_000].map((at) => [at, at === 2000 ? null : 5] as const);

  const { line, area } = sparkline(samples, 0, 10_000);

  expect(line).toBe("M0 1L10 1M90 1L100 1");
  expect(area).toBe("M0 20L0 1L10 1L10 20ZM90 20L90 1L100 1L100 20Z");
});

test("A curve of nothing is nothing, and one of zeros lies on the ground.", () => {
  expect(sparkline([], 0, 1000)).toEqual({ line: "", area: "" });
  expect(sparkline([[0, 0]], 0, 1000).line).toBe("M0 19h.5");
});

test("Instances stand by their roles, and by their hosts in the order of the snapshot.", () => {
  const instances = [
    instance("prefill", 0, "b"),
    instance("prefill", 1, "a", { states: ["draining"] }),
    instance("decode", 0, "a"),
  ];
  const [prefill, decode] = sidesOf(snapshot(0, { instances, hosts: [{ address: "a" }, { address: "b" }] }));

  expect(prefill?.groups.map(({ key }) => key)).toEqual(["prefill a", "prefill b"]);
  expect([prefill?.ready, prefill?.count]).toEqual([1, 2]);
  expect(decode?.groups.map(({ instances: own }) => own.map(({ name }) => name))).toEqual([["decode-0"]]);
});

test("Many instances get a line each.", () => {
  expect([1, 6, 7, 32].map((count) => isTight(sidesOf(snapshot(count))))).toEqual([false, false, true, true]);
});

test("Wires go between instances, the strongest first, and none to an instance that is not there.", () => {
  const { wires, bundled } = wiresOf(
    snapshot(2, {
      edges: [
        [0, 2, 1],
        [1, 3, 4],
        [0, 99, 7],
      ],
    }),
  );

  expect(bundled).toBe(false);
  expect(wires).toEqual([
    { from: "prefill 10.0.1.1:8089 prefill-1", to: "decode 10.0.2.1:8089 decode-1", perSecond: 4 },
    { from: "prefill 10.0.1.0:8088 prefill-0", to: "decode 10.0.2.0:8088 decode-0", perSecond: 1 },
  ]);
});

test("Of many instances wires go between hosts, and carry what all of theirs do.", () => {
  const hosted = snapshot(10);
  const instances = hosted.instances.map((one) => ({ ...one, host: one.role }));
  const hosts = [{ address: "prefill" }, { address: "decode" }];
  const edges = [
    [0, 10, 1],
    [3, 15, 2.5],
  ] as const;

  const { wires, bundled } = wiresOf({ ...hosted, instances, hosts, edges });

  expect(bundled).toBe(true);
  expect(wires).toEqual([{ from: "prefill prefill", to: "decode decode", perSecond: 3.5 }]);
});

test("What carries more moves no slower.", () => {
  const paces = [0.01, 0.5, 3, 10, 1e6].map(paceOf);

  expect(paces).toEqual([1, 2, 3, 4, 5]);
});
