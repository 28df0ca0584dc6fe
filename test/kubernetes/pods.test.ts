import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Access, findAccess } from "../../cluster/access.ts";
import { apply, remove } from "../../cluster/apply.ts";
import { podsOf } from "../../cluster/pods.ts";
import { postToService } from "../../cluster/proxy.ts";
import { renew, untilReady } from "../../cluster/rollout.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { expectedText } from "../../simulator/oracle.ts";
import { noTestHosts } from "../testing/test-hosts.ts";
import { type Cluster, noCluster, startCluster } from "./testing/cluster.ts";
import { startNodes } from "./testing/nodes.ts";
import { serviceOf, simulatedSet } from "./testing/objects.ts";

const obstacle = (await noTestHosts()) ?? (await noCluster());

// One instance from nothing to nothing; each test goes on from where the one before it stopped.
describe.skipIf(obstacle !== undefined)("an instance on a cluster", () => {
  let cluster: Cluster;
  let nodes: Awaited<ReturnType<typeof startNodes>>;
  let access: Access;
  const set = simulatedSet("engine", "node-0", 8000);
  const labels = { "ascend-pd.container": "engine" };

  beforeAll(async () => {
    cluster = await startCluster();
    nodes = await startNodes(cluster, 1);
    access = await findAccess("admin", { KUBECONFIG: cluster.kubeconfig });
  });

  afterAll(async () => {
    await nodes?.dispose();
    await cluster?.dispose();
  });

  test("is ready when its engine answers, and is reached through the API server.", async () => {
    const body = { model: "/models/test", prompt: "Exact to the token.", max_tokens: 1, seed: 7 };
    await apply(access, serviceOf("engine", 8000));
    await apply(access, set);

    await untilReady(access, set, 300);

    const service = { namespace: "default", service: "engine", port: 8000 };
    const answer = await postToService(access, service, "/v1/completions", body, 60);
    expect(JSON.parse(answer.text)).toMatchObject({
      choices: [{ text: expectedText(JSON.stringify(body), 1) }],
    });
  });

  test("goes on as it was until it is renewed, and never two at a time.", async () => {
    const [before] = await podsOf(access, "default", labels);
    const changed = simulatedSet("engine", "node-0", 8000, ["--max-num-seqs=4"]);

    await apply(access, changed);

    expect((await podsOf(access, "default", labels)).map(({ metadata }) => metadata.uid)).toEqual([
      before?.metadata.uid,
    ]);
    expect(await renew(access, changed, 300)).toBe(1);
    const [after] = await podsOf(access, "default", labels);
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(await renew(access, changed, 300)).toBe(0);
  });

  test("serves on while the API server is away, and its node hears of what changes afterwards.", async () => {
    await cluster.stopApiServer();

    const health = await fetch(`http://${nodes.nodes[0]?.address}:8000/health`);

    expect(health.status).toBe(200);
    await cluster.startApiServer();
    const changed = simulatedSet("engine", "node-0", 8000, ["--max-num-seqs=2"]);
    await apply(access, changed);
    expect(await renew(access, changed, 300)).toBe(1);
  });

  test("that cannot become ready is told of at once, with its reason.", async () => {
    const unpullable = simulatedSet("unpullable", "node-0", 8001);
    const [container] = unpullable.spec.template.spec.containers;
    if (container === undefined) throw new Error("there is no container");
    Object.assign(container, { image: "registry.example.com/pd/nothing:test", resources: {} });
    await apply(access, unpullable);

    const failed = untilReady(access, unpullable, 300);

    await expect(failed).rejects.toThrow(
      'ImagePullBackOff: Back-off pulling image "registry.example.com/pd/nothing:test" on node-0',
    );
    await expect(failed).rejects.toBeInstanceOf(FixableError);
    await remove(access, unpullable, 120);
  });

  test("for which no node has the NPUs is told of when time is up.", async () => {
    const second = simulatedSet("second", "node-0", 8002);
    await apply(access, second);

    const failed = untilReady(access, second, 5);

    await expect(failed).rejects.toThrow("Insufficient huawei.com/Ascend910");
    await remove(access, second, 120);
  });

  test("is gone with its pod when it is removed.", async () => {
    await remove(access, set, 120);

    expect(await podsOf(access, "default", labels)).toEqual([]);
    expect(nodes.nodes.flatMap(({ kubelet }) => kubelet.failures)).toEqual([]);
  });
});
