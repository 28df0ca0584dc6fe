import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import { becomeAscendHost, letEngineSeeFolders, models, onHost, ownFolders } from "./testing/ascend-host.ts";
import { clients } from "./testing/clients.ts";
import { inspectContainer, planOf, type TestStack, testStack } from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";
import { importVllmAscend } from "./testing/vllm-ascend-image.ts";

// A stack of vllm-ascend grows and shrinks by `pulumi up`, on a host behind SSH that looks like an Ascend host. Its Plan is as
// it would be; in the image is a `vllm` that hands its arguments to the simulator. Each test goes on from where the one
// before it stopped.
const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("A 2p2d of vllm-ascend", () => {
  const name = "e2e-vllm-ascend";
  const npus = [0, 1, 2, 3, 4, 5, 6, 7];
  const image = "vllm-ascend:v0.23.0";
  const before = ["prefill-0", "prefill-1", "decode-0", "decode-1"];
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let stack: TestStack;

  beforeAll(async () => {
    hosts = await testHosts(1, ownFolders);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    await becomeAscendHost(at(), 0, npus);
    await onHost(
      at(),
      "mkdir -p /usr/local/dcmi /usr/local/Ascend/driver/lib64; ln -s ../sbin/npu-smi /usr/local/bin/npu-smi",
    );
    await letEngineSeeFolders(at());
    await importVllmAscend(at().engine.host, image);
    stack = await testStack(name);
  });

  afterAll(async () => {
    await stack?.dispose();
    await hosts?.dispose();
  });

  test("comes up, each container with the command of its Plan, and answers to the token.", async () => {
    await stack.configure(deployment(2));

    const { code, errors } = await stack.up();

    expect(errors).toEqual([]);
    expect(code).toBe(0);
    for (const { name: container, role, command } of planOf(name, deployment(2)).containers) {
      const { Config } = await inspectContainer(container, at().engine.host);
      if (role !== "scheduler") expect(Config.Cmd).toEqual(command);
    }
    expect(await answered()).toBe(true);
  });

  test.each([
    ["grows to 3p3d", 3],
    ["shrinks to 2p2d", 2],
  ] as const)("%s under 64 streams: no instance restarts, and no stream loses a token.", async (_, count) => {
    const starts = await startsOf(before);
    await stack.configure(deployment(count));
    const running = clients(url(), 64, { model: "test-model", streams: true, tokens: 24 });

    const { errors, steps } = await stack.up();
    await running.stop();

    expect(errors).toEqual([]);
    expect(await startsOf(before)).toEqual(starts);
    const touched = steps.filter(({ type, op }) => type.endsWith(":Container") && op !== "same");
    expect([...new Set(touched.map((step) => step.name))].sort()).toEqual(
      ["decode-2", "prefill-2"].map((one) => `${name}-${one}`),
    );
    expect(running.failures).toEqual([]);
    expect(running.answered).toBeGreaterThan(64);
    expect(await answered()).toBe(true);
  });

  const url = () => planOf(name, deployment(2)).endpoint;

  /** Ids and times: another start would show in one of them. */
  function startsOf(instances: readonly string[]) {
    return Promise.all(
      instances.map(async (one) => {
        const { Id, State } = await inspectContainer(`${name}-${one}`, at().engine.host);
        return [Id, State.StartedAt];
      }),
    );
  }

  async function answered(): Promise<boolean> {
    const body = JSON.stringify({ model: "test-model", prompt: "Exact to the token.", max_tokens: 24 });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url()}/v1/completions`, { method: "POST", headers, body });
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return choices[0]?.text === expectedText(body, 24);
  }

  function deployment(count: number) {
    const { address, docker, hostKey } = at();
    const list = (first: number, port: number) =>
      Array.from({ length: count }, (_, index) => ({
        host: "host-a",
        devices: [first + index],
        port: port + index,
      }));
    return {
      engine: {
        kind: "vllm-ascend",
        image,
        workDir: { source: models, target: "/models" },
        extraArgs: ["--inter-token-ms=200"],
      },
      model: {
        path: "/models/qwen",
        servedName: "test-model",
        maxModelLen: 4096,
        maxNumSeqs: 256,
        maxNumBatchedTokens: 4096,
      },
      hosts: { "host-a": { address, docker, hostKey, npus: npus.length, interface: "eth0" } },
      prefill: list(0, 8088),
      decode: list(4, 8188),
      scheduler: { host: "host-a", port: 9000 },
    };
  }

  function at() {
    const [host] = hosts.hosts;
    if (host === undefined) throw new Error("there is no host");
    return host;
  }
});
