import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { driftOf } from "../cli/drift/drift-of.ts";
import type { ResourceStep } from "../cli/pulumi.ts";
import { lookAt } from "../cli/status/look.ts";
import { expectEngine } from "../docker/api.ts";
import { expectedText } from "../simulator/oracle.ts";
import { becomeAscendHost, letEngineSeeFolders, models, onHost, ownFolders } from "./testing/ascend-host.ts";
import { clients } from "./testing/clients.ts";
import { until } from "./testing/pd-processes.ts";
import { containersOf, inspectContainer, planOf, type TestStack, testStack } from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";
import { importVllmAscend } from "./testing/vllm-ascend-image.ts";

// Two decode instances of vllm-ascend, each over two hosts, live as one: what happens to a member happens to all. The Plan is as
// it would be; in the image is a `vllm` that hands its arguments to the simulator. Each test goes on from where the one
// before it stopped.
const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("Instances over two hosts", () => {
  const name = "e2e-several-hosts";
  const image = "vllm-ascend:v0.23.0";
  const wide = ["decode-0", "decode-0-member-1"];
  const second = ["decode-1", "decode-1-member-1"];
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let stack: TestStack;

  beforeAll(async () => {
    hosts = await testHosts(2, ownFolders);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    for (const [index, host] of hosts.hosts.entries()) {
      await becomeAscendHost(host, index, [0, 1, 2, 3]);
      await onHost(
        host,
        "mkdir -p /usr/local/dcmi /usr/local/Ascend/driver/lib64; ln -s ../sbin/npu-smi /usr/local/bin/npu-smi",
      );
      await letEngineSeeFolders(host);
      await importVllmAscend(host.engine.host, image);
    }
    stack = await testStack(name);
  });

  afterAll(async () => {
    await stack?.dispose();
    await hosts?.dispose();
  });

  test("come up, each container with the command of its Plan, and answer to the token.", async () => {
    await stack.configure(deployment());

    const { code, errors } = await stack.up();

    expect(errors).toEqual([]);
    expect(code).toBe(0);
    for (const { name: container, host, role, command } of planOf(name, deployment()).containers) {
      const { Config } = await inspectContainer(container, engineOf(host));
      if (role !== "scheduler") expect(Config.Cmd).toEqual(command);
    }
    for (let asked = 0; asked < 4; asked++) expect(await answered()).toBe(true);
    expect((await lookAt(planOf(name, deployment()))).verdict).toBe("healthy");
  });

  test("A preview right after shows no changes, and nothing drifts.", async () => {
    expect(await stack.previewed()).toEqual({});
    expect((await driftOf(planOf(name, deployment()))).findings).toEqual([]);
  });

  test.each([
    ["A value that all members have", { extraArgs: ["--inter-token-ms=21"] }],
    [
      "Another order of its hosts, so that each has the NPUs of the other's part",
      { hosts: [on("host-a", 3), on("host-b", 3)], extraArgs: ["--inter-token-ms=21"] },
    ],
  ])(
    "%s replaces all members and no other container, under 32 streams that lose nothing.",
    async (_, changes) => {
      const before = await startsOf(wide);
      await stack.configure(deployment(changes));
      const running = clients(url(), 32, { model: "test-model", streams: true, tokens: 24 });

      const { errors, steps } = await stack.up();
      await running.stop();

      expect(errors).toEqual([]);
      expect(running.failures).toEqual([]);
      expect(running.answered).toBeGreaterThan(32);
      expect(await startsOf(wide)).toEqual(before);
      const story = ofContainers(steps);
      expect(story[0]).toBe("drain decode-1");
      expect(story.slice(1, 3).sort()).toEqual(second.map((one) => `delete ${one}`));
      expect(story.slice(3, 5).sort()).toEqual(second.map((one) => `create ${one}`));
      expect(story.slice(5)).toEqual(["join decode-1"]);
      expect(await stack.previewed()).toEqual({});
    },
  );

  test("A member that dies takes the instance out of service, and it comes back by itself.", async () => {
    const [engine, member] = [engineOf("host-b"), `${name}-decode-0-member-1`];
    const { State } = await inspectContainer(member, engine);
    const head = await inspectContainer(`${name}-decode-0`, engineOf("host-a"));

    process.kill(State.Pid, "SIGKILL");

    await until(async () => (await inspectContainer(head.Id, engineOf("host-a"))).RestartCount > 0);
    await until(async () => (await lookAt(planOf(name, current()))).verdict === "healthy");
    expect(await answered()).toBe(true);
  });

  test("A member that is stopped is named, no request goes to its instance, and `up --refresh` has it back.", async () => {
    const stopped = expectEngine(engineOf("host-b"), `/containers/${name}-decode-0-member-1/stop`, {
      method: "POST",
    });
    await stopped;

    await until(async () => (await stateOf("decode-0")) !== "ready");
    const { verdict, problems } = await lookAt(planOf(name, current()));
    for (let asked = 0; asked < 4; asked++) expect(await answered()).toBe(true);
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");

    expect(verdict).toBe("degraded");
    expect(problems.map(({ what }) => what)).toContain(
      `${name}-decode-0-member-1 is exited on host-b, without which ${name}-decode-0 does not work`,
    );
    expect(output).not.toContain("error");
    expect(code).toBe(0);
    await until(async () => (await lookAt(planOf(name, current()))).verdict === "healthy");
    expect(await stack.previewed()).toEqual({});
  });

  test("Taken out of the list, it is drained and stopped on all its hosts, under 32 streams that lose nothing.", async () => {
    const [, remaining] = current().decode;
    const fewer = { ...current(), decode: [{ ...remaining, name: "decode-1" }] };
    await stack.configure(fewer);
    const running = clients(url(), 32, { model: "test-model", streams: true, tokens: 24 });

    const { errors, steps } = await stack.up();
    await running.stop();

    expect(errors).toEqual([]);
    expect(running.failures).toEqual([]);
    expect(running.answered).toBeGreaterThan(32);
    const story = ofContainers(steps);
    expect(story[0]).toBe("drain decode-0");
    expect(story.slice(1).sort()).toEqual(wide.map((one) => `delete ${one}`));
    expect(await containersOf(name, engineOf("host-a"))).toEqual(
      ["decode-1", "prefill-0", "scheduler"].map((one) => `${name}-${one}`),
    );
    expect(await containersOf(name, engineOf("host-b"))).toEqual(
      ["decode-1-member-1", "prefill-1"].map((one) => `${name}-${one}`),
    );
  });

  /** The steps of containers and memberships, as words: `drain decode-1`. */
  function ofContainers(steps: readonly ResourceStep[]): string[] {
    return steps.flatMap(({ op, type, name: resource, state }) => {
      const isMembership = resource.endsWith("-membership");
      if ((!isMembership && !type.endsWith(":Container")) || state !== "done") return [];
      const [container] = resource.slice(name.length + 1).split("-membership");
      if (op === "delete" || op === "delete-replaced")
        return [`${isMembership ? "drain" : "delete"} ${container}`];
      if (op === "create" || op === "create-replacement")
        return [`${isMembership ? "join" : "create"} ${container}`];
      return [];
    });
  }

  function startsOf(instances: readonly string[]) {
    return Promise.all(
      instances.map(async (one, index) => {
        const { Id, State } = await inspectContainer(
          `${name}-${one}`,
          engineOf(index === 0 ? "host-a" : "host-b"),
        );
        return [Id, State.StartedAt];
      }),
    );
  }

  async function stateOf(instance: string): Promise<string | undefined> {
    const { containers } = await lookAt(planOf(name, current()));
    return containers.find((one) => one.name === `${name}-${instance}`)?.state;
  }

  async function answered(): Promise<boolean> {
    const body = JSON.stringify({ model: "test-model", prompt: "Exact to the token.", max_tokens: 24 });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url()}/v1/completions`, { method: "POST", headers, body });
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return choices[0]?.text === expectedText(body, 24);
  }

  const url = () => planOf(name, deployment()).endpoint;

  const current = () =>
    deployment({ hosts: [on("host-a", 3), on("host-b", 3)], extraArgs: ["--inter-token-ms=21"] });

  function deployment(changes: object = {}) {
    const declared = hosts.hosts.map(({ address, docker, hostKey }, index) => [
      `host-${"ab"[index]}`,
      { address, docker, hostKey, npus: 8, interface: "eth0" },
    ]);
    return {
      engine: {
        kind: "vllm-ascend",
        image,
        workDir: { source: models, target: "/models" },
        decode: { dataParallel: 2, expertParallel: true },
        extraArgs: ["--inter-token-ms=20"],
      },
      model: {
        path: "/models/qwen",
        servedName: "test-model",
        maxModelLen: 4096,
        maxNumSeqs: 256,
        maxNumBatchedTokens: 4096,
      },
      hosts: Object.fromEntries(declared),
      prefill: [
        { host: "host-a", devices: [0], port: 8088 },
        { host: "host-b", devices: [0], port: 8088 },
      ],
      decode: [
        { hosts: [on("host-a", 2), on("host-b", 2)], port: 8188 },
        { hosts: [on("host-b", 3), on("host-a", 3)], port: 8189, ...changes },
      ],
      scheduler: { host: "host-a", port: 9000 },
    };
  }

  function on(host: string, npu: number) {
    return { host, devices: [npu] };
  }

  function engineOf(host: string): string {
    const found = hosts.hosts["ab".indexOf(host.at(-1) ?? "")];
    if (found === undefined) throw new Error(`there is no ${host}`);
    return found.engine.host;
  }
});
