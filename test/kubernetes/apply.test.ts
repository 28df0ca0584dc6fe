import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Access, findAccess } from "../../cluster/access.ts";
import { apply, read, remove } from "../../cluster/apply.ts";
import { differences } from "../../cluster/differences.ts";
import { call } from "../../cluster/request.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import { type Cluster, noCluster, startCluster } from "./testing/cluster.ts";
import { serviceOf, simulatedSet } from "./testing/objects.ts";

const obstacle = await noCluster();

describe.skipIf(obstacle !== undefined)("objects on a cluster", () => {
  let cluster: Cluster;
  let access: Access;

  beforeAll(async () => {
    cluster = await startCluster();
    access = await findAccess("admin", { KUBECONFIG: cluster.kubeconfig });
  });

  afterAll(() => cluster?.dispose());

  const refused = async (asked: Promise<unknown>): Promise<FixableError> => {
    const error = await asked.then(
      () => new Error("it was done"),
      (error: Error) => error,
    );
    if (!(error instanceof FixableError)) throw error;
    return error;
  };

  test("What is applied is there as it was asked for, and applying it again changes nothing.", async () => {
    const set = simulatedSet("one", "node-0", 8000);

    await apply(access, set);

    const there = await read(access, set);
    expect(there).toMatchObject({ spec: { replicas: 1, updateStrategy: { type: "OnDelete" } } });
    expect(await differences(access, set)).toEqual([]);
    await remove(access, set, 60);
    expect(await read(access, set)).toBeUndefined();
  });

  test("A dry run says what would change, field by field, and changes nothing.", async () => {
    const set = simulatedSet("two", "node-0", 8000);
    expect(await differences(access, set)).toEqual(["StatefulSet two is new"]);
    await apply(access, set);

    const changed = await differences(access, simulatedSet("two", "node-0", 8000, ["--max-num-seqs=4"]));

    expect(changed).toEqual([
      'StatefulSet two.spec.template.spec.containers[prefill].args[4]: nothing → "--max-num-seqs=4"',
    ]);
    expect(await differences(access, set)).toEqual([]);
  });

  test("What others have set besides stays as it is.", async () => {
    const service = serviceOf("mixed", 8000);
    await apply(access, service);
    const annotated = { metadata: { annotations: { "example.com/owner": "team-a" } } };
    await call(access, "/api/v1/namespaces/default/services/mixed", {
      method: "PATCH",
      type: "application/merge-patch+json",
      body: annotated,
    });

    await apply(access, service);

    expect(await read(access, service)).toMatchObject(annotated);
  });

  describe("A refusal is told in plain words, with what to do:", () => {
    test("a field that somebody else manages,", async () => {
      const service = serviceOf("fought-over", 8000);
      await apply(access, service);
      await call(access, "/api/v1/namespaces/default/services/fought-over", {
        method: "PATCH",
        type: "application/apply-patch+yaml",
        query: { fieldManager: "somebody", force: "true" },
        body: { ...service, spec: { ...service.spec, selector: { app: "other" } } },
      });

      const { message, fix } = await refused(
        apply(access, { ...service, spec: { selector: { app: "third" } } }),
      );

      expect(message).toContain("applying Service fought-over was refused (HTTP 409, context admin)");
      expect(message).toContain(`.spec.selector: conflict with "somebody"`);
      expect(fix).toContain("--force-conflicts --field-manager=ascend-pd");
    });

    test("a context that may not do it,", async () => {
      const nobody = await findAccess("nobody", { KUBECONFIG: cluster.kubeconfig });

      const { message, fix } = await refused(apply(nobody, serviceOf("forbidden", 8000)));

      expect(message).toContain('User "nobody" cannot patch resource "services"');
      expect(fix).toContain("RoleBinding");
    });

    test("nobody known,", async () => {
      const { message, fix } = await refused(apply({ ...access, token: "old" }, serviceOf("unknown", 8000)));

      expect(message).toContain("does not know who asks");
      expect(fix).toContain("renew the token");
    });

    test("a kind that the cluster has not,", async () => {
      const object = {
        apiVersion: "mindcluster.huawei.com/v1",
        kind: "InferServiceSet",
        metadata: { name: "one" },
      };

      const { message, fix } = await refused(apply(access, object));

      expect(message).toContain("knows no InferServiceSet of mindcluster.huawei.com/v1");
      expect(fix).toContain("CustomResourceDefinition");
    });

    test("a field that the API has not,", async () => {
      const service = serviceOf("misspelt", 8000);

      const { message } = await refused(apply(access, { ...service, spec: { ...service.spec, portz: [] } }));

      expect(message).toContain(".spec.portz: field not declared in schema");
    });

    test("a namespace that is not there,", async () => {
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one", namespace: "nowhere" } };

      const { message, fix } = await refused(apply(access, object));

      expect(message).toContain('namespaces "nowhere" not found');
      expect(fix).toContain("kubectl create namespace");
    });

    test("a namespace that is full,", async () => {
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "full" } };
      const quota = {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "none", namespace: "full" },
        spec: { hard: { services: "0" } },
      };
      await apply(access, namespace);
      await apply(access, quota);
      const service = { ...serviceOf("one", 8000), metadata: { name: "one", namespace: "full" } };
      // The controller has not yet counted what is there.
      await expect
        .poll(async () => (await refused(apply(access, service))).message, { timeout: 120_000 })
        .toContain("exceeded quota: none");

      const { fix } = await refused(apply(access, service));

      expect(fix).toContain("ResourceQuota raised");
    });

    test("a StatefulSet's field that cannot change,", async () => {
      const set = simulatedSet("fixed", "node-0", 8000);
      await apply(access, set);

      const { fix } = await refused(apply(access, { ...set, spec: { ...set.spec, serviceName: "other" } }));

      expect(fix).toContain("destroy that instance first");
    });

    test("an API server that is away.", async () => {
      await cluster.stopApiServer();

      const { message, fix } = await refused(read(access, serviceOf("mixed", 8000)));

      expect(message).toContain(`${access.server} (context admin) cannot be reached`);
      expect(fix).toContain("KUBECONFIG");
      await cluster.startApiServer();
      expect(await read(access, serviceOf("mixed", 8000))).toBeDefined();
    });
  });
});
