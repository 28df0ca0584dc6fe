import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Access, findAccess } from "../../cluster/access.ts";
import { podsOf } from "../../cluster/pods.ts";
import { postToService } from "../../cluster/proxy.ts";
import { call } from "../../cluster/request.ts";
import { expectedText } from "../../simulator/oracle.ts";
import { simulated1p1d, type TestStack, testStack } from "../testing/stacks.ts";
import { noTestHosts } from "../testing/test-hosts.ts";
import { type Cluster, noCluster, startCluster } from "./testing/cluster.ts";
import { startNodes } from "./testing/nodes.ts";

const obstacle = (await noTestHosts()) ?? (await noCluster());

// One stack from nothing to nothing, on the real Pulumi engine and a real API server; each test goes on from where the one
// before it stopped.
describe.skipIf(obstacle !== undefined)("a stack on a cluster", () => {
  const name = "e2e-k8s";
  let cluster: Cluster;
  let nodes: Awaited<ReturnType<typeof startNodes>>;
  let access: Access;
  let stack: TestStack;
  let deployment: ReturnType<typeof onNodes>;
  const before = process.env.KUBECONFIG;

  beforeAll(async () => {
    cluster = await startCluster();
    nodes = await startNodes(cluster, 2);
    access = await findAccess("admin", { KUBECONFIG: cluster.kubeconfig });
    process.env.KUBECONFIG = cluster.kubeconfig;
    stack = await testStack(name);
    deployment = onNodes();
    await stack.configure(deployment);
  });

  afterAll(async () => {
    await stack?.dispose();
    process.env.KUBECONFIG = before;
    await nodes?.dispose();
    await cluster?.dispose();
  });

  function onNodes() {
    const hosts = nodes.nodes.map(({ name, address }) => [name, { address }] as const);
    return {
      ...simulated1p1d(8000),
      target: {
        kind: "kubernetes",
        namespace: "pd",
        registry: "registry.example.com/pd",
        npuResource: "huawei.com/Ascend910",
        schedulerName: "default-scheduler",
      },
      engine: { kind: "simulated", extraArgs: ["--inter-token-ms=1"] },
      hosts: Object.fromEntries(hosts),
      prefill: [{ host: "node-0", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8000 }],
      decode: [{ host: "node-1", devices: [0, 1, 2, 3, 4, 5, 6, 7], port: 8001 }],
      scheduler: { port: 9000 },
    };
  }

  const ask = async () => {
    const body = { model: "test-model", prompt: "Exact to the token.", max_tokens: 24, seed: 7 };
    const service = { namespace: "pd", service: `${name}-scheduler`, port: 9000 };
    const answer = await postToService(access, service, "/v1/completions", body, 60);
    return { answer: JSON.parse(answer.text), text: expectedText(JSON.stringify(body), 24) };
  };

  /** Kind and name of all that the namespace has of the stack. */
  async function objects(): Promise<string[]> {
    const paths = [
      ...["pods", "services", "configmaps"].map((one) => `/api/v1/namespaces/pd/${one}`),
      ...["statefulsets", "deployments"].map((one) => `/apis/apps/v1/namespaces/pd/${one}`),
      "/apis/policy/v1/namespaces/pd/poddisruptionbudgets",
      "/apis/networking.k8s.io/v1/namespaces/pd/networkpolicies",
      "/apis/scheduling.k8s.io/v1/priorityclasses",
    ];
    const found = paths.map(async (path) => {
      const query = { labelSelector: `ascend-pd.stack=${name}` };
      const { kind, items } = JSON.parse((await call(access, path, { query })).text);
      return items.map(
        (one: { metadata: { name: string } }) => `${kind.replace(/List$/, "")} ${one.metadata.name}`,
      );
    });
    return (await Promise.all(found)).flat().sort();
  }

  test("A form that needs an operator is refused with what to do instead.", async () => {
    await stack.configure({ ...deployment, target: { ...deployment.target, form: "infer-service-set" } });

    const { code, output } = await stack.pulumi("preview");

    expect(output).toContain("target.form infer-service-set is rendered, and not applied");
    expect(code).not.toBe(0);
    await stack.configure(deployment);
  });

  test("up into a namespace that is not there is refused before anything is made.", async () => {
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(output).toContain('namespaces "pd" not found');
    expect(output).toContain("kubectl create namespace");
    expect(code).not.toBe(0);
    expect(await objects()).toEqual([]);
  });

  test("A preview says what the cluster would make.", async () => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "pd" } };
    await call(access, "/api/v1/namespaces", { method: "POST", body: namespace });

    const { code, output } = await stack.pulumi("preview");

    expect(output).toContain(`StatefulSet ${name}-decode-0 is new`);
    expect(code).toBe(0);
    expect(await objects()).toEqual([]);
  });

  test("up brings all objects and ends after a completion came back through the scheduler.", async () => {
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(output).not.toContain("error:");
    expect(code).toBe(0);
    const pods = await podsOf(access, "pd", { "ascend-pd.stack": name });
    expect(pods.map(({ spec }) => spec.nodeName)).toHaveLength(3);
    const { answer, text } = await ask();
    expect(answer).toMatchObject({ choices: [{ text }] });
  });

  test("A preview right after up shows no changes.", async () => {
    const { code, output } = await stack.pulumi("preview", "--expect-no-changes");

    expect(output).not.toContain("the cluster would change");
    expect(code).toBe(0);
  });

  test("What somebody has changed on the cluster shows in a preview.", async () => {
    const path = `/apis/apps/v1/namespaces/pd/statefulsets/${name}-decode-0`;
    const scale = (replicas: number) =>
      call(access, path, {
        method: "PATCH",
        type: "application/merge-patch+json",
        query: { fieldManager: "somebody" },
        body: { spec: { replicas } },
      });
    await scale(0);

    const { output } = await stack.pulumi("preview");

    expect(output).toContain('.spec.replicas: conflict with "somebody"');
    await scale(1);
  });

  test("A change of one instance makes its pod anew and no other instance's, and the answers are the same as before.", async () => {
    const uids = async () =>
      Object.fromEntries(
        (await podsOf(access, "pd", { "ascend-pd.stack": name })).map(({ metadata }) => [
          metadata.labels?.["ascend-pd.container"] ?? "scheduler",
          metadata.uid,
        ]),
      );
    const were = await uids();
    const [decode] = deployment.decode;
    await stack.configure({ ...deployment, decode: [{ ...decode, port: 8009 }] });

    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(output).not.toContain("error:");
    expect(code).toBe(0);
    const are = await uids();
    expect(are[`${name}-prefill-0`]).toBe(were[`${name}-prefill-0`]);
    expect(are[`${name}-decode-0`]).not.toBe(were[`${name}-decode-0`]);
    const { answer, text } = await ask();
    expect(answer).toMatchObject({ choices: [{ text }] });
  });

  test("Destroy leaves nothing.", async () => {
    const { code } = await stack.pulumi("destroy", "--yes", "--skip-preview");

    expect(code).toBe(0);
    expect(await objects()).toEqual([]);
    expect(nodes.nodes.flatMap(({ kubelet }) => kubelet.failures)).toEqual([]);
  });
});
