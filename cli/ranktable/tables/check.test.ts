import { expect, test } from "vitest";
import { checkTables } from "./check.ts";
import type { GlobalFile, LocalFile, TableFile } from "./files.ts";
import { type HostLayout, hostGroups, hostRankTables } from "./host-layout.ts";
import { mergeProblems } from "./merge.ts";
import { mergeGroups, readServer, readServerGroups } from "./servers.ts";

/** The files of a host, as they are read. */
function filesOf(ip: string, layout: HostLayout): TableFile[] {
  const ipOf = (device: number) => `29.0.${ip.split(".")[3]}.${device}`;
  return hostRankTables(ip, hostGroups(ip, layout, ipOf)).map(({ path: where, content }): TableFile => {
    if (where.startsWith("global")) return { where, groups: readServerGroups(content, where) };
    return { where, server: readServer(content, where) };
  });
}

const isGlobal = (file: TableFile): file is GlobalFile => "groups" in file;

/** A prefill instance and the scheduler on one host, a decode instance on another. */
function twoHosts() {
  const files = [
    ...filesOf("10.0.0.18", { prefill: [[4, 5]], decode: [], apiServer: true }),
    ...filesOf("10.0.0.19", { prefill: [], decode: [[6, 7]], apiServer: false }),
  ];
  const hosts = files.filter(isGlobal);
  const locals = files.filter((file): file is LocalFile => "server" in file);
  const merged = {
    where: "global_ranktable_merge.json",
    groups: mergeGroups(hosts.map(({ groups }) => groups)),
  };
  return { hosts, locals, merged, all: [merged, ...hosts, ...locals] };
}

const problemsOf = (files: readonly TableFile[], nodePorts?: string) =>
  checkTables(files, nodePorts).problems.map(([where, { code, path, message }]) => [
    where,
    code,
    path,
    message,
  ]);

test("A set that fits together is told entry by entry: who, where, on which port, with which local table.", () => {
  const { members, problems, whole } = checkTables(twoHosts().all, "8088,8089");

  expect(problems).toEqual([]);
  expect(whole?.where).toBe("global_ranktable_merge.json");
  expect(members.map(({ path, port, local }) => [path, port, local])).toEqual([
    ["prefill[0]", 8088, "local_ranktable_10.0.0.18_45.json"],
    ["decode[0]", 8089, "local_ranktable_10.0.0.19_67.json"],
    ["scheduler", undefined, "local_ranktable_10.0.0.18_host.json"],
  ]);
});

test("Tables of hosts that nobody merged are no global table, and the command that merges them is told.", () => {
  const { hosts } = twoHosts();

  const [problem] = checkTables(hosts, undefined).problems;

  expect(problem).toMatchObject([
    "the global table",
    { code: "PD211", fix: expect.stringMatching(/merge --global-ranktable-list \S+18\.json \S+19\.json$/) },
  ]);
});

test("A role that no file has, and a set without any global table, are named.", () => {
  const { hosts, locals } = twoHosts();

  expect(problemsOf(hosts.slice(0, 1))).toMatchObject([
    ["the global table", "PD211", "(file)", "no file has a decode entry"],
  ]);
  expect(problemsOf(locals)).toHaveLength(1);
  expect(problemsOf(locals)[0]).toMatchObject([
    "the global table",
    "PD211",
    "(file)",
    "is not among the files",
  ]);
});

test("A local table that differs from its entry is told with both values and the place.", () => {
  const { all, locals } = twoHosts();
  const changed = all.map((file) => {
    if (file !== locals[0]) return file;
    const text = JSON.stringify(file.server).replace("29.0.18.5", "29.0.18.99");
    return { ...file, server: JSON.parse(text) };
  });

  expect(problemsOf(changed)).toEqual([
    [
      "local_ranktable_10.0.0.18_45.json",
      "PD214",
      "server_list[0].device[1].device_ip",
      '"29.0.18.99", but "29.0.18.5" in prefill[0] of global_ranktable_merge.json',
    ],
  ]);
});

