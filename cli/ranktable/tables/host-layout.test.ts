import { expect, test } from "vitest";
import { manualGlobalTable, manualLocalTable } from "../../../rank-tables/testing/manual-tables.ts";
import { hostGroups, hostRankTables, parseServerLists } from "./host-layout.ts";

const ips: Record<number, string> = { 4: "29.0.0.22", 5: "29.0.0.23", 6: "29.0.0.56", 7: "29.0.0.72" };
const ipOf = (device: number) => ips[device] ?? "";

test("The manual's 1p1d on one host gives its four files.", () => {
  const layout = { prefill: [[4, 5]], decode: [[6, 7]], apiServer: true };

  const files = hostRankTables("10.0.0.18", hostGroups("10.0.0.18", layout, ipOf));

  expect(files.map(({ path }) => path)).toEqual([
    "local_ranktable_10.0.0.18_45.json",
    "local_ranktable_10.0.0.18_67.json",
    "local_ranktable_10.0.0.18_host.json",
    "global_ranktable_10.0.0.18.json",
  ]);
  expect(files.at(-1)?.content).toBe(manualGlobalTable);
  expect(files[1]?.content).toBe(manualLocalTable);
});

test("Ranks follow the order in which NPUs are written.", () => {
  const groups = hostGroups("10.0.0.18", { prefill: [[5, 4]], decode: [], apiServer: false }, ipOf);

  const [local] = hostRankTables("10.0.0.18", groups);

  expect(JSON.parse(local?.content ?? "").server_list[0].device).toEqual([
    { device_id: "5", device_ip: "29.0.0.23", rank_id: "0" },
    { device_id: "4", device_ip: "29.0.0.22", rank_id: "1" },
  ]);
});

test("Lists become numbers; roles may differ in size.", () => {
  expect(parseServerLists({ prefill: ["0,1", "2,3"], decode: ["15"] })).toEqual({
    layout: {
      prefill: [
        [0, 1],
        [2, 3],
      ],
      decode: [[15]],
    },
  });
});

test.each([
  [["4,x"], [], "PD103", '"x" is not an NPU id', /0 to 15/],
  [["16"], [], "PD103", '"16" is not an NPU id', /0 to 15/],
  [["04"], [], "PD103", '"04" is not an NPU id', /0 to 15/],
  [["4;>file"], [], "PD103", '"4;>file" is not an NPU id', /plain comma/],
  [["4，5"], [], "PD103", '"4，5" is not an NPU id', /plain comma/],
  [["4-7"], [], "PD103", '"4-7" is not an NPU id', /without a range/],
  [
    ["4,"],
    [],
    "PD103",
    '"" is not an NPU id',
    /write ids with a comma and no blank between them, e\.g\. 4,5/,
  ],
  [["4, 5"], [], "PD103", '" 5" is not an NPU id', /^write 4,5, without a blank$/],
  [["4 ,5"], [], "PD103", '"4 " is not an NPU id', /^write 4,5, without a blank$/],
  [
    ["0,1 2,3"],
    [],
    "PD103",
    '"1 2" is not an NPU id',
    /^write 0,1,2,3 for one instance, 0,1 2,3 without quotes for 2$/,
  ],
  [[""], [], "PD103", '"" is not an NPU id', /leave the option out/],
  [["4,5"], ["5,6"], "PD102", "NPU 5 is already in --prefill-server-list 4,5", /one instance/],
  [["4,4"], [], "PD102", "NPU 4 is already in --prefill-server-list 4,4", /one instance/],
  [["4"], ["4"], "PD102", "NPU 4 is already in --prefill-server-list 4", /one instance/],
  [["4,5", "6"], [], "PD104", "1 NPU while --prefill-server-list 4,5 has 2", /every prefill instance 2/],
  [["4"], ["5,6", "7"], "PD104", "1 NPU while --decode-server-list 5,6 has 2", /every decode instance 2/],
  [
    ["1,12"],
    ["11,2"],
    "PD220",
    /1,12 would both be named local_ranktable_…_112\.json/,
    /11,2 in another order, e\.g\. 2,11/,
  ],
  [["1,2"], ["12"], "PD220", /1,2 would both be named local_ranktable_…_12\.json/, /1,2 in .* e\.g\. 2,1;/],
])("Prefill %j and decode %j are refused by %s alone.", (prefill, decode, code, message, fix) => {
  const result = parseServerLists({ prefill, decode });

  expect(result).toEqual({
    problems: [
      {
        code,
        severity: "error",
        path: expect.stringMatching(/^--(prefill|decode)-server-list /),
        message: typeof message === "string" ? message : expect.stringMatching(message),
        fix: expect.stringMatching(fix),
      },
    ],
  });
});
