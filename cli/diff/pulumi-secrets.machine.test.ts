import { expect, test } from "vitest";
import { run } from "../../system/programs.ts";
import { differenceOf } from "../testing/previews.ts";
import { inTemporaryProject, projectStack } from "../testing/pulumi-project.ts";
import { markdownOf } from "./markdown.ts";

inTemporaryProject();

/** A resource with a secret in its environment, one that Pulumi knows as such and one that only its name gives away. */
const program = (canary: string) => `
  import * as command from "@pulumi/command";
  new command.local.Command("login", {
    create: "true",
    environment: { REGISTRY: pulumi.secret("${canary}-known"), REGISTRY_PASSWORD: "${canary}-plain" },
    triggers: ["${canary.length}"],
  });`;

test("By the real engine's preview: a secret that changes is a change, and its value is not shown.", async () => {
  const before = await projectStack(program("canary"));
  await run("pulumi", ["up", "--yes", "--skip-preview", ...before.args], { env: before.env });
  const after = await projectStack(program("canaries"));

  const preview = await run("pulumi", ["preview", "--json", ...after.args], { env: after.env });

  const difference = differenceOf(JSON.parse(preview));
  expect(difference.changes).toEqual([
    {
      subject: "resource",
      name: "command:local:Command::login",
      operation: "replace",
      properties: expect.arrayContaining([
        expect.objectContaining({
          property: "environment.REGISTRY_PASSWORD",
          old: "[secret]",
          new: "[secret]",
        }),
      ]),
    },
  ]);
  expect(preview).toContain("canaries-plain");
  expect(markdownOf(difference)).not.toMatch(/canar/);
});
