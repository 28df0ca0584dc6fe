import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { driftOf } from "../cli/drift/drift-of.ts";
import { expectedText } from "../simulator/oracle.ts";
import { tryRun } from "../system/programs.ts";
import {
  containersOf,
  inspectContainer,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

// Two hosts behind SSH that are known by IPv6 addresses alone: for rank tables, endpoints, Docker and SSH.
const obstacle = existsSync("/proc/net/if_inet6") ? await noTestHosts() : "this machine has no IPv6";
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("1p1d on two hosts with IPv6 addresses", () => {
  const name = "e2e-ipv6";
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let stack: TestStack;
  let folder: string;

  beforeAll(async () => {
    hosts = await testHosts(2);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    stack = await testStack(name);
    folder = await mkdtemp(join(tmpdir(), "ascend-pd-ipv6-"));
    await mkdir(join(folder, "stacks"));
    const file = stringify({ config: { "ascend-pd:deployment": deployment() } });
    await writeFile(join(folder, `stacks/Pulumi.${name}.yaml`), file);
  });

  afterAll(async () => {
    await stack?.dispose();
    await hosts?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  function deployment() {
    // As a person may write it: in capitals, with the port of SSH.
    const declared = hosts.hosts.map(({ ipv6 = "", hostKey }, index) => [
      `host-${"ab"[index]}`,
      { address: ipv6.toUpperCase(), docker: `ssh://root@[${ipv6}]:22`, hostKey },
    ]);
    return {
      ...simulated1p1d(0),
      hosts: Object.fromEntries(declared),
      prefill: [{ host: "host-a", devices: [0, 1], port: 8088 }],
      decode: [{ host: "host-b", devices: [0, 1], port: 8089 }],
      scheduler: { host: "host-a", port: 9000 },
    };
  }

  const ascendPd = (...args: string[]) =>
    tryRun(process.execPath, [resolve("cli/main.ts"), ...args], { cwd: folder });

  test("up, under the policy pack, puts every container on its host and ends after a completion came back.", async () => {
    await stack.configure(deployment());

    const policies = ["--policy-pack", resolve("policies")];
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview", ...policies);

    expect(output).toContain(`http://[${hosts.hosts[0]?.ipv6}]:9000`);
    expect(code).toBe(0);
    const [first, second] = hosts.hosts.map(({ engine }) => engine.host);
    expect(await containersOf(name, first)).toEqual([`${name}-prefill-0`, `${name}-scheduler`]);
    expect(await containersOf(name, second)).toEqual([`${name}-decode-0`]);
    const { Config } = await inspectContainer(`${name}-scheduler`, first);
    expect(Config.Cmd).toContain("--host=::");
  });

  test("A completion is streamed exact to the token.", async () => {
    const body =
      '{"model":"test-model","prompt":"Exact to the token.","max_tokens":24,"seed":7,"stream":true}';

    const headers = { "content-type": "application/json" };
    const url = `${planOf(name, deployment()).endpoint}/v1/completions`;
    const events = (await (await fetch(url, { method: "POST", headers, body })).text()).split("\n\n");
    const chunks = events
      .filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice(6)));

    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? "").join("")).toBe(expectedText(body, 24));
    expect(events).toContain("data: [DONE]");
  });

  test("A preview right after up shows no changes, however the addresses are written.", async () => {
    const { hosts: declared, ...rest } = deployment();
    const long = (text: string) => text.replace("::", ":0:0:0:0:");
    const written = Object.entries(declared).map(([host, one]) => [
      host,
      { ...Object(one), address: long(Object(one).address), docker: long(Object(one).docker) },
    ]);
    await stack.configure({ ...rest, hosts: Object.fromEntries(written) });

    const { code, output } = await stack.pulumi("preview", "--expect-no-changes");

    expect(output).not.toMatch(/to (create|update|replace|delete)/);
    expect(code).toBe(0);
  });

  test("The commands for people find everything there.", async () => {
    const status = await ascendPd("status", name);
    const state = await ascendPd("scheduler", "state", "--stack", name);
    const [first] = hosts.hosts;
    const drained = await ascendPd("scheduler", "drain", `[${hosts.hosts[1]?.ipv6}]:8089`, "--stack", name);
    const asked = await ascendPd("ask", name, "Hello");
    const doctor = await ascendPd("doctor", name);

    expect([status.code, status.stdout]).toEqual([0, expect.stringContaining("healthy")]);
    expect(state.stdout).toContain(`[${first?.ipv6}]:8088`);
    expect(drained.stderr).toContain("decode-0 is the last decode instance");
    expect([asked.code, asked.stderr]).toEqual([0, expect.any(String)]);
    expect(doctor.stdout.match(/^ +ok +HC601 .*: fd0a:\S+$/gm)).toHaveLength(2);
    expect(await driftOf(planOf(name, deployment()))).toMatchObject({ problems: [], findings: [] });
  });

  test("A host that shows another key than the pinned one stops up before anything is sent to it.", async () => {
    const { hosts: declared, ...rest } = deployment();
    const another = { ...Object(declared["host-a"]), hostKey: hosts.hosts[1]?.hostKey };
    await stack.configure({ ...rest, hosts: { ...declared, "host-a": another } });

    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(output).toContain("shows another host key than the pinned one");
    expect(code).not.toBe(0);
    await stack.configure(deployment());
  });
});
