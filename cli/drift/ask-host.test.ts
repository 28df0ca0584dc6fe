import { expect, test } from "vitest";
import { serveEngine } from "../../docker/testing/servers.ts";
import { droppingSsh } from "../../hosts/testing/dropping-ssh.ts";
import { recorded } from "../testing/drift-samples.ts";
import { askHost } from "./ask-host.ts";

const { plan } = recorded("simulated").compared;

test("Over SSH, a host that drops connections is asked again.", async () => {
  const docker = await serveEngine(({ url }, response) =>
    response.end(url === "/version" ? '{"Version":"28.0"}' : "[]"),
  );
  const started = await droppingSsh(docker);

  const answer = await askHost(plan, { name: "local", address: "10.0.0.18", docker: "ssh://root@10.0.0.18" });

  expect(answer).toMatchObject({ containers: [] });
  expect(await started()).toHaveLength(2);
});
