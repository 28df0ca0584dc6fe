import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../planning/make-plan.ts";
import { put, sampleInput } from "../planning/testing/sample-input.ts";
import { RankTableError, readGlobalRankTable, readLocalRankTable } from "./reader.ts";
import { manualGlobalTable, manualLocalTable } from "./testing/manual-tables.ts";

function written() {
  const result = plan("2p2d", sampleInput());
  if ("problems" in result) throw new Error("the sample breaks a rule");
  return result.plan.rankTables;
}

function refusal(read: () => unknown): RankTableError {
  try {
    read();
  } catch (error) {
    if (error instanceof RankTableError) return error;
    throw error;
  }
  throw new Error("the table was accepted");
}

test("What the planner writes reads back as the instances of the stack file.", () => {
  const { global, local } = written();

  const table = readGlobalRankTable(global.content, global.path);
  const entries = local.map(({ content, path }) => readLocalRankTable(content, path));

  expect(table.scheduler).toEqual({ ip: "10.0.0.18" });
  expect(table.prefill[1]).toEqual({
    ip: "10.0.0.19",
    devices: [
      { deviceId: 4, deviceIp: "29.0.1.22", rankId: 0 },
      { deviceId: 5, deviceIp: "29.0.1.23", rankId: 1 },
    ],
  });
  expect(entries).toEqual([...table.prefill, ...table.decode, { ...table.scheduler, devices: [] }]);
});

test("The manual's own sample, with localhost, is read.", () => {
  const { global } = written();
  const text = global.content.replaceAll(/10\.0\.0\.1[89]/g, "localhost").replaceAll("29.0.1", "29.0.9");
  const table = JSON.parse(text);
  table.server_group_list[1].server_list.pop();
  table.server_group_list[2].server_list.pop();
  table.server_group_list[1].server_count = "1";
  table.server_group_list[2].server_count = "1";

  const { scheduler, prefill, decode } = readGlobalRankTable(JSON.stringify(table), "global.json");

  expect([scheduler.ip, prefill[0]?.ip, decode[0]?.ip]).toEqual(["localhost", "localhost", "localhost"]);
});

test("Devices come in rank order, and unknown keys are let through.", () => {
  const table = JSON.parse(written().global.content);
  table.server_group_list[1].server_list[0].device.reverse();
  table.server_group_list[1].server_list[0].host_ip = "10.0.0.18";

  const { prefill } = readGlobalRankTable(JSON.stringify(table), "global.json");

  expect(prefill[0]?.devices.map(({ rankId, deviceId }) => [rankId, deviceId])).toEqual([
    [0, 4],
    [1, 5],
  ]);
});

const device = "server_group_list[1].server_list[0].device[0]";