test("A stale local table is told as that of its NPUs on its host, not of another host's.", () => {
  const { merged } = twoHosts();
  const other = filesOf("10.0.0.20", { prefill: [[4, 5]], decode: [], apiServer: false });
  const groups = mergeGroups([merged, ...other].filter(isGlobal).map((file) => file.groups));
  const stale = JSON.stringify(other[0]).replaceAll("29.0.20", "29.0.99");

  expect(problemsOf([{ where: "all.json", groups }, JSON.parse(stale)])).toContainEqual([
    "local_ranktable_10.0.0.20_45.json",
    "PD214",
    "server_list[0].device[0].device_ip",
    '"29.0.99.4", but "29.0.20.4" in prefill[1] of all.json',
  ]);
});

test("Swapped local files are found by their names: they would swap the roles.", () => {
  const { merged, locals } = twoHosts();
  const [first, , last] = locals;
  if (first === undefined || last === undefined) throw new Error("no locals");
  const swapped = [
    { where: first.where, server: last.server },
    { where: last.where, server: first.server },
  ];

  expect(problemsOf([merged, ...swapped]).filter(([, code]) => code === "PD216")).toEqual([
    [first.where, "PD216", "(file name)", "named for 10.0.0.18 45, but holds 10.0.0.19 NPUs 6,7"],
    [last.where, "PD216", "(file name)", "named for 10.0.0.19 67, but holds 10.0.0.18 NPUs 4,5"],
  ]);
});

test("The manual's second spelling of the file names is read too, also in a folder.", () => {
  const { merged, locals } = twoHosts();
  const server = locals[0]?.server;
  if (server === undefined) throw new Error("no locals");

  const files = [merged, { where: "tables/local_rank_table_10.0.0.18_67.json", server }];

  expect(problemsOf(files)[0]?.slice(0, 2)).toEqual([files[1]?.where, "PD216"]);
});

test("An entry with two local tables is a problem; one with none only a warning.", () => {
  const { merged, locals } = twoHosts();
  const [first] = locals;
  if (first === undefined) throw new Error("no locals");

  const { problems } = checkTables([merged, first, { ...first, where: "copy.json" }], undefined);

  expect(problems.map(([where, { code, severity, path }]) => [where, code, severity, path])).toEqual([
    ["copy.json", "PD215", "error", "(file)"],
    ["global_ranktable_merge.json", "PD215", "warning", "decode[0]"],
    ["global_ranktable_merge.json", "PD215", "warning", "scheduler"],
  ]);
});

test("A host's table that is not in the merged one is found.", () => {
  const { merged } = twoHosts();
  const stale = filesOf("10.0.0.19", { prefill: [], decode: [[4, 5]], apiServer: false }).filter(isGlobal);

  expect(problemsOf([merged, ...stale])).toEqual([
    [
      "global_ranktable_10.0.0.19.json",
      "PD218",
      "decode[0]",
      "10.0.0.19 NPUs 4,5 is not so in global_ranktable_merge.json",
    ],
  ]);
});

test("Two whole tables in another order are found: they want other NODE_PORTS.", () => {
  const [file] = filesOf("10.0.0.18", { prefill: [[0], [1]], decode: [[2]], apiServer: true }).filter(
    isGlobal,
  );
  if (file === undefined) throw new Error("no table");
  const turned = { where: "old.json", groups: { ...file.groups, prefill: file.groups.prefill.toReversed() } };

  expect(problemsOf([file, turned])).toEqual([
    ["old.json", "PD218", "prefill", expect.stringContaining("another order")],
  ]);
});

