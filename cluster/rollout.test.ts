import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Access } from "./access.ts";
import { call, Unreachable } from "./request.ts";
import { untilReady } from "./rollout.ts";

let server: Server | undefined;

afterEach(() => server?.close());

/** An API server that answers each question as `answers` does. */
async function apiServer(answers: (path: string, response: ServerResponse) => void): Promise<Access> {
  const own = createServer(({ url = "" }, response) => answers(url, response));
  await new Promise<void>((resolve) => own.listen(0, "127.0.0.1", resolve));
  server = own;
  const { port } = own.address() as AddressInfo;
  return { name: "test", server: `http://127.0.0.1:${port}`, namespace: "pd", tls: {} };
}

const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "scheduler" } };

/** A cluster with that Deployment of one pod, in the next of `states` each time it is asked for. */
function clusterOf(states: readonly { readonly status: object; readonly pod: object }[]): Promise<Access> {
  let looks = 0;
  let pod: object = {};
  const next = () => {
    const state = states[Math.min(looks++, states.length - 1)];
    pod = state?.pod ?? {};
    const spec = { replicas: 1, selector: { matchLabels: { app: "scheduler" } } };
    return { ...deployment, metadata: { name: "scheduler", generation: 2 }, spec, status: state?.status };
  };
  const resources = [{ name: "deployments", kind: "Deployment", namespaced: true }];
  return apiServer((path, response) => {
    if (path.includes("/log?")) response.end("unknown flag");
    else if (path.includes("/pods?")) response.end(JSON.stringify({ items: [pod] }));
    else response.end(JSON.stringify(path.endsWith("/apis/apps/v1") ? { resources } : next()));
  });
}

const podThat = (status: object, metadata: object = {}) => ({
  metadata: { name: "scheduler-1", uid: "1", ...metadata },
  spec: { nodeName: "node-0" },
  status,
});
const endsAgain = {
  containerStatuses: [{ restartCount: 7, state: { waiting: { reason: "CrashLoopBackOff" } } }],
};
const ready = { conditions: [{ type: "Ready", status: "True" }] };

test("A pod of what the object was before, and beyond hope, does not fail the change that mends it.", async () => {
  const access = await clusterOf([
    { status: { observedGeneration: 1, updatedReplicas: 1 }, pod: podThat(endsAgain) },
    { status: { observedGeneration: 2, updatedReplicas: 0 }, pod: podThat(endsAgain) },
    { status: { observedGeneration: 2, updatedReplicas: 1, readyReplicas: 1 }, pod: podThat(ready) },
  ]);

  await untilReady(access, deployment, 60);
});

test("One of what it is now fails it at once.", async () => {
  const access = await clusterOf([
    { status: { observedGeneration: 2, updatedReplicas: 1 }, pod: podThat(endsAgain) },
  ]);

  await expect(untilReady(access, deployment, 600)).rejects.toThrow(
    "pod scheduler-1 is not going to be ready: CrashLoopBackOff on node-0, started 8 times\nits last words:\nunknown flag",
  );
});

test("Of a pod that has not ended when time is up it is said that it is ending.", async () => {
  const ending = podThat(ready, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const access = await clusterOf([{ status: { observedGeneration: 2, updatedReplicas: 0 }, pod: ending }]);

  await expect(untilReady(access, deployment, 0)).rejects.toThrow(
    "it is ending on node-0, and has until 2026-01-01T00:00:00Z",
  );
});

test("An answer that breaks off is one of an API server that cannot be reached.", async () => {
  const access = await apiServer((_, response) => {
    response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy());
  });

  await expect(call(access, "/version")).rejects.toBeInstanceOf(Unreachable);
});