test.each([
  [`${device}.device_id`, 4, "PD203", "4 is a number", 'write it as a string: "4"'],
  ["server_group_list[0].server_count", 1, "PD203", "1 is a number", 'write it as a string: "1"'],
  ["server_group_list[1].group_id", 1, "PD203", "1 is a number", 'write it as a string: "1"'],
  ["server_group_list[1].group_id", "2", "PD203", '"2" should be "1"', /write the file anew/],
  [`${device}.device_ip`, "29.**.**.22", "PD203", /is not an address/, "put in the real value"],
  [`${device}.device_ip`, "-.-.-.-", "PD203", /is not an address/, "put in the real value"],
  [`${device}.device_ip`, "29.0.0.256", "PD203", /is not an address/, "put in the real value"],
  [`${device}.device_ip`, "node-1", "PD203", /is not an address/, "put in the real value"],
  [
    "server_group_list[0].server_list[0].server_ip",
    "10.xx.xx.18",
    "PD203",
    /is not an address/,
    "put in the real value",
  ],
  [`${device}.device_id`, "davinci4", "PD203", /is not a number/, "put in the real value"],
  [
    "server_group_list[1].server_list[0].server_ip",
    "",
    "PD203",
    /is not an address/,
    "put in the real value",
  ],
  ["version", "1.2", "PD203", '"1.2" should be "1.0"', /write the file anew/],
  ["status", "initializing", "PD203", /not complete/, /wait until/],
  [`${device}.rank_id`, "1", "PD204", "rank ids 1, 1 are not 0 to 1", /write the file anew/],
  [
    "server_group_list[2].server_count",
    "3",
    "PD204",
    '"3" while server_list has 2 entries',
    /write the file anew/,
  ],
  [
    "server_group_list[2].server_list[0].device[1].device_id",
    "4",
    "PD204",
    /^NPU 4 of 10\.0\.0\.18 is already in/,
    /anew/,
  ],
  [
    "server_group_list[2].server_list",
    [],
    "PD203",
    "has fewer entries than the 1 needed",
    /write the file anew/,
  ],
])("%s as %j is refused with place, reason and fix.", (path, value, code, message, fix) => {
  const table = JSON.parse(written().global.content);
  put(table, path, value);

  const { problems } = refusal(() => readGlobalRankTable(JSON.stringify(table), "global.json"));

  expect(problems).toContainEqual({
    code,
    severity: "error",
    path: expect.stringContaining(path.slice(0, 30)),
    message: expect.stringMatching(message),
    fix: expect.stringMatching(fix),
  });
});

const devicesOf = (group: number, server: number) =>
  `server_group_list[${group}].server_list[${server}].device`;

test("A table may have no devices at all, as with an engine that runs on CPUs.", () => {
  const table = JSON.parse(written().global.content);
  for (const group of [1, 2]) for (const server of [0, 1]) put(table, devicesOf(group, server), undefined);

  const { prefill, decode } = readGlobalRankTable(JSON.stringify(table), "global.json");

  expect([...prefill, ...decode].map(({ devices }) => devices)).toEqual([[], [], [], []]);
});

test("An instance without devices is refused where others have some.", () => {
  const table = JSON.parse(written().global.content);
  put(table, devicesOf(2, 1), undefined);

  const { problems } = refusal(() => readGlobalRankTable(JSON.stringify(table), "global.json"));

  expect(problems).toMatchObject([
    { code: "PD204", path: devicesOf(2, 1), message: `it is missing, while there is ${devicesOf(1, 0)}` },
  ]);
});

test("A missing key is named.", () => {
  const table = JSON.parse(written().global.content);
  put(table, `${device}.rank_id`, undefined);

  const { problems } = refusal(() => readGlobalRankTable(JSON.stringify(table), "global.json"));

  expect(problems).toMatchObject([{ path: device, message: '"rank_id" is missing', fix: "add it" }]);
});

test("The error's message is the whole text for the user, with the file's name.", () => {
  const { message } = refusal(() => readLocalRankTable("{", "/etc/ascend-pd/local.json"));

  expect(message).toMatch(
    /^\/etc\/ascend-pd\/local\.json: 1 problem\n {2}PD201 \(file\) {2}not JSON: .*\n {8}fix: write/,
  );
});

test("A byte order mark is named: nobody sees it in the file.", () => {
  const { problems } = refusal(() => readGlobalRankTable("\uFEFF{}", "global.json"));

  expect(problems).toMatchObject([{ code: "PD201", message: "not JSON: it begins with a byte order mark" }]);
});

test.each([
  ['"rank_id": "0"', '"rank_id": "0", "rank_id": "0"', `${device}`, '"rank_id"', 26],
  ['"device_id": "4"', '"device_id": "5", "device\\u005fid": "4"', `${device}`, '"device_id"', 24],
  ['"version": "1.0",', '"version": "1.0",\n"version": "1.0",', "(file)", '"version"', 3],
])("In a global table, %s as %s is refused: which is meant?", (once, twice, path, key, line) => {
  const text = written().global.content.replace(once, twice);

  const { problems } = refusal(() => readGlobalRankTable(text, "global.json"));

  expect(problems).toEqual([
    {
      code: "PD206",
      severity: "error",
      path,
      message: `${key} stands there twice, the second time in line ${line}`,
      fix: "keep the one that is meant; one reader takes the first, another the last",
    },
  ]);
});

