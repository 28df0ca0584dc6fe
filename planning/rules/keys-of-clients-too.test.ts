import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import { changedInput, onKubernetes } from "../testing/sample-input.ts";

const withEngineKey = { "engine.secretEnv": ["VLLM_API_KEY"] };

test("On a cluster, where `up` takes no keys of clients, none are advised; on hosts they are.", () => {
  const onHosts = plan("two", changedInput(withEngineKey));
  const onCluster = plan("two", changedInput({ ...onKubernetes(), ...withEngineKey }));

  const codes = [onHosts, onCluster].map((one) => "warnings" in one && one.warnings.map(({ code }) => code));
  expect(codes).toEqual([["PD156"], []]);
});
