import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { driftOf } from "../cli/drift/drift-of.ts";
import { expectEngine } from "../docker/api.ts";
import type { SchedulerState } from "../hosts/administration.ts";
import { fingerprint } from "../planning/ssh-options.ts";
import { expectedText } from "../simulator/oracle.ts";
import { tryRun } from "../system/programs.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import type { Context } from "../toolchain/context.ts";
import type { LocalHost } from "../toolchain/local-hosts/hosts.ts";
import { startEngine, stopEngine } from "../toolchain/own-engine.ts";
import { clients } from "./testing/clients.ts";
import {
  containersOf,
  inspectContainer,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };

// Two prefill and two decode instances on four hosts behind SSH, from nothing to nothing; each test goes on from where
// the one before it stopped. The hosts are network namespaces, each with a Docker Engine and an sshd.
const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("2p2d on four hosts behind SSH", () => {
  const name = "e2e-four-hosts";
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let stack: TestStack;

  beforeAll(async () => {
    hosts = await testHosts(4);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    stack = await testStack(name);
  });

  afterAll(async () => {
    await stack?.dispose();
    await hosts?.dispose();
  });

  function deployment(changes: object = {}) {
    const declared = hosts.hosts.map(({ address, docker, hostKey }, index) => [
      `host-${"abcd"[index]}`,
      { address, docker, hostKey },
    ]);
    return {
      ...simulated1p1d(0),
      hosts: Object.fromEntries(declared),
      prefill: [
        { host: "host-a", devices: [0, 1], port: 8088 },
        { host: "host-b", devices: [0, 1], port: 8088 },
      ],
      decode: [
        { host: "host-c", devices: [0, 1], port: 8089 },
        { host: "host-d", devices: [0, 1], port: 8089 },
      ],
      scheduler: { host: "host-a", port: 9000 },
      ...changes,
    };
  }

  /** Few enough at once that this machine can serve every host's end too. */
  const pulumi = (command: string, ...args: string[]) => stack.pulumi(command, "--parallel=4", ...args);
  const onEachHost = () => Promise.all(hosts.hosts.map(({ engine }) => containersOf(name, engine.host)));

  test("up puts every container on its host and ends after a completion came back.", async () => {
    await stack.configure(deployment());

    const { code, output } = await pulumi("up", "--yes", "--skip-preview");

    expect(output).toContain(`http://${at(0).address}:9000`);
    expect(code).toBe(0);
    expect(await onEachHost()).toEqual([
      [`${name}-prefill-0`, `${name}-scheduler`],
      [`${name}-prefill-1`],
      [`${name}-decode-0`],
      [`${name}-decode-1`],
    ]);
    expect(await containersOf(name)).toEqual([]);
  });

  test("The scheduler gives exactly the tokens, whichever hosts it sends a request to.", async () => {
    const body = '{"model":"test-model","prompt":"Exact to the token.","max_tokens":24,"seed":7}';

    const answers = await Promise.all(Array.from({ length: 8 }, () => complete(body)));

    expect(answers).toEqual(answers.map(() => expectedText(body, 24)));
  });

  async function complete(body: string) {
    const headers = { "content-type": "application/json" };
    const url = `${planOf(name, deployment()).endpoint}/v1/completions`;
    const response = await fetch(url, { method: "POST", headers, body });
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return choices[0]?.text;
  }

  test("A preview right after up shows no changes.", async () => {
    const { code, output } = await pulumi("preview", "--expect-no-changes");

    expect(output).not.toMatch(/to (create|update|replace|delete)/);
    expect(code).toBe(0);
  });

  test("`ascend-pd drift` finds nothing on hosts that nobody has touched.", async () => {
    const report = await driftOf(planOf(name, deployment()));

    expect(report).toMatchObject({
      hosts: ["host-a", "host-b", "host-c", "host-d"],
      problems: [],
      findings: [],
    });
  });

  describe("`ascend-pd scheduler --stack`", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ascend-pd-operator-"));
      await mkdir(join(folder, "stacks"));
      const file = stringify({ config: { "ascend-pd:deployment": deployment() } });
      await writeFile(join(folder, `stacks/Pulumi.${name}.yaml`), file);
    });
    afterAll(() => rm(folder, { recursive: true }));

    const words = (...args: string[]) => [resolve("cli/main.ts"), "scheduler", ...args, "--stack", name];
    const ascendPd = (...args: string[]) => tryRun(process.execPath, words(...args), { cwd: folder });

    async function instances(): Promise<SchedulerState["instances"]> {
      const { stdout } = await ascendPd("state", "--json");
      return (JSON.parse(stdout) as SchedulerState).instances;
    }

    test("sees, drains and joins instances from here.", async () => {
      const first = await ascendPd("state");
      const drained = await ascendPd("drain", `${name}-decode-1`, "--deadline", "60");
      const last = await ascendPd("drain", "decode-0");
      const second = await ascendPd("state");
      const joined = await ascendPd("join", `${name}-decode-1`, "--deadline", "60");
      const reloaded = await ascendPd("reload");

      expect(first.stdout.match(/^(?:prefill|decode)-\d +\S+:\d+ +ready +0 +0 +\d+ +0$/gm)).toHaveLength(4);
      expect(first.stdout).toMatch(/\n\nready, 0 requests in flight\n$/);
      expect(drained.stdout).toBe("decode-1 is drained: nothing needs it any more\n");
      expect(last.stderr).toMatch(/^error: decode-0 is the last decode instance that gets requests\nfix: /);
      expect(second.stdout).toMatch(/^decode-1 +\S+ +drained /m);
      expect(joined.stdout).toBe("decode-1 gets requests\n");
      expect(reloaded.stdout).toMatch(/^added: none\nleaving: none\nkept: prefill-0, /);
      expect([first, drained, last, second, joined, reloaded].map(({ code }) => code)).toEqual([
        0, 0, 1, 0, 0, 0,
      ]);
      expect((await instances()).map(({ draining }) => draining)).toEqual([false, false, false, false]);
    });

    test("Leaves an instance drained when it is interrupted while that waits for requests.", async () => {
      const client = new AbortController();
      const answer = await fetch(`${planOf(name, deployment()).endpoint}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"model":"test-model","prompt":"Long.","max_tokens":4000,"stream":true}',
        signal: client.signal,
      });
      const busy = (await instances()).find(
        ({ name, inFlight }) => name.startsWith("decode") && inFlight === 1,
      );
      const stateOfBusy = async () => (await instances()).find((one) => one.name === busy?.name);
      // A process group of its own, so that Ctrl-C reaches `ssh` too.
      const operator = spawn(process.execPath, words("drain", busy?.name ?? "none"), {
        cwd: folder,
        detached: true,
      });
      await expect.poll(stateOfBusy, { timeout: 60_000 }).toMatchObject({ draining: true, inFlight: 1 });
      expect(await processesOfScheduler()).toHaveLength(2);

      process.kill(-(operator.pid ?? 0), "SIGINT");

      expect(await once(operator, "exit")).toEqual([null, "SIGINT"]);
      await expect.poll(processesOfScheduler, { timeout: 60_000 }).toHaveLength(1);
      expect(await stateOfBusy()).toMatchObject({ draining: true, inFlight: 1 });
      client.abort();
      await answer.text().catch(() => {});
      await expect.poll(stateOfBusy, { timeout: 60_000 }).toMatchObject({ draining: true, inFlight: 0 });
      expect((await ascendPd("join", busy?.name ?? "none")).code).toBe(0);
    });

    /** Those that ask it, too. */
    async function processesOfScheduler(): Promise<readonly unknown[]> {
      const top = await expectEngine(at(0).engine.host, `/containers/${name}-scheduler/top`);
      return JSON.parse(top).Processes;
    }
  });

  test("Device nodes are looked for on the host, and no path is read as a command.", async () => {
    const { address, docker, hostKey } = at(0);
    const trap = join(tmpdir(), `ascend-pd-trap-${process.pid}`);
    const devices = [
      "/dev/null",
      `/dev/davinci_none'; touch ${trap}; '`,
      `$(touch ${trap})`,
      "/dev/davinci 4",
    ];
    const host = { name: "host-a", address, docker, hostKey };
    const PROBE = JSON.stringify({ host, container: "claimant", devices });

    const { code, stderr } = await tryRun("node", ["components/probes/claim-npus.ts"], {
      env: { ...process.env, PROBE },
    });

    expect(stderr).toContain(`device nodes ${devices.slice(1).join(", ")} do not exist on host-a`);
    expect(code).toBe(1);
    expect(existsSync(trap)).toBe(false);
  });

  test("A gate outlives a connection that is dropped on the way to the host.", async () => {
    const { address, hostKey } = at(0);
    let connections = 0;
    const between = createServer((socket) => {
      connections += 1;
      if (connections === 1) return socket.destroy();
      pipeline(socket, connect(22, address), socket, () => {});
    }).listen(0, "127.0.0.1");
    await once(between, "listening");
    const docker = `ssh://root@127.0.0.1:${(between.address() as AddressInfo).port}`;
    const PROBE = JSON.stringify({
      host: { name: "host-a", address, docker, hostKey },
      container: `${name}-prefill-0`,
      url: `http://${address}:8088/health`,
      timeoutSeconds: 300,
    });

    const { code, stderr } = await tryRun("node", ["components/probes/await-ready.ts"], {
      env: { ...process.env, PROBE },
    });

    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(connections).toBe(2);
    between.close();
  });

  const noted = { kind: "simulated", extraEnv: { NOTE: "new" } };

  /** One instance at another port; another way to a host on which nothing changes. */
  const changed = () => {
    const { hosts, decode } = deployment();
    const [decode0, decode1] = decode;
    const hostB = { ...hosts["host-b"], docker: `${hosts["host-b"]?.docker}:22` };
    return deployment({
      hosts: { ...hosts, "host-b": hostB },
      decode: [decode0, { ...decode1, port: 8090 }],
    });
  };

  test("A preview shows a moved instance as replaced, and a moved endpoint as checks done anew.", async () => {
    await stack.configure(changed());

    const changes = await stack.previewed();

    const ours = (resource: string) => `${name}-${resource}`;
    expect(changes.replace).toEqual(
      ["decode-1", "decode-1-membership", "decode-1-ready"]
        .concat("scheduler-announced", "scheduler-first-completion", "scheduler-settled")
        .map(ours),
    );
    // Provider and component of the host, its probes, and the components of what is replaced.
    expect(changes.update).toEqual(
      [
        ...["decode-1", "prefill-1-membership", "prefill-1-npus", "prefill-1-ready", "scheduler"].map(ours),
        "host-b",
        "host-b",
      ].concat("node-on-host-b"),
    );
  });

  test("up drains and replaces that instance, and nothing else.", async () => {
    const before = await idsOfInstances();

    const { code, output } = await pulumi("up", "--yes", "--skip-preview");

    const after = await idsOfInstances();
    expect(output).toContain(`${name}-decode-1 is drained`);
    expect(code).toBe(0);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[3]).not.toBe(before[3]);
  });

  test("A changed environment is rolled out over all hosts while clients ask, and no answer is lost.", async () => {
    const before = await idsOfInstances();
    await stack.configure({ ...changed(), engine: noted });
    const { endpoint } = planOf(name, deployment());
    const load = clients(endpoint, 8, { model: "test-model", streams: true, tokens: 48 });

    const { code } = await pulumi("up", "--yes", "--skip-preview");
    await load.stop();

    const after = await idsOfInstances();
    expect(code).toBe(0);
    expect(load.failures).toEqual([]);
    expect(load.answered).toBeGreaterThan(8);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
  });

  async function idsOfInstances(): Promise<string[]> {
    const names = ["prefill-0", "prefill-1", "decode-0", "decode-1"];
    return Promise.all(
      names.map(async (one, index) => (await inspectContainer(`${name}-${one}`, at(index).engine.host)).Id),
    );
  }

  test("A host that shows another key than the pinned one stops up before anything is sent to it.", async () => {
    const { hosts: declared } = deployment();
    const another = { ...declared["host-a"], hostKey: at(1).hostKey };
    await stack.configure(deployment({ hosts: { ...declared, "host-a": another } }));

    const { code, output } = await pulumi("up", "--yes", "--skip-preview");

    expect(output).toContain(`host-a: ${at(0).docker} shows another host key than the pinned one`);
    expect(output).toContain(`pinned  ${fingerprint(at(1).hostKey)}`);
    expect(output).toContain(`seen    ${fingerprint(at(0).hostKey)}`);
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).not.toBe(0);
  });

  test("With one Docker Engine stopped, a preview warns and up refuses; both name the host.", async () => {
    await stack.configure(deployment({ engine: noted }));
    await stopEngine(context, at(2).engine);

    const preview = await pulumi("preview");
    const up = await pulumi("up", "--yes", "--skip-preview");

    const message = `host-c: no Docker Engine answers through ${at(2).docker}: `;
    expect(preview.output).toContain(`warning: ${message}`);
    expect(preview.output).toContain("+-6 to replace");
    expect(preview.code).toBe(0);
    expect(up.output).toContain(message);
    expect(up.code).not.toBe(0);
    expect(await containersOf(name, at(3).engine.host)).toEqual([`${name}-decode-1`]);
    await startEngine(context, at(2).engine, "dockerd");
  });

  test("Destroy leaves no container and no image that was built.", async () => {
    const { code } = await pulumi("destroy", "--yes", "--skip-preview");

    expect(code).toBe(0);
    expect(await onEachHost()).toEqual([[], [], [], []]);
    for (const { engine } of hosts.hosts) {
      const images = JSON.parse(await expectEngine(engine.host, "/images/json"));
      expect(JSON.stringify(images)).not.toContain(`:${name}-`);
    }
  });

  function at(index: number): LocalHost {
    const host = hosts.hosts[index];
    if (host === undefined) throw new Error(`there is no host ${index}`);
    return host;
  }
});