test("In a local table, a key that stands there twice is refused too.", () => {
  const text = manualLocalTable.replace('"server_ip"', '"server_ip": "10.0.0.19", "server_ip"');

  const { problems } = refusal(() => readLocalRankTable(text, "local.json"));

  expect(problems).toMatchObject([{ code: "PD206", path: "server_list[0]" }]);
});

test("A repeated key and a place without end are quoted as far as tells them.", () => {
  const key = JSON.stringify("k".repeat(1_000_000));
  const text = `${'{"a":'.repeat(100_000)}{${key}:1,${key}:2}${"}".repeat(100_000)}`;

  const { message } = refusal(() => readGlobalRankTable(text, "global.json"));

  expect(message).toMatch(/PD206 a\.a\.a\..*… {2}"k{59}…" stands there twice/);
  expect(message.length).toBeLessThan(500);
});

test("What no table says is let through only as deep as it can be compared and written.", () => {
  const withExtra = (depth: number) =>
    manualGlobalTable.replace("{", `{ "note": ${"[".repeat(depth)}${"]".repeat(depth)},`);

  const { problems } = refusal(() => readGlobalRankTable(withExtra(100_000), "global.json"));

  const message = expect.stringMatching(/^nested 100001 levels deep/);
  expect(problems).toMatchObject([{ code: "PD203", message }]);
  expect(readGlobalRankTable(withExtra(50), "global.json").prefill).toHaveLength(1);
});

test("Where server_id is the host's name, an instance is reached at server_ip.", () => {
  const text = manualGlobalTable.replaceAll('"server_id": "10.0.0.18"', '"server_id": "node-1"');

  const { scheduler, prefill, decode } = readGlobalRankTable(text, "global.json");

  expect([scheduler.ip, prefill[0]?.ip, decode[0]?.ip]).toEqual(["10.0.0.18", "10.0.0.18", "10.0.0.18"]);
});

test("Of a value without end no more is quoted than tells it.", () => {
  const table = JSON.parse(written().global.content);
  const depth = 100_000;
  const text = JSON.stringify({ ...table, version: "x".repeat(999), status: 0 }).replace(
    '"status":0',
    `"status":${"[".repeat(depth)}${"]".repeat(depth)}`,
  );

  const { message } = refusal(() => readGlobalRankTable(text, "global.json"));

  expect(message).toMatch(/"x{59}…" should be "1\.0"/);
  expect(message.length).toBeLessThan(500);
});

const server = (extra: object) => ({ server_id: "10.0.0.1", server_ip: "10.0.0.1", ...extra });
const devices = [{ device_id: "0", device_ip: "29.0.0.1", rank_id: "0" }];
const group = (id: number, extra: object, more: object = {}) => ({
  group_id: String(id),
  server_count: "1",
  server_list: [server(extra)],
  ...more,
});
const groups = (...list: object[]) => ({ version: "1.0", status: "completed", server_group_list: list });
const hccl = {
  version: "1.0",
  status: "completed",
  server_count: "1",
  server_list: [server({ device: devices })],
};

