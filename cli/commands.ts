import type { Command } from "./command.ts";
import { ask } from "./commands/ask.ts";
import { bench } from "./commands/bench.ts";
import { bundle } from "./commands/bundle.ts";
import { completionOf } from "./commands/completion.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { drift } from "./commands/drift.ts";
import { graph } from "./commands/graph.ts";
import { init } from "./commands/init.ts";
import { key } from "./commands/key.ts";
import { logs } from "./commands/logs.ts";
import { page } from "./commands/page.ts";
import { plan } from "./commands/plan.ts";
import { pulumi, toolchain } from "./commands/pulumi.ts";
import { ranktable } from "./commands/ranktable.ts";
import { ratio } from "./commands/ratio.ts";
import { recover } from "./commands/recover.ts";
import { render } from "./commands/render.ts";
import { scheduler } from "./commands/scheduler.ts";
import { status } from "./commands/status.ts";

/** Every command of `ascend-pd`, by its name. */
export const commands: Readonly<Record<string, Command>> = {
  ask,
  bench,
  bundle,
  completion: completionOf(() => commands),
  diff,
  doctor,
  drift,
  graph,
  init,
  key,
  logs,
  page,
  plan,
  pulumi,
  ranktable,
  ratio,
  recover,
  render,
  scheduler,
  status,
  toolchain,
};
