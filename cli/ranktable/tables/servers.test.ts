import { expect, test } from "vitest";
import { RankTableError } from "../../../rank-tables/reader.ts";
import { mergeGroups, readServer, readServerGroups } from "./servers.ts";

const device = (id: number, rank: number) => ({
  device_id: String(id),
  device_ip: `29.0.0.${id + 18}`,
  rank_id: String(rank),
});
const server = (ip: string, ...ids: number[]) => ({
  server_id: ip,
  server_ip: ip,
  ...(ids.length > 0 && { device: ids.map(device) }),
});
const group = (id: unknown, ...servers: object[]) => ({
  group_id: id,
  server_count: String(servers.length),
  server_list: servers,
});
const table = (...groups: object[]) =>
  JSON.stringify({ version: "1.0", status: "completed", server_group_list: groups });

function problemsOf(read: () => unknown) {
  try {
    read();
  } catch (error) {
    if (error instanceof RankTableError) return error.problems;
    throw error;
  }
  return [];
}

test("A host's table has groups only for what runs there, in any order.", () => {
  const prefill = { ...server("10.0.0.18", 4, 5), device_port: "16667" };
  const text = table(group("2", server("10.0.0.18", 6)), group("1", prefill));

  const groups = readServerGroups(text, "global.json");

  expect(groups).toEqual({ scheduler: [], prefill: [prefill], decode: [server("10.0.0.18", 6)] });
});

test.each([
  ["a numeric group id", table(group(1, server("10.0.0.18", 4))), 'write it as a string: "1"'],
  ["an unknown group", table(group("3", server("10.0.0.18", 4))), /./],
  ["no group", table(), /./],
  ["a group twice", table(group("1", server("10.0.0.18", 4)), group("1", server("10.0.0.18", 5))), /./],
  ["a prefill entry without devices", table(group("1", server("10.0.0.18"))), "add it"],
  ["two service entries", table(group("0", server("10.0.0.18"), server("10.0.0.19"))), /./],
  ["an NPU twice", table(group("1", server("10.0.0.18", 4), server("10.0.0.18", 4))), /./],
])("%s is refused, where a merge would lose or double instances.", (_, text, fix) => {
  const problems = problemsOf(() => readServerGroups(text, "global.json"));

  expect(problems).toMatchObject([{ fix: expect.stringMatching(fix) }]);
});

test("A local table's entry is read with all its keys; a global table in its place is named.", () => {
  const entry = { ...server("10.0.0.18", 4, 5), note: "by hand" };
  const local = { version: "1.0", status: "completed", ...group("0", entry) };

  expect(readServer(JSON.stringify(local), "local.json")).toEqual(entry);
  expect(problemsOf(() => readServer(table(group("0", server("10.0.0.18"))), "local.json"))).toMatchObject([
    { code: "PD202" },
  ]);
});

test("A merged table follows the order of the tables, role by role.", () => {
  const read = (...groups: object[]) => readServerGroups(table(...groups), "global.json");
  const first = read(group("1", server("10.0.0.18", 1)), group("2", server("10.0.0.18", 2)));
  const second = read(group("0", server("10.0.0.19")), group("1", server("10.0.0.19", 3)));

  const addresses = ({ prefill }: ReturnType<typeof mergeGroups>) => prefill.map((one) => one.server_ip);

  expect(addresses(mergeGroups([first, second]))).toEqual(["10.0.0.18", "10.0.0.19"]);
  expect(addresses(mergeGroups([second, first]))).toEqual(["10.0.0.19", "10.0.0.18"]);
});
