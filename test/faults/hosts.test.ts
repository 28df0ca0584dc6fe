import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectConverged, expectFailure, expectNoChanges, idsOf, up } from "../testing/faults.ts";
import { simulated1p1d, type TestStack, testStack } from "../testing/stacks.ts";
import { noTestHosts, testHosts } from "../testing/test-hosts.ts";

// What goes wrong between this machine and its hosts: one with prefill and scheduler, and behind a link that can be
// cut, one with decode. Each test leaves the stack as it should be.
const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("A host behind a link that fails", () => {
  const name = "faults-hosts";
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let link: Link;
  let stack: TestStack;

  beforeAll(async () => {
    hosts = await testHosts(2);
    link = await linkTo(hosts.hosts[1]?.address ?? "");
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    stack = await testStack(name);
  });

  afterAll(async () => {
    await link?.mend();
    await stack?.dispose();
    link?.cut();
    await hosts?.dispose();
  });

  function deployment({ user = "root", note = "" } = {}) {
    const [a, b] = hosts.hosts;
    const base = simulated1p1d(18540);
    return {
      ...base,
      engine: { ...base.engine, extraEnv: { NOTE: note } },
      hosts: {
        "host-a": { address: a?.address, docker: a?.docker, hostKey: a?.hostKey },
        "host-b": {
          address: b?.address,
          docker: `ssh://${user}@127.0.0.1:${link.port}`,
          hostKey: b?.hostKey,
        },
      },
      prefill: [{ host: "host-a", devices: [0, 1], port: 18540 }],
      decode: [{ host: "host-b", devices: [0, 1], port: 18541 }],
      scheduler: { host: "host-a", port: 18542 },
    };
  }

  const ids = async () => {
    const [a, b] = await Promise.all(hosts.hosts.map(({ engine }) => idsOf(name, engine.host)));
    return { ...a, ...b };
  };

  const decode0 = `${name}-decode-0`;
  const prefill0 = `${name}-prefill-0`;

  test("A link that breaks in the middle of an image is told, with the host; up goes on from there.", async () => {
    await stack.configure(deployment());
    link.cutAfter(30_000_000);

    const failed = await up(stack);

    expectFailure(
      failed,
      `host-b: The Docker Engine at ssh://root@127.0.0.1:${link.port} failed POST /images/load: `,
      "fix: see that the connection holds",
    );
    await link.mend();
    await expectConverged(stack);
  });

  test.each([
    ["refuses connections", () => link.cut(), "Connection refused"],
    ["says nothing", () => link.silence(), "Connection timed out during banner exchange"],
  ])("A host that %s is told by preview and up; the rest is still previewed.", async (_, fail, reason) => {
    await stack.configure(deployment({ note: reason }));
    const before = await ids();
    fail();

    const preview = await stack.pulumi("preview");
    const failed = await up(stack);

    const message = `host-b: no Docker Engine answers through ssh://root@127.0.0.1:${link.port}: `;
    expect(preview.output).toContain(`warning: ${message}`);
    expect(preview.output).toContain(reason);
    expect(preview.output).toMatch(/\+-\d+ to replace/);
    expect(preview.code).toBe(0);
    expectFailure(failed, message, reason, "docker version");
    expect(await ids()).toEqual(before);
    await link.mend();
    await stack.configure(deployment());
    await expectNoChanges(stack);
  });

  test("A login that is refused is told with the user and the address.", async () => {
    await stack.configure(deployment({ user: "nobody" }));

    const failed = await up(stack);

    expectFailure(failed, "host-b: ", "nobody@127.0.0.1: Permission denied (publickey", "docker version");
    await stack.configure(deployment());
    await expectNoChanges(stack);
  });

  test("A host that is lost after the first containers fails its own, by address; up goes on with it.", async () => {
    await stack.configure(deployment({ note: "changed" }));
    const before = await ids();
    const lost = cutOnceReplaced(prefill0);

    const failed = await up(stack, "--parallel=1");
    await lost;

    expectFailure(failed, `(${decode0}`, `127.0.0.1`);
    const after = await ids();
    expect(after[prefill0]).not.toBe(before[prefill0]);
    expect(after[`${name}-scheduler`]).toBe(before[`${name}-scheduler`]);
    await link.mend();
    await expectConverged(stack);
    expect(await ids()).toMatchObject({ [prefill0]: after[prefill0] });
  });

  async function cutOnceReplaced(container: string): Promise<void> {
    const before = (await ids())[container];
    for (let now = before; now === before || now === undefined; now = (await ids())[container])
      await sleep(20);
    link.cut();
  }

  test("Destroy with a host down takes the rest away, and that host's when it is back.", async () => {
    link.cut();

    const failed = await stack.pulumi("destroy", "--yes", "--skip-preview", "--continue-on-error");

    expectFailure(failed, `(${decode0})`, `make sure that ssh://root@127.0.0.1:${link.port} is reachable`);
    expect(Object.keys(await ids())).toEqual([decode0]);
    await link.mend();
    const { code } = await stack.pulumi("destroy", "--yes", "--skip-preview");
    expect(code).toBe(0);
    expect(await ids()).toEqual({});
  });
});

interface Link {
  readonly port: number;
  /** Refuses connections and breaks those there are. */
  cut(): void;
  /** Takes connections, and nothing comes through them. */
  silence(): void;
  /** Breaks the connection that has carried so many bytes to the host. */
  cutAfter(bytes: number): void;
  mend(): Promise<void>;
}

/** A port of this machine that leads to the sshd of a host. */
async function linkTo(address: string): Promise<Link> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let limit = Number.POSITIVE_INFINITY;
  const server = createServer((near) => {
    sockets.add(near.on("error", () => {}));
    if (isSilent) return;
    const far = connect(22, address).on("error", () => {});
    sockets.add(far);
    let carried = 0;
    near.on("data", (chunk) => {
      carried += chunk.length;
      if (carried > limit) cut();
    });
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const cut = () => {
    server.close();
    breakAll();
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut,
    silence: () => {
      isSilent = true;
      breakAll();
    },
    cutAfter: (bytes) => {
      limit = bytes;
    },
    mend: async () => {
      isSilent = false;
      limit = Number.POSITIVE_INFINITY;
      breakAll();
      if (!server.listening) await listen(port);
    },
  };
}