test.each([
  ["8088,8089;", "is not a list of ports", "write them with commas and nothing else: 8088,8089"],
  ["8088, 8089", "is not a list of ports", "write them with commas and nothing else: 8088,8089"],
  ["8088，8089", "is not a list of ports", "write them with commas and nothing else: 8088,8089"],
  ["", "is not a list of ports", "write them with commas and nothing else: 8088,8089"],
  ["8088", "1 port for 2 instances of the global table", /in the table's order$/],
  ["8088,70000", "70000 is no port", "use 1024 to 65535"],
])("NODE_PORTS of %j: %s.", (nodePorts, message, fix) => {
  const { problems } = checkTables(twoHosts().all, nodePorts);

  expect(problems).toMatchObject([
    [
      "--node-ports",
      { code: "PD217", message: expect.stringContaining(message), fix: expect.stringMatching(fix) },
    ],
  ]);
});

test("The planner's rules are applied to tables and ports, and only to what they say.", () => {
  const files = filesOf("10.0.0.18", { prefill: [[0, 1], [2]], decode: [[4]], apiServer: true });

  const withPorts = problemsOf(files, "8088,60000,8088").map(([, code, path]) => [code, path]);
  const without = problemsOf(files).map(([, code]) => code);

  expect(withPorts).toEqual([
    ["PD104", "prefill[1].devices"],
    ["PD105", "decode[0].devices"],
    ["PD110", "decode[0].port"],
    ["PD111", "prefill[1].port"],
  ]);
  expect(without).toEqual(["PD104", "PD105"]);
});

test.each([
  ["server_id", "10.0.0.17", '"10.0.0.17" is not server_ip, "10.0.0.18"'],
  ["server_ip", "10.0.0.17", '"10.0.0.18" is not server_ip, "10.0.0.17"'],
  ["server_id", "localhost", '"localhost" is not server_ip, "10.0.0.18"'],
  ["server_id", "fe80::1", '"fe80::1" is not server_ip, "10.0.0.18"'],
])("An entry with two hosts is found: %s.", (key, value, message) => {
  const { merged } = twoHosts();
  const [server] = merged.groups.prefill;
  const groups = { ...merged.groups, prefill: [{ ...server, [key]: value }] } as GlobalFile["groups"];

  expect(problemsOf([{ where: "g.json", groups }])).toEqual([
    ["g.json", "PD219", "prefill[0].server_id", message],
  ]);
});

const mergeProblemsOf = (files: readonly GlobalFile[]) =>
  mergeProblems(files).map(({ code, path, message }) => [code, path, message]);

test("Two hosts that fit can be merged, in either order.", () => {
  const { hosts } = twoHosts();

  expect(mergeProblemsOf(hosts)).toEqual([]);
  expect(mergeProblemsOf(hosts.toReversed())).toEqual([]);
});

test("A second service entry is told with both files.", () => {
  const { hosts } = twoHosts();
  const second = filesOf("10.0.0.20", { prefill: [[0, 1]], decode: [], apiServer: true }).filter(isGlobal);

  expect(mergeProblemsOf([...hosts, ...second])).toEqual([
    [
      "PD212",
      "global_ranktable_10.0.0.20.json",
      "has a service entry (group 0), as global_ranktable_10.0.0.18.json has",
    ],
  ]);
});

test("A file given twice is told as what it is, not as lost instances.", () => {
  const { hosts } = twoHosts();
  const again = { where: "copy.json", groups: hosts[1]?.groups ?? mergeGroups([]) };

  expect(mergeProblemsOf([...hosts, again])).toEqual([
    ["PD213", "copy.json", "10.0.0.19 NPUs 6,7, or some of them, are in global_ranktable_10.0.0.19.json too"],
  ]);
});

test("Roles that no file has are told.", () => {
  const { hosts } = twoHosts();

  expect(mergeProblemsOf(hosts.slice(1))).toEqual([
    ["PD211", "(all files)", "none has a scheduler entry (group 0)"],
    ["PD211", "(all files)", "none has a prefill entry (group 1)"],
  ]);
});

test("What the rules forbid is refused in a merge too: unequal sizes, loopback, one device IP twice.", () => {
  const { hosts } = twoHosts();
  const bigger = filesOf("10.0.0.20", { prefill: [[0, 1, 2]], decode: [], apiServer: false }).filter(
    isGlobal,
  );
  const local = filesOf("127.0.0.1", { prefill: [[0, 1]], decode: [], apiServer: false }).filter(isGlobal);
  const clash = filesOf("10.9.9.19", { prefill: [[6, 7]], decode: [], apiServer: false }).filter(isGlobal);

  const codes = (files: readonly GlobalFile[]) => mergeProblems([...hosts, ...files]).map(({ code }) => code);

  expect(codes(bigger)).toEqual(["PD104"]);
  expect(codes(local)).toEqual(["PD120"]);
  expect(codes(clash)).toEqual(["PD123", "PD123"]);
});
