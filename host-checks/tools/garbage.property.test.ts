import fc from "fast-check";
import { expect, test } from "vitest";
import { a2Info, a3Info, board, cardList, chipMap, health } from "../testing/sample-outputs.ts";
import { readHccnConf } from "./hccn-conf.ts";
import * as hccnTool from "./hccn-tool.ts";
import { readNpuInfo } from "./npu-smi-info.ts";
import * as lists from "./npu-smi-lists.ts";

const parsers = [...Object.values(hccnTool), ...Object.values(lists), readNpuInfo];
const samples = [
  a2Info,
  a3Info,
  board,
  cardList,
  chipMap,
  health,
  "ipaddr:29.0.0.22\nnetmask:255.255.255.0\n",
];

/** Anything, or a real output with some characters lost, changed or put in. */
const garbage = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(3000), fc.nat(40), fc.string()), { maxLength: 4 }),
    )
    .map(([sample, edits]) =>
      edits.reduce((text, [at, lost, put]) => text.slice(0, at) + put + text.slice(at + lost), sample),
    ),
);

test("Whatever a tool prints is read or quoted, in one short line, by every parser.", () => {
  fc.assert(
    fc.property(garbage, (output) => {
      for (const parse of parsers) {
        const reading: { value?: unknown; unreadable?: string } = parse(output);

        expect(Object.keys(reading)).toHaveLength(1);
        if ("unreadable" in reading) expect(reading.unreadable).toMatch(/^it printed [^\p{Cc}]{1,130}$/u);
      }
      expect(readHccnConf(output)).toBeInstanceOf(Map);
    }),
    { numRuns: 1000 },
  );
});

test("What is read as an NPU is in the output, and no process is lost.", () => {
  fc.assert(
    fc.property(garbage, (output) => {
      const reading = readNpuInfo(output);
      if (!("value" in reading)) return;

      const { devices, processes, oddProcesses } = reading.value;
      const told = output.replaceAll(/\s+/g, " ");
      for (const { npu, name } of devices) {
        expect(told).toMatch(new RegExp(`[|│┃｜] ?0*${npu}\\b`));
        expect(told).toContain(name);
      }
      const pids = [...output.matchAll(/^\| \d+ +\d+ +\| (\d{5,9}) /gm)].map(([, pid]) => pid ?? "");
      const kept = [
        ...(processes ?? []).map(({ pid }) => `${pid}`),
        ...oddProcesses.map(({ row }) => row),
      ].join();
      if (processes !== undefined) for (const pid of pids) expect(kept).toContain(`${Number(pid)}`);
    }),
    { numRuns: 1000 },
  );
});
