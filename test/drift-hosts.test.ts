import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askHost } from "../cli/drift/ask-host.ts";
import { driftOf } from "../cli/drift/drift-of.ts";
import type { HostPlan, Plan } from "../planning/plan.ts";
import { run } from "../system/programs.ts";
import { createAscendcloud, npuNode } from "./testing/created-ascendcloud.ts";
import { planOf, simulated1p1d } from "./testing/stacks.ts";
import { noTestHosts, testHosts } from "./testing/test-hosts.ts";

const findingsOf = async (plan: Plan) => (await driftOf(plan)).findings;

// Started they would need NPUs and the vendor's image; what Docker made of them can be compared all the same.
describe("the manual's containers, created", () => {
  const stack = "e2e-drift-ac";
  let made: Awaited<ReturnType<typeof createAscendcloud>>;

  beforeAll(async () => {
    made = await createAscendcloud(stack);
  });
  afterAll(() => made?.dispose());

  test("are as planned, but for not running.", async () => {
    const findings = await findingsOf(made.plan);

    const notStarted = [{ what: "state", planned: "running", there: "created" }];
    expect(findings.map(({ kind, differences }) => [kind, differences])).toEqual(
      Array(3).fill(["stopped", notStarted]),
    );
  });

  // The host needs a node that looks like an NPU: it is /dev/null by another name.
  test.skipIf(process.geteuid?.() !== 0)(
    "are told of a stranger that holds one of their NPUs; the remedy stops it.",
    async () => {
      const npu = `${npuNode}6`;
      const stranger = `${stack}-stranger`;
      await run("mknod", [npu, "c", "1", "3"]);
      const idle = ["node", "-e", "setInterval(() => {}, 1000)"];
      const flags = [
        "--rm",
        "--detach",
        "--network=host",
        `--name=${stranger}`,
        `--device=${npu}:/dev/davinci0`,
      ];
      await run("docker", ["run", ...flags, process.env.ASCEND_PD_NODE_IMAGE ?? "", ...idle]);
      try {
        const findings = (await findingsOf(made.plan)).filter(({ kind }) => kind !== "stopped");

        expect(findings).toMatchObject([
          {
            kind: "npus-held",
            container: stranger,
            differences: [{ what: npu, planned: `${stack}-decode-0`, there: `${stranger} holds it too` }],
          },
        ]);
        await run("sh", ["-c", findings[0]?.remedy ?? ""]);
        expect((await findingsOf(made.plan)).filter(({ kind }) => kind !== "stopped")).toEqual([]);
      } finally {
        await run("docker", ["rm", "--force", stranger]).catch(() => {});
        await rm(npu);
      }
    },
  );
});

const obstacle = await noTestHosts();
if (obstacle !== undefined) console.warn(`no tests over SSH: ${obstacle}`);

describe.skipIf(obstacle !== undefined)("a host behind SSH", () => {
  let hosts: Awaited<ReturnType<typeof testHosts>>;
  let host: HostPlan;
  let plan: Plan;

  beforeAll(async () => {
    hosts = await testHosts(1);
    process.env.SSH_AUTH_SOCK = hosts.env.SSH_AUTH_SOCK;
    const [{ address, docker, hostKey } = { address: "", docker: "", hostKey: "" }] = hosts.hosts;
    host = { name: "local", address, docker, hostKey };
    plan = planOf("e2e-drift-ssh", {
      ...simulated1p1d(18490),
      hosts: { local: { address, docker, hostKey } },
    });
  });
  afterAll(() => hosts?.dispose());

  test("is asked over its pinned connection.", async () => {
    const findings = await findingsOf(plan);

    expect(findings.map(({ kind, container }) => `${kind} ${container}`)).toEqual(
      plan.containers.map(({ name }) => `removed ${name}`),
    );
  });

  test("With another host key is not asked, and that is said.", async () => {
    const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";

    const answer = await askHost(plan, { ...host, hostKey: other });

    expect(answer).toEqual({
      problem: expect.stringContaining("shows another host key than the pinned one"),
    });
  });
});
