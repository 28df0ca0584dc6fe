import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clients } from "./testing/clients.ts";
import {
  metric,
  type Program,
  post,
  program,
  readiness,
  scheduler,
  simulator,
  temporaryFolder,
  until,
} from "./testing/pd-processes.ts";
import { rankTable } from "./testing/rank-table.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `ascend-pd scheduler …`, as the shell runs it. */
function ascendPd(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile("cli/ascend-pd.mjs", ["scheduler", ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test("One instance after the other is replaced under load, by hand, and no answer is lost or wrong.", async () => {
  const flags = ["--ttft-base-ms=5", "--inter-token-ms=3"];
  const running = {
    prefill: [await simulator("prefill", flags), await simulator("prefill", flags)],
    decode: [await simulator("decode", flags), await simulator("decode", flags)],
  };
  const socket = join(temporaryFolder(), "admin.sock");
  const front = await scheduler(running.prefill, running.decode, {
    args: [`--admin-socket=${socket}`, "--metrics-port=0"],
  });
  const metrics = { url: /^metrics on (\S+)$/m.exec(front.output())?.[1]?.replace(/^/, "http://") ?? "" };
  const load = clients(front.url, 6);
  await until(() => load.answered > 20);

  for (const role of ["prefill", "decode"] as const) {
    for (const [index, old] of running[role].entries()) {
      const name = `${role}-${index}`;
      const drained = await ascendPd("drain", name, "--socket", socket, "--deadline", "60");
      expect(drained).toEqual({
        code: 0,
        stdout: `${name} is drained: nothing needs it any more\n`,
        stderr: "",
      });
      await old.stop("SIGKILL");
      await simulator(role, flags, old.port);
      const joined = await ascendPd("join", name, "--socket", socket, "--deadline", "60");
      expect(joined).toEqual({ code: 0, stdout: `${name} gets requests\n`, stderr: "" });
      const before = load.answered;
      await until(() => load.answered > before + 20);
    }
  }
  await load.stop();

  expect(load.failures).toEqual([]);
  const { stdout } = await ascendPd("state", "--socket", socket);
  expect(stdout).toMatch(/^INSTANCE +ADDRESS +STATE +IN FLIGHT +KV HELD +SERVED +FAILED\n/);
  expect(stdout.match(/^(?:prefill|decode)-\d +127\.0\.0\.1:\d+ +ready +0 +0 +\d+ +0$/gm)).toHaveLength(4);
  expect(stdout).toMatch(/\n\nready, 0 requests in flight\n$/);
  const ok = 'path="/v1/completions",outcome="ok",status="2xx"';
  expect(await metric(metrics, "ascend_pd_requests_total", ok)).toBe(load.answered);
  expect(await metric(metrics, "ascend_pd_requests_total")).toBeGreaterThan(load.answered); // /readyz
  expect(await metric(metrics, "ascend_pd_instance_served_total")).toBe(2 * load.answered);
  expect(await metric(metrics, "ascend_pd_instance_in_flight")).toBe(0);
  expect(await metric(metrics, "ascend_pd_instance_kv_held")).toBe(0);
  expect(await front.stop()).toBe(0);
});

test("Reload by command and by SIGHUP: instances of changed files join and leave under load, wrong files change nothing.", async () => {
  const folder = temporaryFolder();
  const [table, ports] = [join(folder, "global.json"), join(folder, "ports")];
  const all = {
    prefill: [await simulator("prefill"), await simulator("prefill")],
    decode: [await simulator("decode", ["--inter-token-ms=3"]), await simulator("decode")],
  };
  const write = (prefill: readonly Program[], decode: readonly Program[]) => {
    writeFileSync(table, rankTable(prefill.length, decode.length));
    writeFileSync(ports, [...prefill, ...decode].map(({ port }) => port).join(","));
  };
  const [p0, p1] = all.prefill as [Program, Program];
  const [d0, d1] = all.decode as [Program, Program];
  write([p0], [d0]);
  const front = await program("scheduler/main.ts", ["--port=0", "--admin-port=0", "--health-interval=0.1"], {
    GLOBAL_RANK_TABLE_FILE_PATH: table,
    NODE_PORTS: `@${ports}`,
  });
  await until(() => /administration on/.test(front.output()));
  const port = /administration on 127\.0\.0\.1:(\d+)/.exec(front.output())?.[1] ?? "";
  await until(async () => (await fetch(`${front.url}/readyz`)).ok);
  const load = clients(front.url, 4);

  write([p0, p1], [d0, d1]);
  const grown = await ascendPd("reload", "--port", port);
  await until(async () => (await readiness(front)).prefill + (await readiness(front)).decode === 4);
  await until(async () => (await metric(d1, "vllm:request_success_total", '"length"')) > 5);

  writeFileSync(table, readFileSync(table, "utf8").slice(0, -10));
  const broken = await ascendPd("reload", "--port", port);
  const brokenJson = await ascendPd("reload", "--port", port, "--json");
  front.child.kill("SIGHUP");
  await until(() => /"reloaded":false/.test(front.output()));
  const after = await readiness(front);

  write([p1], [d1]);
  front.child.kill("SIGHUP");
  await until(async () => {
    const { stdout } = await ascendPd("state", "--port", port, "--json");
    return JSON.parse(stdout).instances.length === 2;
  });
  await Promise.all([p0.stop("SIGKILL"), d0.stop("SIGKILL")]);
  const before = load.answered;
  await until(() => load.answered > before + 20);
  await load.stop();

  expect(grown).toEqual({
    code: 0,
    stdout: "added: prefill-1, decode-1\nleaving: none\nkept: prefill-0, decode-0\n",
    stderr: "",
  });
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(
    /^error: the rank tables and NODE_PORTS have a problem\n {2}.*global\.json: 1 problem\n.*not JSON/,
  );
  expect(JSON.parse(brokenJson.stdout).error).toMatchObject({ code: "invalid_tables", problems: [{}] });
  expect(after).toMatchObject({ ready: true, prefill: 2, decode: 2 });
  expect(load.failures).toEqual([]);
  expect(await front.stop()).toBe(0);
});

test("The command says what is not done, and its exit code too.", async () => {
  const slow = ["--inter-token-ms=60000"];
  const [prefill, first, second] = [
    await simulator("prefill"),
    await simulator("decode", slow),
    await simulator("decode", slow),
  ];
  const socket = join(temporaryFolder(), "admin.sock");
  const front = await scheduler([prefill], [first, second], { args: [`--admin-socket=${socket}`] });
  const at = ["--socket", socket];
  void post(`${front.url}/v1/completions`, '{"prompt":"x","max_tokens":9}').catch(() => {});
  await until(async () => (await metric(first, "vllm:num_requests_running")) === 1);

  const late = await ascendPd("drain", "decode-0", "--deadline=0.1", ...at);
  const last = await ascendPd("drain", "decode-1", ...at);
  const unknown = await ascendPd("join", "decode-7", ...at);
  await second.stop("SIGKILL");
  const forced = await ascendPd("drain", "decode-1", "--force", "--deadline=5", ...at);
  const ill = await ascendPd("join", "decode-1", "--deadline=0.1", ...at);
  const ports = await ascendPd("reload", "--node-ports=1,2", ...at);
  const clientPort = await ascendPd("state", "--port", new URL(front.url).port);
  const nobody = await ascendPd("state", "--socket", "/nowhere/admin.sock", "--json");

  expect(late).toMatchObject({
    code: 1,
    stdout: "decode-0 gets nothing new, but at the deadline had still in flight: 1, KV caches held: 0\n",
  });
  expect(last).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "error: decode-1 is the last decode instance that gets requests\n" +
      "fix: join another one first, or force it: requests are then answered 503\n",
  });
  expect(unknown.stderr).toBe("error: there is no instance decode-7\nfix: did you mean decode-0?\n");
  expect(forced).toMatchObject({ code: 0, stdout: "decode-1 is drained: nothing needs it any more\n" });
  expect([ill.code, ill.stdout]).toEqual([
    1,
    "decode-1 does not answer its health check yet; it gets requests as soon as it does\n",
  ]);
  expect([ports.code, ports.stderr]).toEqual([
    1,
    expect.stringMatching(
      /NODE_PORTS has 2 ports; the global rank table has 1 prefill and 2 decode instances\n {4}fix: /,
    ),
  ]);
  expect([clientPort.code, clientPort.stderr]).toEqual([
    1,
    "error: what answers there is no scheduler's administration\n" +
      "fix: give the --admin-socket or --admin-port that the scheduler was started with\n",
  ]);
  expect(nobody.code).toBe(1);
  expect(JSON.parse(nobody.stdout).error).toMatchObject({
    code: "unreachable",
    message: "no scheduler can be administered at /nowhere/admin.sock: there is no such socket",
  });
});
