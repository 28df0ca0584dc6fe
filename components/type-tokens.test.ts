import { expect, test } from "vitest";
import { PdDeployment } from "./deployment.ts";
import { inTemporaryProject, planOfStack, registrationsOf } from "./testing/mocks.ts";

inTemporaryProject();

// To Pulumi a resource of another type, or below another, is another resource: after a rename the next `up` of a user
// replaces it, a container included. What must be renamed needs an alias.
test("The types by which Pulumi knows the resources of users' stacks do not change.", async () => {
  const types = new Set<string>();
  for (const stack of ["sim-2p2d", "2p2d"]) {
    const plan = await planOfStack(stack);
    const registrations = await registrationsOf(stack, () => {
      new PdDeployment(stack, { plan, nodeImage: "node:test" });
    });
    for (const { token, parent } of registrations) types.add(`${parent.split(" ")[0]} > ${token}`);
  }

  expect([...types].sort()).toEqual([
    " > ascend-pd:index:PdDeployment",
    "DecodeInstance > ascend-pd:index:NpuDevices",
    "DecodeInstance > command:local:Command",
    "DecodeInstance > docker:index/container:Container",
    "Host > pulumi:providers:docker",
    "NpuDevices > command:local:Command",
    "PdDeployment > ascend-pd:index:DecodeInstance",
    "PdDeployment > ascend-pd:index:Host",
    "PdDeployment > ascend-pd:index:PrefillInstance",
    "PdDeployment > ascend-pd:index:RankTableFile",
    "PdDeployment > ascend-pd:index:Scheduler",
    "PdDeployment > ascend-pd:index:SourceImage",
    "PdDeployment > command:local:Command",
    "PrefillInstance > ascend-pd:index:NpuDevices",
    "PrefillInstance > command:local:Command",
    "PrefillInstance > docker:index/container:Container",
    "Scheduler > command:local:Command",
    "Scheduler > docker:index/container:Container",
    "SourceImage > docker:index/remoteImage:RemoteImage",
  ]);
});
