import { expect, test } from "vitest";
import { containerOf, deployedOf, find, findAfter, others, recorded } from "../testing/drift-samples.ts";

test("A credential's value is never told, neither the planned one nor the one that is there.", () => {
  const { compared, answer } = recorded("simulated");
  const [first, ...rest] = compared.plan.containers;
  if (first === undefined) throw new Error("no container");
  const containers = [{ ...first, env: { ...first.env, OBS_SK: "planned-secret" } }, ...rest];
  const there = structuredClone(containerOf(compared, answer, 0));
  there.Config.Env.push("OBS_SK=other-secret", "NOTE=--api-key abcdef");

  const findings = find({
    compared: { ...compared, plan: { ...compared.plan, containers } },
    answer: { ...answer, containers: others(answer, there.Id).concat(there) },
  });

  expect(findings[0]?.differences).toContainEqual({
    what: "env.OBS_SK",
    planned: "[secret]",
    there: "[secret], another one",
  });
  expect(JSON.stringify(findings)).not.toMatch(/planned-secret|other-secret|abcdef/);
});

test("Of a variable whose value no Plan has, only that it is missing is found.", () => {
  const { compared, answer } = recorded("simulated");
  const [first, ...rest] = compared.plan.containers;
  if (first === undefined) throw new Error("no container");
  const plan = { ...compared.plan, containers: [{ ...first, secretEnv: ["LICENCE"] }, ...rest] };
  const findWith = (...env: string[]) => {
    const there = structuredClone(containerOf(compared, answer, 0));
    there.Config.Env.push(...env);
    there.Config.Labels["ascend-pd.secret-env"] = "LICENCE";
    const containers = others(answer, there.Id).concat(there);
    return find({ compared: { ...compared, plan }, answer: { ...answer, containers } });
  };

  expect(findWith("LICENCE=0123")).toEqual([]);
  expect(findWith()[0]?.differences).toEqual([{ what: "env.LICENCE", planned: "[secret]", there: "none" }]);
});

test("A secret that the Plan names no longer is found without its value.", () => {
  const findings = findAfter(({ Config }) => {
    Config.Env.push("LICENCE=0123");
    Config.Labels["ascend-pd.secret-env"] = "LICENCE";
  });

  expect(findings[0]?.differences).toContainEqual({
    what: "env.LICENCE",
    planned: "none",
    there: "[secret]",
  });
});

test("What the state has encrypted is not taken for a change of the stack file.", () => {
  const simulated = recorded("simulated");
  const secret = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    ciphertext: "v1:",
  };
  const deployed = new Map(
    [...deployedOf(simulated)].map(([name, one]) => [
      name,
      { ...one, inputs: { ...one.inputs, envs: ["A=1", secret] } },
    ]),
  );

  expect(find({ ...simulated, compared: { ...simulated.compared, deployed } })).toEqual([]);
});
