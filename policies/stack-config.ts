import * as pulumi from "@pulumi/pulumi";

/** What the stack's configuration has under `ascend-pd:NAME`; a stack without any is shown as `null`, which Config cannot read. */
export const stackConfig = (name: string): string | undefined =>
  process.env.PULUMI_CONFIG === "null" ? undefined : new pulumi.Config("ascend-pd").get(name);