test.each([
  ["MindIE", groups(group(0, {}), group(1, {}), group(2, { device: devices }))],
  [
    "MindIE",
    groups(group(0, {}), group(1, {}), group(2, { device: [{ ...devices[0], device_logical_id: "0" }] })),
  ],
  ["MindIE", groups(group(0, {}), group(1, {}, { super_pod_list: [] }))],
  [
    "Omni-infer",
    groups(group(0, { device: devices }), group(1, { device: devices }), group(2, { device: devices })),
  ],
  ["one host before the merge", groups(group(1, { device: devices }), group(2, { device: devices }))],
  ["local rank table", { ...hccl, group_id: "0" }],
  ["HCCL rank table, version 1.0", hccl],
  ["HCCL rank table, version 1.2", { ...hccl, version: "1.2", super_pod_list: [] }],
  ["HCCL rank table, without version", { server_list: [] }],
  ["HCCL rank table, version 2.0", { version: "2.0", rank_list: [], rank_count: 0 }],
  ["ModelArts platform", groups(group(0, {}), ...[1, 2, 3].map((id) => group(id, { device: devices })))],
  ["HCCL", { group_list: [] }],
  ["MindIE-LLM", { ...hccl, server_list: [server({ container_ip: "10.0.0.1", device: devices })] }],
  ["vllm-ascend", { version: "1.2", prefill_device_list: [], decode_device_list: [] }],
])("Another dialect is refused as what it is: %s (%#).", (name, table) => {
  const { problems } = refusal(() => readGlobalRankTable(JSON.stringify(table), "global.json"));

  expect(problems).toMatchObject([{ code: "PD202", message: expect.stringContaining(name) }]);
});

test("AscendCloud's own table of an A3 is read, with the keys that MindIE's has too.", () => {
  const a3 = (id: string, rank: string) => ({
    ...{ device_id: id, device_ip: `29.0.0.2${id}`, rank_id: rank },
    ...{ super_device_id: `16777216${id}`, device_logical_id: rank },
  });
  const table = groups(
    group(0, {}),
    group(1, { device: [a3("4", "0")] }),
    group(2, { device: [a3("6", "0")] }),
  );

  const { prefill } = readGlobalRankTable(JSON.stringify(table), "global.json");

  expect(prefill).toMatchObject([{ devices: [{ deviceId: 4, rankId: 0 }] }]);
});

test("One instance on two hosts is called that.", () => {
  const part = (ip: string, ...ranks: number[]) =>
    server({
      server_ip: ip,
      device: ranks.map((rank) => ({
        device_id: String(rank % 2),
        device_ip: `29.0.0.${rank}`,
        rank_id: String(rank),
      })),
    });
  const spread = {
    ...group(1, {}),
    server_count: "2",
    server_list: [part("10.0.0.18", 0, 1), part("10.0.0.19", 2, 3)],
  };

  const { problems } = refusal(() =>
    readGlobalRankTable(
      JSON.stringify(groups(group(0, {}), spread, group(2, { device: devices }))),
      "g.json",
    ),
  );

  expect(problems).toMatchObject([
    {
      code: "PD204",
      path: "server_group_list[1].server_list[1].device",
      message: expect.stringContaining("one instance on two hosts, 10.0.0.18 and 10.0.0.19"),
      fix: expect.stringContaining("an instance of its own"),
    },
  ]);
});

test.each([
  ["a global rank table", groups(group(0, {}), group(1, { device: devices }), group(2, { device: devices }))],
  ["an HCCL rank table", hccl],
  ["an Omni-infer local rank table", { ...hccl, group_id: "0", server_count: 2, server_list: [{}, {}] }],
])("In place of a local table, %s is refused by name.", (name, table) => {
  const { problems } = refusal(() => readLocalRankTable(JSON.stringify(table), "local.json"));

  expect(problems).toMatchObject([{ code: "PD202", message: expect.stringContaining(name) }]);
});

test("Whatever stands in a table, it is read or refused with problems, never anything else.", () => {
  const paths = [
    "version",
    "status",
    "server_group_list",
    device,
    `${device}.rank_id`,
    "server_group_list[1]",
  ];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), fc.boolean(), (path, value, isWhole) => {
      const table = JSON.parse(written().global.content);
      put(table, path, value);
      const text = JSON.stringify(isWhole ? value : table);

      for (const read of [readGlobalRankTable, readLocalRankTable]) {
        try {
          read(text, "table.json");
        } catch (error) {
          expect(error).toBeInstanceOf(RankTableError);
          expect((error as RankTableError).problems).not.toEqual([]);
        }
      }
    }),
  );
});
