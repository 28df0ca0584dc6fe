import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkDevices, placementOf, readPlacement } from "./rank-table.ts";

const server = (ids: readonly string[], ip = "10.0.0.18") => ({
  server_id: ip,
  server_ip: ip,
  device: ids.map((id, rank) => ({ device_id: id, device_ip: `29.0.0.${id}`, rank_id: `${rank}` })),
});

const group = (id: string, list: readonly object[]) => ({
  group_id: id,
  server_count: `${list.length}`,
  server_list: list,
});

const local = (...entries: readonly object[]) => ({ path: "local.json", content: group("0", entries) });

const host = { server_id: "10.0.0.18", server_ip: "10.0.0.18" };

const global = (prefill: readonly object[], decode: readonly object[]) => ({
  path: "global.json",
  content: {
    version: "1.0",
    status: "completed",
    server_group_list: [group("0", [host]), group("1", prefill), group("2", decode)],
  },
});

const table = global([server(["4", "5"])], [server(["6", "7"]), server(["6", "7"], "10.0.0.19")]);

test("The role is the group of the global table that holds the local entry.", () => {
  expect(placementOf(local(server(["4", "5"])), table)).toEqual({
    role: "prefill",
    serverIp: "10.0.0.18",
    deviceIds: ["4", "5"],
  });
  expect(placementOf(local(server(["6", "7"], "10.0.0.19")), table)).toMatchObject({
    role: "decode",
    serverIp: "10.0.0.19",
  });
});

test.each([
  [
    "an entry that is not there",
    local(server(["0", "1"])),
    table,
    "its entry 10.0.0.18 [0,1] is not in global.json, which lists prefill 10.0.0.18 [4,5], decode",
  ],
  ["devices in another order", local(server(["5", "4"])), table, "is not in global.json"],
  ["an entry of another host", local(server(["4", "5"], "10.0.0.20")), table, "is not in global.json"],
  [
    "an entry that differs in an address",
    local({ ...server(["4", "5"]), server_id: "a" }),
    table,
    "differs in server_id",
  ],
  [
    "an entry that is there twice",
    local(server(["4"])),
    global([server(["4"])], [server(["4"])]),
    "is there 2 times",
  ],
  ["the scheduler's table", local(host), table, "it is the scheduler's"],
  ["two entries", local(host, host), table, "must have exactly one entry"],
  [
    "a number for a string",
    local({ ...server([]), device: [{ device_id: 4 }] }),
    table,
    "device_id is not a string",
  ],
  ["no server_list", { path: "local.json", content: {} }, table, "server_list is not a list"],
  [
    "a global table of one host only",
    local(server(["4"])),
    { path: "global.json", content: {} },
    'no group with group_id "1" (prefill)',
  ],
])("%s is refused.", (_, localTable, globalTable, message) => {
  expect(() => placementOf(localTable, globalTable)).toThrow(message);
});

test("Without rank tables in the environment there is no placement; a global one alone is refused.", () => {
  expect(readPlacement({})).toBeUndefined();
  expect(() => readPlacement({ GLOBAL_RANK_TABLE_FILE_PATH: "x" })).toThrow(
    "GLOBAL_RANK_TABLE_FILE_PATH is set without RANK_TABLE_FILE_PATH",
  );
});

test("A local table alone says which NPUs, and nothing of the role.", () => {
  expect(placementOf(local(server(["4", "5"])), undefined)).toEqual({
    role: undefined,
    serverIp: "10.0.0.18",
    deviceIds: ["4", "5"],
  });
});

test("A table that is missing or no JSON is refused by its path.", () => {
  const folder = mkdtempSync(join(tmpdir(), "rank-table-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const broken = join(folder, "broken.json");
  writeFileSync(broken, "{");

  for (const path of [broken, join(folder, "missing.json")]) {
    const read = () => readPlacement({ RANK_TABLE_FILE_PATH: path, GLOBAL_RANK_TABLE_FILE_PATH: path });
    expect(read).toThrow(`cannot read the rank table ${path}`);
  }
});

test("Each NPU of the placement needs its device node.", () => {
  const folder = mkdtempSync(join(tmpdir(), "dev-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "davinci4"), "");
  const placement = placementOf(local(server(["4", "5"])), table);

  expect(() => checkDevices(placement, folder)).toThrow(`there is no ${folder}/davinci5`);
  writeFileSync(join(folder, "davinci5"), "");
  expect(() => checkDevices(placement, folder)).not.toThrow();
});
